/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-net/sync/core.h"
#include "dm-net/sync/members.h"
#include "dm-net/sync/offers.h"
#include "dm-net/sync/peers.h"
#include "dm-net/sync/walk.h"

void
sync_config_begin(struct sync *s, const struct sync_config *config)
{
	names_free(s->next_names);
	s->next_names = names_new();
	s->next_config = *config;
	s->staged_count = 0;
}

void
sync_config_name(struct sync *s, const char *pattern)
{
	names_add(s->next_names, pattern);
}

static void
stage(struct sync *s, const struct peer_id *id, const struct sync_addr *addr,
    bool is_bootstrap)
{
	if (s->staged_count == CONFIG_PEERS_MAX * 2)
		return;
	if (s->staged == NULL)
		s->staged = xcalloc(CONFIG_PEERS_MAX * 2, sizeof(*s->staged));
	struct staged_peer *p = &s->staged[s->staged_count++];

	p->id = *id;
	p->addr.len = 0;
	if (addr != NULL)
		p->addr = *addr;
	p->is_bootstrap = is_bootstrap;
}

void
sync_config_bootstrap(
    struct sync *s, const struct peer_id *id, const struct sync_addr *addr)
{
	stage(s, id, addr, true);
}

void
sync_config_allowed(struct sync *s, const struct peer_id *id)
{
	stage(s, id, NULL, false);
}

/* The table keeps who is not configured any more, as one of many. */
static void
apply_peers(struct sync *s)
{
	s->allowed_count = 0;
	for (size_t i = 0; i < s->peer_count; i++) {
		struct peer *p = s->peers[i];

		p->is_bootstrap = p->is_allowed = false;
		p->static_count = 0;
	}
	for (size_t i = 0; i < s->staged_count; i++) {
		const struct staged_peer *st = &s->staged[i];
		struct peer *p;

		if (!st->is_bootstrap)
			s->allowed_count++;
		if (peer_id_equal(&st->id, &s->set.self))
			continue;
		p = peer_add(s, &st->id, 0);
		if (p == NULL)
			continue;
		p->is_bootstrap |= st->is_bootstrap;
		p->is_allowed |= !st->is_bootstrap;
		if (st->addr.len > 0)
			peer_add_addr(p, &st->addr, true);
	}
	free(s->staged);
	s->staged = NULL;
	s->staged_count = 0;
}

static bool
is_same_network(const struct sync_config *a, const struct sync_config *b)
{
	return a->has_network == b->has_network &&
	       (!a->has_network ||
		   memcmp(a->network, b->network, sizeof(a->network)) == 0);
}

void
sync_store_configured(struct sync *s)
{
	offers_reload(s);
	walk_all_soon(s);
}

void
sync_config_commit(struct sync *s, uint64_t generation)
{
	bool is_moved =
	    s->is_configured && !is_same_network(&s->config, &s->next_config);
	size_t count;

	if (s->next_names == NULL)
		fatal("sync: a commit without a begin");
	names_free(s->names);
	s->names = s->next_names;
	s->next_names = NULL;
	names_interests(s->names, &count);
	s->config = s->next_config;
	if (s->config.peers_max > 0)
		s->set.peers_max = s->config.peers_max;
	if (s->set.peers_max > CONNS_MAX)
		s->set.peers_max = CONNS_MAX;
	if (s->config.interval_ns < SECOND / 10)
		s->config.interval_ns = SECOND / 10;
	/* not after the interval that was in force before */
	if (s->exchange_at_ns > s->now_ns + s->config.interval_ns)
		s->exchange_at_ns =
		    s->now_ns + core_random_below(s, s->config.interval_ns);
	s->generation = generation;
	apply_peers(s);
	s->is_configured = true;
	offers_reload(s);
	members_reload(s);
	if (is_moved)
		peer_forgive(s);
	core_due_at(s, s->now_ns);
}
