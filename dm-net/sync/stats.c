/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "dm-net/sync/core.h"
#include "dm-net/sync/session.h"

/* The connection that is shown for a peer: one that is up before others. */
static const struct session *
peer_conn(const struct sync *s, const struct peer *p)
{
	const struct session *found = NULL;

	for (size_t i = 0; i < s->session_count && p->sessions > 0; i++) {
		const struct session *c = s->sessions[i];

		if (c->peer == p &&
		    (found == NULL ||
			(!session_is_live(found) && session_is_live(c))))
			found = c;
	}
	return found;
}

bool
sync_peers(const struct sync *s, size_t *cursor, struct sync_peer_info *out)
{
	const struct peer *p;
	const struct session *c;

	if (*cursor >= s->peer_count)
		return false;
	p = s->peers[(*cursor)++];
	c = peer_conn(s, p);
	*out = (struct sync_peer_info){.peer = p->id,
	    .state = p->is_dialling ? SYNC_PEER_DIALLING : SYNC_PEER_IDLE,
	    .is_bootstrap = p->is_bootstrap,
	    .last_success_ns = p->last_success_ns,
	    .failures = p->failures,
	    .agent = ""};
	if (p->addr_count > 0)
		out->addr = p->addrs[0];
	if (c == NULL)
		return true;
	out->state = session_is_live(c) ? SYNC_PEER_UP : SYNC_PEER_GREETING;
	out->is_outbound = c->is_outbound;
	out->is_synced = c->is_synced;
	out->conn = c->handle;
	out->since_ns = c->since_ns;
	out->rtt_ns = c->rtt_ns;
	/* what was announced since is no part of what it last said */
	out->count = c->is_synced ? sync_index_count(s) : c->their_root.count;
	out->agent = c->agent;
	if (c->has_addr)
		out->addr = c->addr;
	return true;
}

static size_t
session_bytes(const struct session *c)
{
	size_t n = sizeof(*c) + c->in_room + 8 * c->interest_count;

	n += keyq_bytes(&c->out) + keyq_bytes(&c->ask);
	n += keyq_bytes(&c->asking);
	if (c->has != NULL)
		n += HAS_SLOTS * sizeof(*c->has);
	if (c->replies != NULL)
		n += WALK_OUT_MAX * sizeof(*c->replies);
	if (c->walk != NULL)
		n += sizeof(*c->walk) +
		     c->walk->pending_room * sizeof(*c->walk->pending);
	return n;
}

void
sync_stats(const struct sync *s, struct sync_stats *out)
{
	*out = s->stats;
	out->peers_known = s->peer_count;
	out->conns = s->session_count;
	for (size_t i = 0; i < s->session_count; i++) {
		const struct session *c = s->sessions[i];

		out->conns_up += session_is_live(c);
		out->conns_outbound += c->is_outbound;
		out->peers_synced += session_is_live(c) && c->is_synced;
		out->peers_ahead += session_is_live(c) && c->is_ahead;
		out->bytes_held += session_bytes(c);
	}
	out->bytes_held += keyq_bytes(&s->asked) +
			   s->judge_count * sizeof(struct judge) +
			   s->future_count * sizeof(struct future);
	out->wanted = s->want_count;
	out->judging = s->judge_count;
	out->fetching = s->fetch_count;
	out->future = s->future_count;
}
