/* SPDX-License-Identifier: ISC */
/*
 * The state of a connection: each change of it that another source may ask
 * for, and what its owner can read of it. Nothing here drives a connection.
 */
#include <stdlib.h>

#include "dm-net/libp2p/conn.h"

void
conn_enter(struct p2p_conn *c, enum p2p_conn_state state)
{
	c->state = state;
}

void
conn_wake(struct p2p_conn *c)
{
	if (c->depth > 0 || c->is_woken || c->state == CONN_CLOSED)
		return;
	c->is_woken = true;
	if (c->host->callbacks->on_wake != NULL)
		c->host->callbacks->on_wake(c);
}

void
conn_fail(struct p2p_conn *c, enum p2p_reason reason, const char *text)
{
	if (c->is_ending)
		return;
	c->is_ending = true;
	c->reason = reason;
	c->text = text;
}

void
conn_fail_goaway(struct p2p_conn *c, enum p2p_reason reason,
    uint32_t goaway_code, const char *text)
{
	if (c->is_ending)
		return;
	c->has_goaway = true;
	c->goaway_code = goaway_code;
	conn_fail(c, reason, text);
}

void
conn_on_pong(struct p2p_conn *c)
{
	c->rtt_ns = c->now_ns - c->ping_sent_ns;
	if (c->rtt_ns == 0)
		c->rtt_ns = 1;
	c->rtt_at_ns = c->now_ns;
	c->ping_sent_ns = 0;
	c->ping_ns = c->now_ns + CONN_PING_NS; /* see conn_ping() then */
	yamux_set_rtt(c->yamux, c->rtt_ns);
}

/* --- read by the owner ------------------------------------------------ */

struct p2p_host *
p2p_conn_host(const struct p2p_conn *c)
{
	return c->host;
}

void *
p2p_conn_user(const struct p2p_conn *c)
{
	return c->user;
}

enum p2p_role
p2p_conn_role(const struct p2p_conn *c)
{
	return c->role;
}

bool
p2p_conn_is_established(const struct p2p_conn *c)
{
	return c->state == CONN_OPEN && !c->is_ending;
}

const struct peer_id *
p2p_conn_peer_id(const struct p2p_conn *c)
{
	return c->tls != NULL ? tls_peer(c->tls) : NULL;
}

uint64_t
p2p_conn_rtt_ns(const struct p2p_conn *c)
{
	return c->rtt_ns;
}

void
p2p_conn_stats(const struct p2p_conn *c, struct p2p_conn_stats *stats)
{
	*stats = (struct p2p_conn_stats){
	    .bytes_in = c->bytes_in,
	    .bytes_out = c->bytes_out,
	};
	if (c->yamux == NULL)
		return;
	stats->buffered = yamux_buffered(c->yamux);
	stats->streams_in = yamux_stream_count(c->yamux, true);
	stats->streams_out = yamux_stream_count(c->yamux, false);
}

const char *
p2p_reason_name(enum p2p_reason reason)
{
	switch (reason) {
	case P2P_REASON_LOCAL:
		return "local";
	case P2P_REASON_EOF:
		return "eof";
	case P2P_REASON_IO:
		return "io";
	case P2P_REASON_GOAWAY:
		return "goaway";
	case P2P_REASON_SETUP:
		return "setup-timeout";
	case P2P_REASON_TLS:
		return "tls";
	case P2P_REASON_ALERT:
		return "tls-alert";
	case P2P_REASON_WRONG_PEER:
		return "wrong-peer";
	case P2P_REASON_REFUSED:
		return "refused";
	case P2P_REASON_PROTOCOL:
		return "protocol";
	case P2P_REASON_FLOOD:
		return "flood";
	case P2P_REASON_DEAD:
		return "dead";
	case P2P_REASON_STALLED:
		return "stalled";
	}
	abort();
}
