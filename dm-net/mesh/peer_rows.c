/* SPDX-License-Identifier: ISC */
/* The rows of `dmctl peers` and GET /peers: the core's table with what the
 * connections and the last errors add. */
#include <string.h>

#include "dm-net/mesh/mesh_internal.h"
#include "dm-net/mesh/mesh_notes.h"
#include "dm-net/mesh/peer_conn.h"
#include "dm-net/mesh/peer_conns.h"

static const char *const state_names[] = {
    [SYNC_PEER_IDLE] = "waiting",
    [SYNC_PEER_DIALLING] = "dialing",
    [SYNC_PEER_GREETING] = "greeting",
    [SYNC_PEER_UP] = "connected",
};

struct texts {
	char peer[PEER_ID_TEXT_SIZE];
	char address[MULTIADDR_TEXT_SIZE];
};

static void
format_address(const struct sync_addr *addr, char out[MULTIADDR_TEXT_SIZE])
{
	struct multiaddr_raw raw;

	out[0] = '\0';
	if (addr->len > 0 &&
	    multiaddr_from_bytes(&raw, addr->bytes, addr->len) == MULTIADDR_OK)
		multiaddr_to_text(&raw, out);
}

static void
add_link(const struct peer_conn *c, struct row_peer *row)
{
	struct p2p_conn_stats stats;

	p2p_conn_stats(c->p2p, &stats);
	row->in_bytes = stats.bytes_in;
	row->out_bytes = stats.bytes_out;
	row->rtt_ns = p2p_conn_rtt_ns(c->p2p);
	row->since_ns = c->since_ns;
}

static void
make_row(struct mesh *m, const struct sync_peer_info *info,
    struct row_peer *row, struct texts *texts)
{
	struct peer_conn *c =
	    info->conn == 0 ? NULL : peer_conn_find(m, info->conn);

	memset(row, 0, sizeof(*row));
	peer_id_format(&info->peer, texts->peer);
	format_address(&info->addr, texts->address);
	row->peer = bytes_text(texts->peer);
	row->address = bytes_text(texts->address);
	row->state = bytes_text(state_names[info->state]);
	row->agent = bytes_text(info->agent == NULL ? "" : info->agent);
	/* that of an earlier or a second connection says nothing now */
	row->last_error = bytes_text(
	    info->state == SYNC_PEER_UP ? "" : mesh_note_find(m, &info->peer));
	row->files = info->count;
	row->synced = info->is_synced;
	if (info->conn != 0)
		row->direction = info->is_outbound ? 2 : 1;
	if (c != NULL)
		add_link(c, row);
}

/* Strangers that were only heard of are not worth a line. */
static bool
is_worth_showing(const struct sync_peer_info *info)
{
	return info->conn != 0 || info->is_bootstrap ||
	       info->state == SYNC_PEER_DIALLING || info->last_success_ns != 0;
}

bool
mesh_peers(struct mesh *m, size_t *cursor, unsigned max,
    void (*fn)(void *arg, const struct row_peer *), void *arg)
{
	struct sync_peer_info info;
	struct row_peer row;
	struct texts texts;
	unsigned n = 0;

	while (n < max && sync_peers(m->sync, cursor, &info)) {
		if (!is_worth_showing(&info))
			continue;
		make_row(m, &info, &row, &texts);
		fn(arg, &row);
		n++;
	}
	return n == max;
}
