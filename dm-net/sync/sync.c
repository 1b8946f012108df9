/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/name.h"
#include "dm-net/sync/core.h"
#include "dm-net/sync/fetch.h"
#include "dm-net/sync/members.h"
#include "dm-net/sync/offers.h"
#include "dm-net/sync/outgoing.h"
#include "dm-net/sync/peers.h"
#include "dm-net/sync/requests.h"
#include "dm-net/sync/session.h"
#include "dm-net/sync/walk.h"
#include "dm-net/sync/wanted.h"

struct sync *
sync_new(const struct sync_settings *set)
{
	struct sync *s = xcalloc(1, sizeof(*s));

	s->set = *set;
	if (s->set.dialled_target == 0)
		s->set.dialled_target = DIALLED_TARGET;
	if (set->agent != NULL)
		strncpy(s->agent, set->agent, SYNC_AGENT_MAX);
	s->set.agent = s->agent;
	memcpy(&s->random, set->seed, sizeof(s->random));
	if (set->ledger == NULL)
		s->own_ledger = ledger_new(core_hash_secret(s));
	s->ledger = set->ledger != NULL ? set->ledger : s->own_ledger;
	s->names = names_new();
	s->trie = trie_new();
	s->refused = xcalloc(REFUSED_SLOTS, sizeof(*s->refused));
	s->config.interval_ns = 30 * SECOND;
	keyq_init(&s->asked, ASKED_MAX, core_hash_secret(s));
	return s;
}

void
sync_free(struct sync *s)
{
	if (s == NULL)
		return;
	offers_lost(s);
	offers_reload(s);
	want_lost(s);
	outgoing_free(s);
	while (s->session_count > 0)
		session_free(s->sessions[--s->session_count]);
	while (s->peer_count > 0)
		peer_drop(s, s->peers[s->peer_count - 1]);
	for (size_t i = 0; i < FUTURE_MAX; i++)
		free(s->futures[i]);
	ledger_free(s->own_ledger);
	keyq_clear(&s->asked);
	trie_free(s->trie);
	names_free(s->names);
	names_free(s->next_names);
	free(s->staged);
	free(s->refused);
	free(s->own_record);
	free(s->sessions);
	free(s->acts);
	free(s);
}

/* Work waits for events or for a moment not far; nothing needs finer ticks. */
static uint64_t
tick_after(const struct sync *s)
{
	if (s->fetch_count > 0)
		return 50 * MS;
	if (s->asked.count > 0 || s->want_count > 0 || s->judge_count > 0)
		return 100 * MS;
	return SECOND / 2;
}

void
sync_tick(struct sync *s, uint64_t mono_ns, uint64_t wall_ns)
{
	if (mono_ns > s->now_ns)
		s->now_ns = mono_ns;
	s->wall_ns = wall_ns;
	if (s->now_ns < s->deadline_ns)
		return;
	s->deadline_ns = UINT64_MAX;
	members_tick(s);
	offers_tick(s);
	fetch_tick(s);
	for (size_t i = 0; i < s->session_count; i++) {
		struct session *c = s->sessions[i];

		if (!session_is_live(c))
			continue;
		requests_tick(s, c);
		walk_tick(s, c);
	}
	core_due_at(s, s->now_ns + tick_after(s));
}

uint64_t
sync_deadline(const struct sync *s)
{
	return s->deadline_ns;
}

/* --- actions: what is queued is looked up again when it is taken ------ */

static bool
act_fetch(struct sync *s, const struct act *a, struct sync_action *out)
{
	for (size_t i = 0; i < FETCHES_MAX; i++) {
		const struct fetch *f = &s->fetches[i];

		if (!f->is_used || f->id != a->id)
			continue;
		const struct want *w = &s->wants[f->want];

		out->conn = f->conn;
		out->ticket = w->ticket;
		out->key = w->key;
		out->version = w->rank.version;
		out->size = w->size;
		out->is_large = f->is_large;
		return true;
	}
	return false;
}

static bool
act_put(struct sync *s, const struct act *a, struct sync_action *out)
{
	for (size_t i = 0; i < WANTS_MAX; i++) {
		struct want *w = &s->wants[i];

		if (!w->is_used || w->put_id != a->id || w->content == NULL)
			continue;
		memcpy(s->act_content, w->content, w->content_len);
		out->content = s->act_content;
		out->content_len = w->content_len;
		out->conn = w->put_conn;
		out->ticket = w->ticket;
		out->size = w->size;
		out->key = w->key;
		out->version = w->rank.version;
		free(w->content);
		w->content = NULL;
		return true;
	}
	return false;
}

static bool
act_judge(struct sync *s, const struct act *a, struct sync_action *out)
{
	for (size_t i = 0; i < JUDGES_MAX; i++) {
		const struct judge *j = s->judges[i];

		if (j == NULL || j->id != a->id)
			continue;
		out->entry = &j->entry;
		out->conn = j->source_count > 0 ? j->sources[0] : 0;
		return true;
	}
	return false;
}

static bool
act_dial(const struct act *a, struct sync_action *out)
{
	if (!a->peer->is_dialling)
		return false;
	out->peer = &a->peer->id;
	out->is_trusted = peer_is_trusted(a->peer);
	out->addrs = a->peer->addrs;
	out->addr_count = a->peer->addr_count;
	return true;
}

static bool
act_refused(struct sync *s, struct sync_action *out)
{
	struct turned *t = &s->turned[TURNED_MAX];

	if (s->turned_count == 0)
		return false;
	*t = s->turned[0];
	memmove(
	    s->turned, s->turned + 1, --s->turned_count * sizeof(*s->turned));
	out->conn = t->conn;
	out->entry = &t->entry;
	out->verdict = t->why;
	return true;
}

/* False: what it was about is gone. */
static bool
act_fill(struct sync *s, struct act *a, struct sync_action *out)
{
	*out = (struct sync_action){.type = a->type, .id = a->id};
	switch (a->type) {
	case SYNC_DIAL:
		return act_dial(a, out);
	case SYNC_CLOSE:
		out->conn = a->id;
		out->reason = a->reason;
		out->text = a->text;
		return session_find(s, a->id) != NULL;
	case SYNC_WANT_WRITE:
		out->conn = a->id;
		return session_find(s, a->id) != NULL;
	case SYNC_JUDGE:
		return act_judge(s, a, out);
	case SYNC_READ:
	case SYNC_SCRUB:
		memcpy(s->act_content, a->key, 16);
		memcpy(s->act_content + 16, a->version, 32);
		out->key = s->act_content;
		out->version = s->act_content + 16;
		return true;
	case SYNC_PUT_INLINE:
		return act_put(s, a, out);
	case SYNC_FETCH_START:
		return act_fetch(s, a, out);
	case SYNC_TICKET_DROP:
		out->ticket = a->id;
		return true;
	case SYNC_REFUSED:
		return act_refused(s, out);
	case SYNC_FETCH_CANCEL:
	case SYNC_HINTS:
		return true;
	}
	return false;
}

bool
sync_next(struct sync *s, struct sync_action *out)
{
	for (;;) {
		if (s->act_count == 0 && s->fetch_due)
			fetch_schedule(s);
		if (s->act_count == 0)
			return false;
		struct act a = s->acts[s->act_first++];

		if (--s->act_count == 0)
			s->act_first = 0;
		if (act_fill(s, &a, out))
			return true;
	}
}
