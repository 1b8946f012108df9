/* SPDX-License-Identifier: ISC */
#include "dm-net/http/connection.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "dm-net/http/http1.h"
#include "dm-net/http/http2.h"
#include "dm-net/http/server.h"

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct http_conn *c = arg;

	(void)fd;
	(void)what;
	c->is_readable = true;
	http_conn_run(c);
	/* Nobody reads now: the event would come again and again. */
	if (!c->is_dead && c->is_readable) {
		event_del(c->read_event);
		c->is_reading = false;
	}
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	http_conn_run(arg);
}

/* IPv4 in four bytes, also when it comes mapped into IPv6. */
static void
set_address(struct http_conn *c, const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET) {
		c->address_len = 4;
		memcpy(c->address,
		    &((const struct sockaddr_in *)(const void *)sa)->sin_addr,
		    4);
	} else if (sa->sa_family == AF_INET6) {
		const struct in6_addr *a =
		    &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
		bool is_mapped = IN6_IS_ADDR_V4MAPPED(a);

		c->address_len = is_mapped ? 4 : 16;
		memcpy(c->address, a->s6_addr + (is_mapped ? 12 : 0),
		    c->address_len);
	}
	c->is_loopback =
	    c->address_len == 4
		? c->address[0] == 127
		: c->address_len == 16 &&
		      memcmp(c->address, &in6addr_loopback, 16) == 0;
}

void
http_conn_new(struct http_server *s, int fd, const struct sockaddr *sa)
{
	struct http_conn *c = xcalloc(1, sizeof(*c));
	int on = 1;

	c->server = s;
	c->fd = fd;
	set_address(c, sa);
	/* Heads and bodies are sent in as few pieces as can be anyway. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->read_event =
	    event_new(s->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->write_event =
	    event_new(s->base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	if (c->read_event == NULL || c->write_event == NULL)
		fatal("event_new");
	c->h1 = http1_new(c);
	c->progress_s = clock_mono_s();
	TAILQ_INSERT_TAIL(&s->conns, c, all);
	s->n_conns++;
	c->is_readable = true;
	http_conn_kick(c);
}

void
http_conn_kick(struct http_conn *c)
{
	/* While it runs it sees for itself what is new. */
	if (c->is_dead || c->is_ready || c->is_running)
		return;
	c->is_ready = true;
	TAILQ_INSERT_TAIL(&c->server->ready, c, turn);
	http_server_turn(c->server);
}

void
http_conn_close(struct http_conn *c)
{
	struct http_server *s = c->server;

	if (c->is_dead)
		return;
	c->is_dead = true;
	if (c->is_ready)
		TAILQ_REMOVE(&s->ready, c, turn);
	TAILQ_REMOVE(&s->conns, c, all);
	s->n_conns--;
	TAILQ_INSERT_TAIL(&s->dead, c, turn);
	event_del(c->read_event);
	event_del(c->write_event);
	close(c->fd);
	c->fd = -1;
	http_server_turn(s);
}

void
http_conn_free(struct http_conn *c)
{
	http1_free(c->h1);
	http2_free(c->h2);
	event_free(c->read_event);
	event_free(c->write_event);
	http_text_clear(&c->out);
	free(c);
}

void
http_conn_run(struct http_conn *c)
{
	bool has_more = false;

	c->is_running = true;
	if (c->h1 != NULL && http1_run(c->h1, &has_more) == HTTP1_PREFACE) {
		size_t len;
		const void *data = http1_buffered(c->h1, &len);

		c->h2 = http2_new(c);
		http2_input(c->h2, data, len);
		http1_free(c->h1);
		c->h1 = NULL;
	}
	if (c->h2 != NULL)
		http2_run(c->h2, &has_more);
	c->is_running = false;
	if (has_more)
		http_conn_kick(c); /* others first */
}

void
http_conn_tick(struct http_conn *c, uint64_t now_s)
{
	/* A client that takes nothing while there is something for it. */
	if (http_text_left(&c->out) > 0 || c->is_writing) {
		if (now_s - c->progress_s > HTTP_STALL_S_MAX) {
			c->server->count.timed_out++;
			http_conn_close(c);
			return;
		}
	}
	if (c->h1 != NULL)
		http1_tick(c->h1, now_s);
	else
		http2_tick(c->h2, now_s);
}

bool
http_conn_is_idle(const struct http_conn *c)
{
	return c->h1 != NULL ? http1_is_idle(c->h1) : http2_is_idle(c->h2);
}

void
http_conn_want_read(struct http_conn *c)
{
	if (c->is_dead || c->is_reading)
		return;
	event_add(c->read_event, NULL);
	c->is_reading = true;
}

void
http_conn_want_write(struct http_conn *c, bool wanted)
{
	if (c->is_dead || wanted == c->is_writing)
		return;
	if (wanted) {
		c->progress_s = clock_mono_s();
		event_add(c->write_event, NULL);
	} else {
		event_del(c->write_event);
	}
	c->is_writing = wanted;
}

size_t
http_conn_read(struct http_conn *c, void *buf, size_t len)
{
	ssize_t n = recv(c->fd, buf, len, 0);

	/* Level-triggered: what is left shows again. */
	c->is_readable = false;
	if (n > 0) {
		c->progress_s = clock_mono_s();
		return (size_t)n;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	http_conn_close(c);
	return 0;
}

/* As send(2), but 0 for a full socket, and -1 has closed the connection. */
static ssize_t
send_some(struct http_conn *c, const void *data, size_t len, int flags)
{
	ssize_t n = send(c->fd, data, len, flags | MSG_NOSIGNAL);

	if (n > 0) {
		/* progress_s only counts while something waits. */
		if (c->is_writing)
			c->progress_s = clock_mono_s();
		return n;
	}
	if (n == -1 && errno != EAGAIN && errno != EINTR) {
		http_conn_close(c);
		return -1;
	}
	return 0;
}

bool
http_conn_flush(struct http_conn *c)
{
	ssize_t n = 1;

	if (c->is_dead)
		return false;
	if (http_text_left(&c->out) == 0)
		return true;
	while (http_text_left(&c->out) > 0 && n > 0) {
		n = send_some(
		    c, http_text_at(&c->out), http_text_left(&c->out), 0);
		if (n > 0)
			http_text_take(&c->out, (size_t)n);
	}
	if (n == -1)
		return false;
	http_conn_want_write(c, http_text_left(&c->out) > 0);
	return http_text_left(&c->out) == 0;
}

bool
http_conn_send(
    struct http_conn *c, const void *data, size_t len, bool more_follows)
{
	ssize_t n;

	if (c->is_dead)
		return false;
	if (http_text_left(&c->out) > 0) {
		http_text_add(&c->out, data, len);
		return http_conn_flush(c);
	}
	n = send_some(c, data, len, more_follows ? MSG_MORE : 0);
	if (n == -1)
		return false;
	if ((size_t)n == len)
		return true;
	http_text_add(&c->out, (const char *)data + n, len - (size_t)n);
	http_conn_want_write(c, true);
	return false;
}

bool
http_conn_is_local(const struct http_conn *c)
{
	const struct http_backend *b = &c->server->backend;

	return c->is_loopback ||
	       (c->address_len > 0 &&
		   b->is_own_address(b->ctx, c->address, c->address_len));
}
