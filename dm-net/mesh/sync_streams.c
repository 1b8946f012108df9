/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/sync_streams.h"

/*
 * The two sync streams of a connection: ours, which is filled from the core
 * when it has room, and the peer's, whose bytes go to the core as they come.
 */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-net/mesh/mesh_notes.h"
#include "dm-net/mesh/mesh_turn.h"
#include "dm-net/mesh/peer_conn.h"

static size_t
take_outbox(struct peer_conn *c, uint8_t *out, size_t room)
{
	size_t n = c->outbox_len - c->outbox_sent;

	if (n > room)
		n = room;
	memcpy(out, c->outbox + c->outbox_sent, n);
	c->outbox_sent += n;
	if (c->outbox_sent == c->outbox_len) {
		/* idle connections hold no buffer */
		free(c->outbox);
		c->outbox = NULL;
		c->outbox_len = c->outbox_sent = 0;
	}
	return n;
}

static size_t
on_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct peer_conn *c = p2p_stream_user(s);

	if (c->outbox == NULL) {
		c->outbox = xmalloc(SYNC_PULL_MIN);
		c->outbox_sent = 0;
		c->outbox_len =
		    sync_pull(c->mesh->sync, c->id, c->outbox, SYNC_PULL_MIN);
		/* entries may have to be read for it, its end may be due */
		mesh_kick(c->mesh);
	}
	return take_outbox(c, out, room);
}

/* Without its sync stream a connection is of no use. */
static void
on_out_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	struct peer_conn *c = p2p_stream_user(s);

	c->sync_out = NULL;
	if (end == P2P_END_CONN || c->mesh->is_ending)
		return;
	mesh_note(c->mesh, p2p_conn_peer_id(c->p2p), "%s",
	    end == P2P_END_REFUSED ? "does not speak " SYNC_PROTOCOL
				   : "ended its sync stream");
	p2p_conn_close(c->p2p, 0, "no sync stream");
}

static const struct p2p_stream_handlers out_handlers = {
    .on_writable = on_writable,
    .on_closed = on_out_closed,
};

void
sync_streams_open(struct peer_conn *c)
{
	c->sync_out = p2p_stream_open(
	    c->p2p, SYNC_PROTOCOL, P2P_CLASS_SYNC, &out_handlers, c);
	if (c->sync_out == NULL)
		p2p_conn_close(c->p2p, 0, "no sync stream");
	else
		p2p_stream_set_limit(c->sync_out, 0);
}

void
sync_streams_want_write(struct peer_conn *c)
{
	if (c->sync_out != NULL)
		p2p_stream_want_write(c->sync_out);
}

static void
on_in_open(struct p2p_stream *s)
{
	p2p_stream_set_user(s, p2p_conn_user(p2p_stream_conn(s)));
	p2p_stream_set_limit(s, 0); /* the core takes all that comes */
}

static size_t
on_in_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	struct peer_conn *c = p2p_stream_user(s);

	if (c->is_reported) {
		sync_recv(c->mesh->sync, c->id, data, len);
		mesh_kick(c->mesh);
	}
	return len;
}

static void
on_in_eof(struct p2p_stream *s)
{
	struct peer_conn *c = p2p_stream_user(s);

	p2p_conn_close(c->p2p, 0, "the peer ended its sync stream");
}

static void
on_in_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	struct peer_conn *c = p2p_stream_user(s);

	if (end != P2P_END_CONN && end != P2P_END_LOCAL)
		p2p_conn_close(c->p2p, 0, "the peer ended its sync stream");
}

static const struct p2p_stream_handlers in_handlers = {
    .on_open = on_in_open,
    .on_data = on_in_data,
    .on_eof = on_in_eof,
    .on_closed = on_in_closed,
};

void
sync_streams_serve(struct mesh *m)
{
	/* a second sync stream of one peer on one connection is reset */
	p2p_host_serve(
	    m->host, SYNC_PROTOCOL, P2P_CLASS_SYNC, 1, &in_handlers, m);
}
