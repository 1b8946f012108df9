/* SPDX-License-Identifier: ISC */
#include "dmctl/control_ask.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fdpass.h"
#include "dmctl/time_text.h"

#define SEND_NS_MAX (10 * NS_PER_S)	 /* for connect() and the request */
#define RECEIVED_MAX (UINT64_C(1) << 30) /* all names with all signers fit */

/* The time that is left for sending; never zero, which would mean for ever. */
static struct timeval
send_limit(uint64_t deadline_mono_ns)
{
	const uint64_t latest = clock_mono_ns() + SEND_NS_MAX;
	int ms =
	    time_left_ms(deadline_mono_ns < latest ? deadline_mono_ns : latest);

	return (struct timeval){ms / 1000, ms % 1000 * 1000 + (ms == 0)};
}

static int
ask_connect(const char *path, uint64_t deadline_mono_ns)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct timeval limit = send_limit(deadline_mono_ns);
	int fd, saved;

	if (strlen(path) >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(un.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	/* holds for connect(2) too, when the backlog is full */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ==
		-1 ||
	    connect(fd, (const struct sockaddr *)&un, sizeof(un)) == -1) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

int
control_ask_open(struct control_ask *ask, const char *socket_path,
    enum control_command command, const void *fields, int fd,
    uint64_t deadline_mono_ns)
{
	uint8_t request[CONTROL_REQUEST_MAX];
	size_t len = control_request_encode(command, fields, request);
	int saved;

	memset(&ask->answer, 0, sizeof(ask->answer));
	ask->attached_fd = -1;
	ask->waited_ns = 0;
	ask->received = 0;
	ask->fd = ask_connect(socket_path, deadline_mono_ns);
	if (ask->fd == -1)
		return -1;
	if (fdpass_send(ask->fd, request, len, fd, 0) != -1)
		return 0;
	saved = errno;
	control_ask_close(ask);
	errno = saved;
	return -1;
}

static ssize_t
ask_receive(struct control_ask *ask)
{
	struct fdpass_extra extra;
	ssize_t n =
	    fdpass_receive(ask->fd, ask->buf, sizeof(ask->buf), true, &extra);

	ask->attached_fd = extra.fd;
	return n;
}

/* Waits for something to receive, or for the deadline. -1: poll failed. */
static int
ask_wait(struct control_ask *ask, uint64_t deadline_mono_ns)
{
	struct pollfd p = {ask->fd, POLLIN, 0};
	const uint64_t start = clock_mono_ns();
	int n = poll(&p, 1, time_left_ms(deadline_mono_ns));

	ask->waited_ns += clock_mono_ns() - start;
	return n == -1 && errno != EINTR ? -1 : 0;
}

enum ask_result
control_ask_next(struct control_ask *ask, uint64_t deadline_mono_ns)
{
	ssize_t n;

	if (ask->attached_fd != -1)
		close(ask->attached_fd);
	ask->attached_fd = -1;
	while ((n = ask_receive(ask)) == -1) {
		if (errno != EAGAIN && errno != EINTR)
			return ASK_LOST;
		if (time_left_ms(deadline_mono_ns) == 0)
			return ASK_LATE;
		if (ask_wait(ask, deadline_mono_ns) == -1)
			return ASK_LOST;
	}
	if (n == 0) {
		errno = ECONNRESET;
		return ASK_LOST;
	}
	ask->received += (size_t)n;
	if (ask->received > RECEIVED_MAX ||
	    !control_answer_decode(&ask->answer, ask->buf, (size_t)n)) {
		errno = EPROTO;
		return ASK_LOST;
	}
	return ask->answer.is_end ? ASK_END : ASK_ROW;
}

int
control_ask_take_fd(struct control_ask *ask)
{
	int fd = ask->attached_fd;

	ask->attached_fd = -1;
	return fd;
}

void
control_ask_close(struct control_ask *ask)
{
	if (ask->attached_fd != -1)
		close(ask->attached_fd);
	if (ask->fd != -1)
		close(ask->fd);
	ask->attached_fd = -1;
	ask->fd = -1;
}
