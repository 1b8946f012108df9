/* SPDX-License-Identifier: ISC */
#include "dm-net/http/conn_io.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "dm-net/http/server.h"

/* --- turns ------------------------------------------------------------ */

/* Has the server run and free connections at the end of this turn. */
static void
end_turn_soon(struct http_server *s)
{
	if (!s->is_closing)
		event_active(s->turn_event, EV_TIMEOUT, 0);
}

void
http_conn_kick(struct http_conn *c)
{
	/* While it runs it sees for itself what is new. */
	if (c->is_dead || c->is_ready || c->is_running)
		return;
	c->is_ready = true;
	TAILQ_INSERT_TAIL(&c->server->ready, c, turn);
	end_turn_soon(c->server);
}

void
http_conn_begin(struct http_conn *c)
{
	c->begun_ns = clock_mono_ns();
	c->moved = 0;
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
	c->source->n_conns--;
	TAILQ_INSERT_TAIL(&s->dead, c, turn);
	event_del(c->read_event);
	event_del(c->write_event);
	close(c->fd);
	c->fd = -1;
	end_turn_soon(s);
}

/* --- bytes ------------------------------------------------------------ */

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
		c->moved += (size_t)n;
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
		c->moved += (size_t)n;
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

/* --- its source ------------------------------------------------------- */

bool
http_conn_is_local(const struct http_conn *c)
{
	const struct http_backend *b = &c->server->backend;

	return c->is_loopback ||
	       (c->address_len > 0 &&
		   b->is_own_address(b->ctx, c->address, c->address_len));
}

unsigned
http_conn_source_files(const struct http_conn *like)
{
	const struct http_conn *c;
	unsigned n = 0;

	TAILQ_FOREACH(c, &like->server->conns, all)
		if (c->source == like->source)
			n += c->n_files;
	return n;
}
