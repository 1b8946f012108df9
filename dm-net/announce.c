/* SPDX-License-Identifier: ISC */
/*
 * The two sync streams of a connection: ours, which is filled from the core
 * when it has room, and the peer's, whose bytes go to the core as they come.
 */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-net/mesh_internal.h"

static size_t
take_outbox(struct link *l, uint8_t *out, size_t room)
{
	size_t n = l->outbox_len - l->outbox_sent;

	if (n > room)
		n = room;
	memcpy(out, l->outbox + l->outbox_sent, n);
	l->outbox_sent += n;
	if (l->outbox_sent == l->outbox_len) {
		/* idle connections hold no buffer */
		free(l->outbox);
		l->outbox = NULL;
		l->outbox_len = l->outbox_sent = 0;
	}
	return n;
}

static size_t
on_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct link *l = p2p_stream_user(s);

	if (l->outbox == NULL) {
		l->outbox = xmalloc(SYNC_PULL_MIN);
		l->outbox_sent = 0;
		l->outbox_len =
		    sync_pull(l->mesh->sync, l->id, l->outbox, SYNC_PULL_MIN);
		/* entries may have to be read for it, its end may be due */
		mesh_kick(l->mesh);
	}
	return take_outbox(l, out, room);
}

/* Without its sync stream a connection is of no use. */
static void
on_out_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	struct link *l = p2p_stream_user(s);

	l->sync_out = NULL;
	if (end == P2P_END_CONN || l->mesh->is_ending)
		return;
	mesh_note(l->mesh, p2p_conn_peer_id(l->conn), "%s",
	    end == P2P_END_REFUSED ? "does not speak " SYNC_PROTOCOL
				   : "ended its sync stream");
	p2p_conn_close(l->conn, 0, "no sync stream");
}

static const struct p2p_stream_handlers out_handlers = {
    .on_writable = on_writable,
    .on_closed = on_out_closed,
};

void
announce_open(struct link *l)
{
	l->sync_out = p2p_stream_open(
	    l->conn, SYNC_PROTOCOL, P2P_CLASS_SYNC, &out_handlers, l);
	if (l->sync_out == NULL)
		p2p_conn_close(l->conn, 0, "no sync stream");
	else
		p2p_stream_set_limit(l->sync_out, 0);
}

void
announce_want_write(struct link *l)
{
	if (l->sync_out != NULL)
		p2p_stream_want_write(l->sync_out);
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
	struct link *l = p2p_stream_user(s);

	if (l->is_reported) {
		sync_recv(l->mesh->sync, l->id, data, len);
		mesh_kick(l->mesh);
	}
	return len;
}

static void
on_in_eof(struct p2p_stream *s)
{
	struct link *l = p2p_stream_user(s);

	p2p_conn_close(l->conn, 0, "the peer ended its sync stream");
}

static void
on_in_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	struct link *l = p2p_stream_user(s);

	if (end != P2P_END_CONN && end != P2P_END_LOCAL)
		p2p_conn_close(l->conn, 0, "the peer ended its sync stream");
}

static const struct p2p_stream_handlers in_handlers = {
    .on_open = on_in_open,
    .on_data = on_in_data,
    .on_eof = on_in_eof,
    .on_closed = on_in_closed,
};

void
announce_serve(struct mesh *m)
{
	/* a second sync stream of one peer on one connection is reset */
	p2p_host_serve(
	    m->host, SYNC_PROTOCOL, P2P_CLASS_SYNC, 1, &in_handlers, m);
}
