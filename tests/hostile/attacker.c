/* SPDX-License-Identifier: ISC */
#include "tests/hostile/attacker.h"

#include <errno.h>
#include <linux/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

double
attacker_now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

bool
attacker_is_over(const struct attacker *a)
{
	return a->is_closed || attacker_now_s() >= a->until_s ||
	       (a->stop != NULL && *a->stop);
}

void
attacker_pause_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* --- bytes ------------------------------------------------------------ */

static void
wait_for(struct attacker *a, short events)
{
	struct pollfd fd = {.fd = a->fd, .events = events};

	if (!attacker_is_over(a))
		poll(&fd, 1, 100);
}

size_t
attacker_result(struct attacker *a, int n)
{
	int error;

	if (n > 0)
		return (size_t)n;
	if (a->ssl == NULL) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			a->is_closed = true;
		return 0;
	}
	error = SSL_get_error(a->ssl, n);
	if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
		a->is_closed = true;
	return 0;
}

size_t
attacker_take(struct attacker *a, void *buf, size_t size)
{
	size_t n;

	if (a->ssl != NULL)
		n = attacker_result(a, SSL_read(a->ssl, buf, (int)size));
	else
		n = attacker_result(a, (int)recv(a->fd, buf, size, 0));
	return n;
}

void
attacker_drain(struct attacker *a)
{
	char junk[65536];

	while (!a->is_closed && attacker_take(a, junk, sizeof(junk)) > 0)
		;
}

void
attacker_put(struct attacker *a, const void *bytes, size_t len, bool reads)
{
	const char *p = bytes;

	while (len > 0 && !attacker_is_over(a)) {
		size_t n = attacker_result(
		    a, a->ssl != NULL ? SSL_write(a->ssl, p, (int)len)
				      : (int)send(a->fd, p, len, MSG_NOSIGNAL));

		p += n;
		len -= n;
		if (reads)
			attacker_drain(a);
		if (n == 0)
			wait_for(a, reads ? POLLIN | POLLOUT : POLLOUT);
	}
}

void
attacker_put_raw(struct attacker *a, const void *bytes, size_t len)
{
	SSL *ssl = a->ssl;

	a->ssl = NULL;
	attacker_put(a, bytes, len, false);
	a->ssl = ssl;
}

void
attacker_put_text(struct attacker *a, const char *text)
{
	attacker_put(a, text, strlen(text), false);
}

void
attacker_put_garbage(struct attacker *a)
{
	uint8_t junk[4096];

	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (uint8_t)(i * 2654435761u >> 13);
	attacker_put(a, junk, sizeof(junk), false);
}

void
attacker_frame(struct attacker *a, unsigned type, unsigned flags, uint32_t id,
    uint32_t length, bool reads)
{
	uint8_t h[12] = {0, (uint8_t)type, (uint8_t)(flags >> 8),
	    (uint8_t)flags, (uint8_t)(id >> 24), (uint8_t)(id >> 16),
	    (uint8_t)(id >> 8), (uint8_t)id, (uint8_t)(length >> 24),
	    (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length};

	attacker_put(a, h, sizeof(h), reads);
}

void
attacker_data(struct attacker *a, unsigned flags, uint32_t id,
    const void *bytes, size_t len)
{
	attacker_frame(a, DATA, flags, id, (uint32_t)len, false);
	attacker_put(a, bytes, len, false);
}

void
attacker_data_text(
    struct attacker *a, unsigned flags, uint32_t id, const char *text)
{
	attacker_data(a, flags, id, text, strlen(text));
}

void
attacker_wait(struct attacker *a)
{
	while (!attacker_is_over(a)) {
		attacker_drain(a);
		if (!a->is_closed)
			wait_for(a, POLLIN);
	}
}

/* --- getting there ---------------------------------------------------- */

void
attacker_set_timeouts(const struct attacker *a)
{
	struct timeval timeout = {.tv_usec = 50000};

	setsockopt(a->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(a->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
}

bool
attacker_dial(struct attacker *a)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_port = htons(a->port),
	    .sin_addr = a->target};
	struct sockaddr_in ours = {
	    .sin_family = AF_INET, .sin_addr = a->address};

	a->is_closed = false;
	a->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (a->fd < 0)
		return false;
	attacker_set_timeouts(a);
	if (bind(a->fd, (struct sockaddr *)&ours, sizeof(ours)) == 0 &&
	    connect(a->fd, (struct sockaddr *)&sin, sizeof(sin)) == 0)
		return true;
	attacker_end(a);
	return false;
}

static void
count_bytes(struct attacker *a)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(a->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return;
	a->sent += info.tcpi_bytes_sent;
	a->received += info.tcpi_bytes_received;
}

void
attacker_end(struct attacker *a)
{
	SSL_free(a->ssl);
	a->ssl = NULL;
	if (a->fd >= 0) {
		count_bytes(a);
		close(a->fd);
	}
	a->fd = -1;
}
