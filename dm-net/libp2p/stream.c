/* SPDX-License-Identifier: ISC */
/* The streams of host.h, on top of those of yamux: each begins with the
 * negotiation of its protocol, and then belongs to its handlers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/conn.h"
#include "dm-net/libp2p/mem.h"

static struct p2p_stream *
stream_new(struct p2p_conn *c, bool is_inbound)
{
	struct p2p_stream *s = mem_new(sizeof(*s));

	s->conn = c;
	s->is_inbound = is_inbound;
	s->ms = mem_new(sizeof(*s->ms));
	list_init(&s->link);
	list_init(&s->resume);
	list_append(&c->streams, &s->link);
	c->has_undated = true;
	return s;
}

/* From here on only on_closed is called, once stream_reap() comes by. */
static void
stream_end(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	struct p2p_conn *c = s->conn;

	if (s->is_ended)
		return;
	s->is_ended = true;
	s->end = end;
	s->code = code;
	list_remove(&s->link);
	list_append(&c->ended, &s->link);
	list_remove(&s->resume);
}

static void
stream_abort(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	if (s->is_ended)
		return;
	yamux_reset(s->ys, code);
	stream_end(s, end, 0);
}

/* Both directions have ended, and all was consumed. */
static void
stream_check_done(struct p2p_stream *s)
{
	if (s->has_fin && s->is_eof)
		stream_end(s, P2P_END_DONE, 0);
}

static void
stream_free(struct p2p_stream *s)
{
	struct p2p_conn *c = s->conn;

	if (s->served != NULL)
		c->inbound[s->served - c->host->protocols]--;
	list_remove(&s->link);
	list_remove(&s->resume);
	yamux_release(s->ys);
	free(s->ms);
	free(s);
}

void
stream_end_all(struct p2p_conn *c)
{
	while (!list_is_empty(&c->streams)) {
		struct p2p_stream *s =
		    LIST_OF(c->streams.next, struct p2p_stream, link);

		stream_abort(s, P2P_END_CONN, P2P_RESET_SHUTDOWN);
	}
}

/* Callbacks may end more of them; those wait for the next time, so that one
 * that always opens another cannot keep us here. */
void
stream_reap(struct p2p_conn *c)
{
	struct list batch, *link;

	list_move(&batch, &c->ended);
	while ((link = list_take(&batch)) != NULL) {
		struct p2p_stream *s = LIST_OF(link, struct p2p_stream, link);

		if (s->handlers != NULL && s->handlers->on_closed != NULL)
			s->handlers->on_closed(s, s->end, s->code);
		stream_free(s);
	}
}

void
stream_resume(struct p2p_conn *c)
{
	struct list batch, *link;

	list_move(&batch, &c->resumed);
	while ((link = list_take(&batch)) != NULL) {
		struct p2p_stream *s = LIST_OF(link, struct p2p_stream, resume);

		yamux_offer(s->ys, c->now_ns);
	}
}

/* --- timers ----------------------------------------------------------- */

static uint64_t
stream_deadline(const struct p2p_stream *s)
{
	uint64_t at_ns = s->is_open ? CONN_NEVER : s->negotiate_ns;

	if (s->deadline_ns != 0 && s->deadline_ns < at_ns)
		at_ns = s->deadline_ns;
	return at_ns;
}

void
stream_timers(struct p2p_conn *c)
{
	struct list *link, *next;

	if (!c->has_undated && c->now_ns < c->deadline_ns)
		return;
	c->has_undated = false;
	c->deadline_ns = CONN_NEVER;
	for (link = c->streams.next; link != &c->streams; link = next) {
		struct p2p_stream *s = LIST_OF(link, struct p2p_stream, link);
		uint64_t at_ns;

		next = link->next;
		if (s->negotiate_ns == 0)
			s->negotiate_ns = c->now_ns + CONN_NEGOTIATE_NS;
		at_ns = stream_deadline(s);
		if (at_ns <= c->now_ns)
			stream_abort(s, P2P_END_TIMEOUT,
			    s->is_open ? P2P_RESET_NONE
				       : P2P_RESET_NEGOTIATION);
		else if (at_ns < c->deadline_ns)
			c->deadline_ns = at_ns;
	}
}

/* --- negotiation ------------------------------------------------------ */

static void
stream_opened(struct p2p_stream *s)
{
	s->is_open = true;
	if (s->handlers->on_open != NULL)
		s->handlers->on_open(s);
}

/* The peer asked for a protocol that we serve. */
static void
stream_serve(struct p2p_stream *s)
{
	struct p2p_conn *c = s->conn;
	size_t index = multistream_index(s->ms);
	const struct protocol *protocol = &c->host->protocols[index];

	if (c->inbound[index] >= protocol->inbound_max) {
		stream_abort(s, P2P_END_LOCAL, P2P_RESET_LIMIT);
		return;
	}
	c->inbound[index]++;
	s->served = protocol;
	s->user = protocol->user;
	s->handlers = protocol->handlers;
	yamux_set_class(s->ys, (unsigned int)protocol->stream_class);
	yamux_set_limit(s->ys, YAMUX_WINDOW_MAX);
	yamux_want_write(s->ys);
	stream_opened(s);
}

/* Whether nothing of the negotiation waits to be said. */
static bool
is_said(const struct p2p_stream *s)
{
	size_t waiting = 0;

	if (s->ms != NULL)
		multistream_output(s->ms, &waiting);
	return waiting == 0;
}

/* The owner's half-close is sent after the negotiation. */
static void
pass_shutdown(struct p2p_stream *s)
{
	if (!s->is_shut || s->has_fin || !is_said(s))
		return;
	s->has_fin = true;
	yamux_shutdown(s->ys);
	stream_check_done(s);
}

/*
 * The negotiation failed. A dialer that sent its data along with a proposal
 * that we refused looks just like that; it is to hear the refusal, which a
 * reset might overtake. So we say it, half-close and read no more.
 */
static void
stream_refuse(struct p2p_stream *s, enum p2p_end end)
{
	size_t waiting;

	multistream_output(s->ms, &waiting);
	if (!s->is_inbound || s->said + waiting <= MULTISTREAM_HEADER_BYTES) {
		stream_abort(s, end, P2P_RESET_NEGOTIATION);
		return;
	}
	s->is_refused = true;
	s->is_shut = true;
	pass_shutdown(s);
}

/* Returns how much of `data` the negotiation took. */
static size_t
stream_negotiate(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	enum multistream_status status;
	size_t n;
	size_t waiting;

	status = multistream_input(s->ms, data, len, &n);
	multistream_output(s->ms, &waiting);
	if (waiting > 0)
		yamux_want_write(s->ys);
	if (status == MULTISTREAM_MORE)
		return n;
	if (status == MULTISTREAM_DONE && s->is_inbound)
		stream_serve(s);
	else if (status == MULTISTREAM_DONE)
		stream_opened(s);
	else if (status == MULTISTREAM_REFUSED)
		stream_abort(s, P2P_END_REFUSED, P2P_RESET_NEGOTIATION);
	else
		stream_refuse(s, P2P_END_PROTOCOL);
	return n;
}

/* Writes what the negotiation has to say; when all is said, it is over. */
static size_t
stream_propose(struct p2p_stream *s, uint8_t *out, size_t room)
{
	size_t waiting;
	const uint8_t *p = multistream_output(s->ms, &waiting);
	size_t n = waiting < room ? waiting : room;

	if (n > 0)
		memcpy(out, p, n);
	multistream_sent(s->ms, n);
	s->said += n;
	return n;
}

static void
drop_negotiation(struct p2p_stream *s)
{
	if (s->ms == NULL || !s->is_open || !is_said(s))
		return;
	free(s->ms);
	s->ms = NULL;
}

/* --- called by yamux -------------------------------------------------- */

static bool
on_open(void *ctx, struct yamux_stream *ys)
{
	struct p2p_conn *c = ctx;
	struct p2p_stream *s;

	if (c->is_ending)
		return false;
	s = stream_new(c, true);
	s->ys = ys;
	yamux_set_user(ys, s);
	yamux_set_limit(ys, 0); /* the negotiation takes all that comes */
	multistream_listen(s->ms, c->host->names, c->host->protocol_count);
	return true;
}

static size_t
on_data(void *ctx, struct yamux_stream *ys, const uint8_t *data, size_t len)
{
	struct p2p_conn *c = ctx;
	struct p2p_stream *s = yamux_user(ys);
	size_t n = 0;

	if (s->is_ended || s->is_refused || c->is_ending)
		return len;
	if (!s->is_open)
		n = stream_negotiate(s, data, len);
	drop_negotiation(s);
	if (s->is_refused)
		return len;
	if (n == len || s->is_ended || !s->is_open)
		return n;
	if (s->handlers->on_data == NULL)
		return len;
	return n + s->handlers->on_data(s, data + n, len - n);
}

static void
on_eof(void *ctx, struct yamux_stream *ys)
{
	struct p2p_conn *c = ctx;
	struct p2p_stream *s = yamux_user(ys);

	if (s->is_ended || c->is_ending)
		return;
	s->is_eof = true;
	if (!s->is_open) {
		if (!s->is_refused)
			stream_refuse(s, P2P_END_PROTOCOL);
		else
			stream_check_done(s);
		return;
	}
	if (s->handlers->on_eof == NULL)
		p2p_stream_shutdown(s);
	else
		s->handlers->on_eof(s);
	if (!s->is_ended)
		stream_check_done(s);
}

static void
on_reset(void *ctx, struct yamux_stream *ys, uint32_t code)
{
	stream_end(yamux_user(ys), P2P_END_RESET, code);
}

static void
on_squeezed(void *ctx, struct yamux_stream *ys)
{
	stream_end(yamux_user(ys), P2P_END_MEMORY, 0);
}

static size_t
on_pull(void *ctx, struct yamux_stream *ys, uint8_t *out, size_t room)
{
	struct p2p_conn *c = ctx;
	struct p2p_stream *s = yamux_user(ys);
	size_t n = 0;

	if (s->is_ended || c->is_ending)
		return 0;
	if (s->ms != NULL)
		n = stream_propose(s, out, room);
	drop_negotiation(s);
	if (n < room && !s->is_shut && (s->is_open || !s->is_inbound) &&
	    s->handlers->on_writable != NULL)
		n += s->handlers->on_writable(s, out + n, room - n);
	if (!s->is_ended)
		pass_shutdown(s);
	return n;
}

static void
on_pong(void *ctx)
{
	conn_on_pong(ctx);
}

const struct yamux_ops stream_yamux_ops = {
    .on_open = on_open,
    .on_data = on_data,
    .on_eof = on_eof,
    .on_reset = on_reset,
    .on_squeezed = on_squeezed,
    .on_pull = on_pull,
    .on_pong = on_pong,
};

/* --- public ----------------------------------------------------------- */

struct p2p_stream *
p2p_stream_open(struct p2p_conn *c, const char *protocol,
    enum p2p_class stream_class, const struct p2p_stream_handlers *handlers,
    void *user)
{
	struct yamux_stream *ys;
	struct p2p_stream *s;

	if (c->state != CONN_OPEN || c->is_ending) {
		errno = ENOTCONN;
		return NULL;
	}
	ys = yamux_open(c->yamux, NULL, (unsigned int)stream_class);
	if (ys == NULL) {
		errno = EAGAIN;
		return NULL;
	}
	s = stream_new(c, false);
	s->ys = ys;
	s->handlers = handlers;
	s->user = user;
	s->protocol = protocol;
	yamux_set_user(ys, s);
	multistream_dial(s->ms, &s->protocol, 1);
	conn_wake(c);
	return s;
}

void
p2p_stream_want_write(struct p2p_stream *s)
{
	if (s->is_ended || s->is_shut)
		return;
	yamux_want_write(s->ys);
	conn_wake(s->conn);
}

void
p2p_stream_want_read(struct p2p_stream *s)
{
	if (s->is_ended || !list_is_empty(&s->resume))
		return;
	list_append(&s->conn->resumed, &s->resume);
	conn_wake(s->conn);
}

void
p2p_stream_shutdown(struct p2p_stream *s)
{
	if (s->is_ended || s->is_shut)
		return;
	s->is_shut = true;
	pass_shutdown(s);
	conn_wake(s->conn);
}

void
p2p_stream_reset(struct p2p_stream *s, uint32_t code)
{
	stream_abort(s, P2P_END_LOCAL, code);
	conn_wake(s->conn);
}

void
p2p_stream_set_deadline(struct p2p_stream *s, uint64_t at_ns)
{
	struct p2p_conn *c = s->conn;

	s->deadline_ns = at_ns;
	if (at_ns == 0 || at_ns >= c->deadline_ns)
		return;
	c->deadline_ns = at_ns;
	conn_wake(c);
}

void
p2p_stream_set_class(struct p2p_stream *s, enum p2p_class stream_class)
{
	if (!s->is_ended)
		yamux_set_class(s->ys, (unsigned int)stream_class);
}

void
p2p_stream_set_limit(struct p2p_stream *s, size_t bytes)
{
	if (!s->is_ended)
		yamux_set_limit(s->ys, bytes);
}

struct p2p_conn *
p2p_stream_conn(const struct p2p_stream *s)
{
	return s->conn;
}

bool
p2p_stream_is_inbound(const struct p2p_stream *s)
{
	return s->is_inbound;
}

void *
p2p_stream_user(const struct p2p_stream *s)
{
	return s->user;
}

void
p2p_stream_set_user(struct p2p_stream *s, void *user)
{
	s->user = user;
}
