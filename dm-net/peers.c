/* SPDX-License-Identifier: ISC */
/* What `dmctl peers` and GET /peers show: the core's table with what the
 * connections and the last errors add. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "dm-net/mesh_internal.h"

/* --- why a peer could not be reached ---------------------------------- */

static struct note *
note_of(const struct mesh *m, const struct peer_id *peer)
{
	for (size_t i = 0; i < m->n_notes; i++)
		if (peer_id_equal(&m->notes[i].peer, peer))
			return &m->notes[i];
	return NULL;
}

void
mesh_note(struct mesh *m, const struct peer_id *peer, const char *fmt, ...)
{
	struct note *note = note_of(m, peer);
	va_list ap;

	if (note == NULL) {
		/* the oldest makes room */
		note = &m->notes[m->next_note++ % MESH_NOTES_MAX];
		if (m->n_notes < MESH_NOTES_MAX)
			m->n_notes++;
		note->peer = *peer;
	}
	va_start(ap, fmt);
	vsnprintf(note->text, sizeof(note->text), fmt, ap);
	va_end(ap);
}

void
mesh_note_clear(struct mesh *m, const struct peer_id *peer)
{
	struct note *note = note_of(m, peer);

	if (note != NULL)
		note->text[0] = '\0';
}

const char *
mesh_note_find(const struct mesh *m, const struct peer_id *peer)
{
	const struct note *note = note_of(m, peer);

	return note == NULL ? "" : note->text;
}

/* --- who comes and goes ------------------------------------------------ */

#define TELL_MAX 50 /* lines */
#define TELL_NS (10 * NS_PER_S)

void
mesh_tell(struct mesh *m, const char *fmt, ...)
{
	uint64_t now_ns = clock_mono_ns();
	char text[1024];
	va_list ap;

	if (now_ns - m->told_since_ns >= TELL_NS) {
		if (m->untold > 0)
			log_info("%u lines on peers left out", m->untold);
		m->told_since_ns = now_ns;
		m->told = m->untold = 0;
	}
	if (m->told == TELL_MAX) {
		m->untold++;
		return;
	}
	m->told++;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_info("%s", text);
}

/* --- rows ------------------------------------------------------------- */

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
add_link(const struct link *l, struct row_peer *row)
{
	struct p2p_conn_stats stats;

	p2p_conn_stats(l->conn, &stats);
	row->in_bytes = stats.bytes_in;
	row->out_bytes = stats.bytes_out;
	row->rtt_ns = p2p_conn_rtt_ns(l->conn);
	row->since_ns = l->since_ns;
}

static void
make_row(struct mesh *m, const struct sync_peer_info *info,
    struct row_peer *row, struct texts *texts)
{
	struct link *l = info->conn == 0 ? NULL : link_find(m, info->conn);

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
	if (l != NULL)
		add_link(l, row);
}

/* Strangers that were only heard of are not worth a line. */
static bool
is_worth_showing(const struct sync_peer_info *info)
{
	return info->conn != 0 || info->is_bootstrap ||
	       info->state == SYNC_PEER_DIALLING || info->last_success_ns != 0;
}

void
mesh_peers(
    struct mesh *m, void (*fn)(void *arg, const struct row_peer *), void *arg)
{
	struct sync_peer_info info;
	struct row_peer row;
	struct texts texts;
	size_t cursor = 0;

	while (sync_peers(m->sync, &cursor, &info)) {
		if (!is_worth_showing(&info))
			continue;
		make_row(m, &info, &row, &texts);
		fn(arg, &row);
	}
}
