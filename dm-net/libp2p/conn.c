/* SPDX-License-Identifier: ISC */
/* A connection's life: what its owner calls, its timers, its end. */
#include "dm-net/libp2p/conn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/mem.h"

/* The other side cannot hear us any more. */
static void
conn_cut(struct p2p_conn *c, enum p2p_reason reason, const char *text)
{
	conn_fail(c, reason, text);
	c->is_abrupt = true;
}

/* --- the end ---------------------------------------------------------- */

/* Fills the sendbuf with records of frames while there is room for one. */
static void
conn_pull(struct p2p_conn *c)
{
	uint8_t *frames = c->host->frames;

	while (tls_can_write(c->tls) && yamux_has_output(c->yamux)) {
		size_t n = yamux_output(c->yamux, frames, TLS_PLAIN_MAX);

		if (n == 0 || c->is_abrupt)
			break;
		if (tls_write(c->tls, frames, n) != TLS_OK) {
			conn_cut(c, P2P_REASON_TLS, tls_error(c->tls));
			break;
		}
	}
	if (c->ping_sent_ns == 0 && yamux_ping_is_sent(c->yamux))
		c->ping_sent_ns = c->now_ns;
}

static void
conn_say_goodbye(struct p2p_conn *c)
{
	if (c->state == CONN_OPEN && c->has_goaway) {
		yamux_goaway(c->yamux, c->goaway_code);
		conn_pull(c);
	}
	if (c->tls != NULL)
		tls_close(c->tls);
	c->close_ns = c->now_ns + CONN_CLOSE_NS;
}

/* The ending begins, once. */
static void
conn_end(struct p2p_conn *c)
{
	if (!c->is_ending || c->state >= CONN_CLOSING)
		return;
	if (!c->is_abrupt)
		conn_say_goodbye(c);
	stream_end_all(c);
	conn_enter(c, CONN_CLOSING);
}

static void
conn_destroy(struct p2p_conn *c)
{
	c->host->conn_count--;
	yamux_free(c->yamux);
	tls_free(c->tls);
	sendbuf_clear(&c->out);
	free(c);
}

static bool
has_work(const struct p2p_conn *c)
{
	if (c->state == CONN_CLOSED)
		return false;
	if (!list_is_empty(&c->ended) || !list_is_empty(&c->resumed))
		return true;
	if (c->is_ending)
		return c->state < CONN_CLOSING;
	return c->has_undated;
}

static void
conn_close_if_said(struct p2p_conn *c)
{
	if (c->state != CONN_CLOSING || !list_is_empty(&c->ended))
		return;
	if (c->out.len > 0 && !c->is_abrupt && c->now_ns < c->close_ns)
		return;
	conn_enter(c, CONN_CLOSED);
	sendbuf_clear(&c->out);
	if (c->host->callbacks->on_closed != NULL && !c->is_free_asked)
		c->host->callbacks->on_closed(c, c->reason, c->text);
}

bool
p2p_conn_wants_write(const struct p2p_conn *c)
{
	return c->out.len > 0 || (c->state == CONN_OPEN && !c->is_ending &&
				     yamux_has_output(c->yamux));
}

/* --- driver calls ----------------------------------------------------- */

static void
driver_enter(struct p2p_conn *c, uint64_t now_ns)
{
	assert(c->depth == 0); /* a driver call within a callback */
	c->depth = 1;
	if (now_ns > c->now_ns)
		c->now_ns = now_ns;
	c->is_woken = false;
}

/* It is time for a ping, unless the peer was heard in the meantime. */
static void
conn_ping(struct p2p_conn *c)
{
	uint64_t silent_at =
	    c->heard_ns +
	    (c->role == P2P_DIALER ? CONN_PING_NS : CONN_PING_LISTENER_NS);
	uint64_t rtt_at = c->rtt_at_ns + CONN_RTT_NS;

	c->ping_ns = silent_at < rtt_at ? silent_at : rtt_at;
	if (c->rtt_ns == 0 || c->now_ns >= c->ping_ns)
		yamux_ping(c->yamux);
}

static void
conn_timers(struct p2p_conn *c)
{
	uint64_t now = c->now_ns;
	uint64_t heard = c->heard_ns;

	if (c->state < CONN_OPEN && now >= c->setup_ns)
		conn_fail(c, P2P_REASON_SETUP, "not set up within 10 s");
	if (c->stall_ns != 0 && now - c->stall_ns >= CONN_STALL_NS)
		conn_cut(
		    c, P2P_REASON_STALLED, "the peer took no byte for 10 s");
	if (c->state != CONN_OPEN || c->is_ending)
		return;
	if (heard < c->ping_sent_ns)
		heard = c->ping_sent_ns;
	if (c->ping_sent_ns != 0 && now - heard >= CONN_DEAD_NS)
		conn_cut(c, P2P_REASON_DEAD,
		    "the peer was silent for 10 s after a ping");
	else if (now >= c->ping_ns && !yamux_is_pinging(c->yamux))
		conn_ping(c);
	stream_timers(c);
}

/* Everything that was put off until no callback runs any more. False if the
 * connection is gone. */
static bool
driver_leave(struct p2p_conn *c)
{
	conn_timers(c);
	if (!c->is_ending)
		stream_resume(c);
	conn_end(c);
	stream_reap(c);
	conn_close_if_said(c);
	if (!p2p_conn_wants_write(c))
		c->stall_ns = 0;
	else if (c->stall_ns == 0)
		c->stall_ns = c->now_ns;
	c->depth = 0;
	if (c->is_free_asked) {
		p2p_conn_free(c);
		return false;
	}
	if (has_work(c))
		conn_wake(c);
	return true;
}

uint8_t *
p2p_conn_recv_buffer(struct p2p_conn *c, size_t *len)
{
	*len = sizeof(c->host->rx);
	return c->host->rx;
}

void
p2p_conn_recv_done(struct p2p_conn *c, size_t n, uint64_t now_ns)
{
	assert(n <= sizeof(c->host->rx));
	driver_enter(c, now_ns);
	if (n > 0) {
		c->bytes_in += n;
		c->heard_ns = c->now_ns;
		if (!c->is_ending)
			upgrade_input(c, c->host->rx, n);
	}
	driver_leave(c);
}

void
p2p_conn_recv_eof(struct p2p_conn *c, uint64_t now_ns)
{
	driver_enter(c, now_ns);
	conn_cut(c, P2P_REASON_EOF,
	    c->state < CONN_OPEN ? "closed by the peer while setting up"
				 : "closed by the peer");
	driver_leave(c);
}

void
p2p_conn_io_error(struct p2p_conn *c, int err, uint64_t now_ns)
{
	driver_enter(c, now_ns);
	if (!c->is_ending) {
		strncpy(c->text_buf, strerror(err), sizeof(c->text_buf) - 1);
		conn_fail(c, P2P_REASON_IO, c->text_buf);
	}
	c->is_abrupt = true;
	driver_leave(c);
}

const uint8_t *
p2p_conn_send_buffer(struct p2p_conn *c, size_t *len, uint64_t now_ns)
{
	*len = 0;
	driver_enter(c, now_ns);
	if (c->state == CONN_OPEN && !c->is_ending)
		conn_pull(c);
	if (!driver_leave(c) || c->out.len == 0)
		return NULL;
	*len = c->out.len;
	return c->out.bytes + c->out.head;
}

void
p2p_conn_send_done(struct p2p_conn *c, size_t n, uint64_t now_ns)
{
	driver_enter(c, now_ns);
	if (n > 0) {
		sendbuf_taken(&c->out, n);
		c->bytes_out += n;
		c->stall_ns = 0;
	}
	driver_leave(c);
}

void
p2p_conn_turn(struct p2p_conn *c, uint64_t now_ns)
{
	driver_enter(c, now_ns);
	driver_leave(c);
}

bool
p2p_conn_wants_read(const struct p2p_conn *c)
{
	return c->state < CONN_CLOSING && !c->is_ending;
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t
p2p_conn_next_deadline_ns(const struct p2p_conn *c)
{
	uint64_t at = CONN_NEVER;

	if (c->state == CONN_CLOSED)
		return CONN_NEVER;
	if (has_work(c))
		return c->now_ns;
	if (c->stall_ns != 0)
		at = c->stall_ns + CONN_STALL_NS;
	if (c->state == CONN_CLOSING)
		return earlier(at, c->close_ns);
	if (c->state < CONN_OPEN)
		return earlier(at, c->setup_ns);
	at = earlier(at, c->deadline_ns);
	if (c->ping_sent_ns != 0)
		return earlier(at, CONN_DEAD_NS + (c->heard_ns > c->ping_sent_ns
							  ? c->heard_ns
							  : c->ping_sent_ns));
	if (yamux_is_pinging(c->yamux))
		return at; /* it waits to be sent: c->stall_ns is set */
	return earlier(at, c->ping_ns);
}

bool
p2p_conn_is_closed(const struct p2p_conn *c)
{
	return c->state == CONN_CLOSED;
}

/* --- the rest --------------------------------------------------------- */

struct p2p_conn *
p2p_conn_new(struct p2p_host *host, enum p2p_role role,
    const struct peer_id *expected, const struct multiaddr_raw *remote,
    uint64_t now_ns, void *user)
{
	struct p2p_conn *c = mem_new(sizeof(*c));

	host->conn_count++;
	c->host = host;
	c->role = role;
	c->user = user;
	c->has_expected = expected != NULL;
	if (expected != NULL)
		c->expected = *expected;
	c->has_remote = remote != NULL;
	if (remote != NULL)
		c->remote = *remote;
	c->now_ns = now_ns;
	c->heard_ns = now_ns;
	c->setup_ns = now_ns + CONN_SETUP_NS;
	c->deadline_ns = CONN_NEVER;
	list_init(&c->streams);
	list_init(&c->ended);
	list_init(&c->resumed);
	upgrade_start(c);
	return c;
}

void
p2p_conn_free(struct p2p_conn *c)
{
	if (c == NULL)
		return;
	c->is_free_asked = true;
	if (c->depth > 0) {
		conn_cut(c, P2P_REASON_LOCAL, "freed");
		return;
	}
	c->depth = 1; /* for the callbacks of its streams */
	c->is_ending = true;
	stream_end_all(c);
	while (!list_is_empty(&c->ended))
		stream_reap(c);
	conn_destroy(c);
}

void
p2p_conn_close(struct p2p_conn *c, uint32_t goaway_code, const char *text)
{
	conn_fail_goaway(c, P2P_REASON_LOCAL, goaway_code, text);
	conn_wake(c);
}
