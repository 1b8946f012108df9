/* SPDX-License-Identifier: ISC */
/*
 * From a TCP connection to a yamux session, and what is then done with bytes
 * that came. Peers may send ahead: rust's ClientHello (as ours) rides with its
 * proposal of TLS, its first frames with its proposal of yamux. So what one
 * step leaves goes to the next, from the same bytes.
 */
#include <stdio.h>

#include "dm-net/libp2p/conn.h"

static const char *const tls_protocol[] = {"/tls/1.0.0"};
static const char *const muxer_protocol[] = {"/yamux/1.0.0"};

/* Sends the bytes of the negotiation, in the clear or within TLS. */
static void
say(struct p2p_conn *c)
{
	size_t len;
	const uint8_t *p = multistream_output(&c->ms, &len);
	bool is_said;

	if (len == 0)
		return;
	if (c->state == CONN_SELECT_MUXER)
		is_said = tls_can_write(c->tls) &&
			  tls_write(c->tls, p, len) == TLS_OK;
	else
		is_said = sendbuf_put(&c->out, p, len);
	multistream_sent(&c->ms, len);
	if (!is_said)
		conn_fail(c, P2P_REASON_TLS, "no room for the negotiation");
}

static void
start_select(struct p2p_conn *c, const char *const *protocol)
{
	if (c->role == P2P_DIALER)
		multistream_dial(&c->ms, protocol, 1);
	else
		multistream_listen(&c->ms, protocol, 1);
	say(c);
}

static void
open_yamux(struct p2p_conn *c)
{
	c->yamux = yamux_new(c->role == P2P_DIALER, &stream_yamux_ops, c);
	conn_enter(c, CONN_OPEN);
	c->ping_ns = c->now_ns; /* at once: what is the round trip? */
	if (c->host->callbacks->on_established != NULL)
		c->host->callbacks->on_established(c, tls_peer(c->tls));
	if (!c->is_ending)
		service_start(c);
}

static void
open_muxer(struct p2p_conn *c)
{
	if (tls_has_muxer(c->tls)) {
		open_yamux(c);
	} else {
		conn_enter(c, CONN_SELECT_MUXER);
		start_select(c, muxer_protocol);
	}
}

/* Judges the identity of the peer before the peer learns anything of this
 * node. */
static void
judge(struct p2p_conn *c)
{
	const struct p2p_callbacks *callbacks = c->host->callbacks;
	const struct peer_id *peer = tls_peer(c->tls);

	if (peer_id_equal(peer, &c->host->id)) {
		conn_fail(c, P2P_REASON_WRONG_PEER,
		    "the peer has this node's own id");
	} else if (callbacks->judge_peer != NULL &&
		   !callbacks->judge_peer(c, peer)) {
		conn_fail(c, P2P_REASON_REFUSED, "the peer is not allowed");
	} else if (c->is_ending) {
		return; /* it was closed instead of judged */
	} else {
		tls_remember(c->tls);
		open_muxer(c);
	}
}

/* The reason of a TLS_ERROR: who caused it. */
static enum p2p_reason
tls_reason(const struct tls *tls)
{
	if (tls_is_wrong_peer(tls))
		return P2P_REASON_WRONG_PEER;
	return tls_is_alert(tls) ? P2P_REASON_ALERT : P2P_REASON_TLS;
}

static void
handshake(struct p2p_conn *c)
{
	switch (tls_handshake(c->tls)) {
	case TLS_OK:
		judge(c);
		break;
	case TLS_WANT:
		break;
	case TLS_EOF:
		conn_fail(c, P2P_REASON_EOF, "closed during the handshake");
		break;
	case TLS_ERROR:
	case TLS_FLOOD:
		conn_fail(c, tls_reason(c->tls), tls_error(c->tls));
		break;
	}
}

static void
open_tls(struct p2p_conn *c)
{
	c->tls = tls_new(c->host->tls_ctx, c->role == P2P_LISTENER,
	    c->has_expected ? &c->expected : NULL, &c->out);
}

/* There is one proposal, so a dialer's ClientHello goes along with it. */
void
upgrade_start(struct p2p_conn *c)
{
	conn_enter(c, CONN_SELECT_TLS);
	start_select(c, tls_protocol);
	if (c->role != P2P_DIALER)
		return;
	open_tls(c);
	handshake(c);
}

/* Returns how many bytes the negotiation took. */
static size_t
select_input(struct p2p_conn *c, const uint8_t *in, size_t in_len)
{
	size_t n;
	enum multistream_status status =
	    multistream_input(&c->ms, in, in_len, &n);

	say(c);
	if (status == MULTISTREAM_MORE || c->is_ending)
		return n;
	if (status != MULTISTREAM_DONE) {
		conn_fail(
		    c, P2P_REASON_PROTOCOL, multistream_status_text(status));
	} else if (c->state == CONN_SELECT_TLS) {
		if (c->tls == NULL)
			open_tls(c);
		conn_enter(c, CONN_HANDSHAKE);
	} else {
		open_yamux(c);
	}
	return n;
}

static void
yamux_bytes(struct p2p_conn *c, const uint8_t *in, size_t in_len)
{
	enum yamux_status status = yamux_input(c->yamux, in, in_len, c->now_ns);

	if (status == YAMUX_OK)
		return;
	if (status == YAMUX_GOAWAY) {
		snprintf(c->text_buf, sizeof(c->text_buf),
		    "the peer said GoAway, code 0x%x",
		    (unsigned int)yamux_goaway_code(c->yamux));
		conn_fail(c, P2P_REASON_GOAWAY, c->text_buf);
		return;
	}
	conn_fail_goaway(c,
	    status == YAMUX_FLOOD ? P2P_REASON_FLOOD : P2P_REASON_PROTOCOL,
	    YAMUX_GOAWAY_PROTOCOL, yamux_status_text(status));
}

/* Bytes from within TLS. */
static void
plain_input(struct p2p_conn *c, const uint8_t *in, size_t in_len)
{
	size_t n = 0;

	if (c->state == CONN_SELECT_MUXER)
		n = select_input(c, in, in_len);
	if (c->state == CONN_OPEN && n < in_len && !c->is_ending)
		yamux_bytes(c, in + n, in_len - n);
}

static void
tls_input(struct p2p_conn *c)
{
	enum tls_status status = TLS_OK;
	size_t len;

	if (c->state == CONN_HANDSHAKE)
		handshake(c);
	if (c->state == CONN_HANDSHAKE)
		return;
	while (status == TLS_OK && !c->is_ending) {
		status = tls_read(c->tls, c->host->plain, &len);
		if (status == TLS_OK) {
			plain_input(c, c->host->plain, len);
			stream_reap(c);
		}
	}
	if (status == TLS_EOF)
		conn_fail(c, P2P_REASON_EOF, "the peer closed");
	else if (status == TLS_ERROR)
		conn_fail(c, tls_reason(c->tls), tls_error(c->tls));
	else if (status == TLS_FLOOD)
		conn_fail(c, P2P_REASON_FLOOD, tls_error(c->tls));
}

void
upgrade_input(struct p2p_conn *c, const uint8_t *in, size_t in_len)
{
	size_t n = 0;

	if (c->state == CONN_SELECT_TLS)
		n = select_input(c, in, in_len);
	if (c->state == CONN_SELECT_TLS || c->is_ending || n == in_len)
		return;
	tls_feed(c->tls, in + n, in_len - n, c->now_ns);
	tls_input(c);
	tls_feed(c->tls, NULL, 0, c->now_ns);
}
