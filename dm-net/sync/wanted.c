/* SPDX-License-Identifier: ISC */
#include "dm-net/sync/wanted.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-net/sync/fetch.h"
#include "dm-net/sync/replica.h"
#include "dm-net/sync/session.h"
#include "dm-net/sync/walk.h"

/* After so many failures in a row nobody is expected to bring it. */
#define FAILURES_MAX 3

/* --- the table: by key, 0 ends a chain -------------------------------- */

static uint32_t *
want_bucket(struct sync *s, const uint8_t *key)
{
	return &s->want_buckets[core_hash(s, key, 16) % WANT_BUCKETS];
}

static struct want *
want_from(struct sync *s, uint32_t at, const uint8_t *key)
{
	while (at != 0 && memcmp(s->wants[at - 1].key, key, 16) != 0)
		at = s->wants[at - 1].chain;
	return at == 0 ? NULL : &s->wants[at - 1];
}

struct want *
want_first(struct sync *s, const uint8_t *key)
{
	return want_from(s, *want_bucket(s, key), key);
}

struct want *
want_next(struct sync *s, const struct want *w)
{
	return want_from(s, w->chain, w->key);
}

struct want *
want_find(struct sync *s, const uint8_t *key, const uint8_t *version)
{
	struct want *w = want_first(s, key);

	while (w != NULL && memcmp(w->rank.version, version, 32) != 0)
		w = want_next(s, w);
	return w;
}

void
want_remove(struct sync *s, struct want *w, bool drop_ticket)
{
	uint32_t at = (uint32_t)(w - s->wants) + 1;
	uint32_t *chain = want_bucket(s, w->key);

	fetch_cancel(s, w);
	if (drop_ticket)
		core_act(s, SYNC_TICKET_DROP, w->ticket);
	while (*chain != at)
		chain = &s->wants[*chain - 1].chain;
	*chain = w->chain;
	free(w->content);
	memset(w, 0, sizeof(*w));
	s->want_count--;
	s->fetch_due = true;
}

void
want_prune(struct sync *s, const uint8_t *key)
{
	const struct trie_row *row = trie_get(s->trie, key);
	struct want *w = want_first(s, key), *next;
	struct entry_rank held;

	if (row == NULL)
		return;
	replica_rank(row, &held);
	for (; w != NULL; w = next) {
		next = want_next(s, w);
		if (entry_rank_compare(&w->rank, &held) <= 0)
			want_remove(s, w, true);
	}
}

/* Is its content on the way, or is there somebody who may still bring it? */
static bool
is_coming(const struct want *w)
{
	return w->fetching > 0 || w->put_id != 0 ||
	       (w->source_count > 0 && w->failures < FAILURES_MAX);
}

size_t
want_count_coming(const struct sync *s)
{
	size_t n = 0;

	for (size_t i = 0, left = s->want_count; left > 0; i++) {
		left -= s->wants[i].is_used;
		n += s->wants[i].is_used && is_coming(&s->wants[i]);
	}
	return n;
}

/* Of a full table, what nobody offers goes first. */
static struct want *
want_victim(struct sync *s)
{
	struct want *victim = NULL;

	for (size_t i = 0; i < WANTS_MAX; i++) {
		struct want *w = &s->wants[i];

		if (!w->is_used || is_coming(w))
			continue;
		if (victim == NULL || w->added_ns < victim->added_ns)
			victim = w;
	}
	return victim;
}

static struct want *
want_slot(struct sync *s)
{
	struct want *victim;

	if (s->want_count == WANTS_MAX) {
		victim = want_victim(s);
		if (victim == NULL)
			return NULL;
		s->stats.overflows++;
		want_remove(s, victim, true);
	}
	for (size_t i = 0; i < WANTS_MAX; i++) {
		if (!s->wants[i].is_used)
			return &s->wants[i];
	}
	return NULL;
}

/*
 * Room among the versions of one key: the least goes. False if that would be
 * the new one. A newer version ends a fetch that runs, but only once.
 */
static bool
want_make_way(struct sync *s, const uint8_t *key, const struct entry_rank *rank,
    bool *may_not_cancel)
{
	struct want *least = NULL, *running = NULL;
	size_t n = 0;

	for (struct want *w = want_first(s, key); w != NULL;
	     w = want_next(s, w), n++) {
		if (least == NULL ||
		    entry_rank_compare(&w->rank, &least->rank) < 0)
			least = w;
		if (w->fetching > 0)
			running = w;
	}
	*may_not_cancel = false;
	if (running != NULL && entry_rank_compare(rank, &running->rank) > 0) {
		*may_not_cancel = true;
		if (!running->may_not_cancel)
			fetch_cancel(s, running);
	}
	if (n < VERSIONS_MAX)
		return true;
	if (entry_rank_compare(rank, &least->rank) < 0 || least->fetching > 0)
		return false;
	want_remove(s, least, true);
	return true;
}

struct want *
want_add(struct sync *s, const uint8_t *key, const struct entry_rank *rank,
    uint64_t size, uint64_t ticket)
{
	struct want *w = want_find(s, key, rank->version);
	bool may_not_cancel;

	if (w != NULL) {
		core_act(s, SYNC_TICKET_DROP, ticket);
		return w;
	}
	if (!want_make_way(s, key, rank, &may_not_cancel) ||
	    (w = want_slot(s)) == NULL) {
		s->stats.overflows++;
		core_act(s, SYNC_TICKET_DROP, ticket);
		return NULL;
	}
	*w = (struct want){.is_used = true,
	    .rank = *rank,
	    .size = size,
	    .ticket = ticket,
	    .added_ns = s->now_ns,
	    .may_not_cancel = may_not_cancel};
	memcpy(w->key, key, 16);
	w->chain = *want_bucket(s, key);
	*want_bucket(s, key) = (uint32_t)(w - s->wants) + 1;
	s->want_count++;
	s->fetch_due = true;
	return w;
}

/* --- who has it ------------------------------------------------------- */

static bool
is_source(const struct want *w, uint64_t conn)
{
	for (size_t i = 0; i < w->source_count; i++)
		if (w->sources[i].conn == conn)
			return true;
	return false;
}

/* How many of the sources are in that network. */
static size_t
sources_of_network(
    const struct sync *s, const struct want *w, const struct place *place)
{
	size_t n = 0;

	for (size_t i = 0; i < w->source_count; i++) {
		const struct session *c = session_find(s, w->sources[i].conn);

		n += c != NULL && c->place.network == place->network;
	}
	return n;
}

/*
 * The source that gives its place to a new one: the one that failed most, else
 * one of a network that has more places than the new one's would have. NULL:
 * all are as good.
 */
static struct source *
source_victim(struct sync *s, struct want *w, const struct session *newcomer)
{
	size_t most = newcomer == NULL
			  ? SOURCES_MAX
			  : sources_of_network(s, w, &newcomer->place) + 1;
	struct source *worst = NULL, *greedy = NULL;

	for (size_t i = 0; i < w->source_count; i++) {
		struct source *src = &w->sources[i];
		const struct session *c = session_find(s, src->conn);
		size_t n;

		if (src->failures > 0 &&
		    (worst == NULL || src->failures > worst->failures))
			worst = src;
		if (c == NULL ||
		    (n = sources_of_network(s, w, &c->place)) <= most)
			continue;
		most = n;
		greedy = src;
	}
	return worst != NULL ? worst : greedy;
}

static struct source *
source_slot(struct sync *s, struct want *w, uint64_t conn)
{
	const struct session *c = session_find(s, conn);

	if (w->source_count < SOURCES_MAX)
		return &w->sources[w->source_count++];
	if (c != NULL && c->streak >= FETCH_STREAK_MAX)
		return NULL;
	return source_victim(s, w, c);
}

void
want_source(struct sync *s, struct want *w, uint64_t conn)
{
	struct source *src;

	if (is_source(w, conn) || (src = source_slot(s, w, conn)) == NULL)
		return;
	*src = (struct source){.conn = conn};
	/* someone new: no need to wait for the others' sake */
	w->not_before_ns = s->now_ns;
	s->fetch_due = true;
}

static bool
has_failed(const struct want *w)
{
	for (size_t i = 0; i < w->source_count; i++)
		if (w->sources[i].failures > 0)
			return true;
	return false;
}

/* A peer that offers it first, and again and again, is not the only one that
 * has it. */
void
want_look_for_sources(struct sync *s, struct want *w)
{
	if (w->source_count < SOURCES_MAX || w->fetching > 0 ||
	    w->put_id != 0 || s->now_ns < w->sources_at_ns || !has_failed(w))
		return;
	w->sources_at_ns = s->now_ns + SOURCES_AGAIN_NS;
	for (size_t i = 0; i < s->session_count; i++) {
		struct session *c = s->sessions[i];

		if (session_is_live(c) && c->streak < FETCH_STREAK_MAX &&
		    session_has(c, w->key, &w->rank))
			want_source(s, w, c->handle);
	}
}

void
want_unsource(struct want *w, uint64_t conn)
{
	for (size_t i = 0; i < w->source_count; i++) {
		if (w->sources[i].conn != conn)
			continue;
		w->sources[i] = w->sources[--w->source_count];
		return;
	}
}

void
want_conn_gone(struct sync *s, uint64_t conn)
{
	for (size_t i = 0; i < WANTS_MAX && s->want_count > 0; i++) {
		if (s->wants[i].is_used)
			want_unsource(&s->wants[i], conn);
	}
}

void
want_lost(struct sync *s)
{
	fetch_end_all(s, 0, true);
	for (size_t i = 0; i < WANTS_MAX; i++) {
		if (s->wants[i].is_used)
			want_remove(s, &s->wants[i], false);
	}
}

/* --- content that came with an announcement --------------------------- */

void
want_put(
    struct sync *s, struct want *w, uint64_t conn, uint8_t *content, size_t len)
{
	if (w->put_id != 0) {
		free(content);
		return;
	}
	w->content = content;
	w->content_len = len;
	w->put_conn = conn;
	w->put_id = core_id_next(s);
	core_act(s, SYNC_PUT_INLINE, w->put_id);
}

void
sync_put_done(struct sync *s, uint64_t id, enum verdict v)
{
	struct want *w = NULL;
	struct session *c;

	for (size_t i = 0; i < WANTS_MAX && w == NULL; i++) {
		if (s->wants[i].is_used && s->wants[i].put_id == id)
			w = &s->wants[i];
	}
	if (w == NULL)
		return;
	c = session_find(s, w->put_conn);
	w->put_id = 0;
	s->fetch_due = true;
	if (verdict_is_ok(v)) {
		want_remove(s, w, false);
	} else if (v == VERDICT_NOT_NEWER) {
		want_remove(s, w, true);
	} else if (v == VERDICT_BAD_CONTENT && c != NULL) {
		session_hostile(
		    s, c, "content that does not match its signed hash");
	}
}

void
sync_store_wants(struct sync *s, const uint8_t key[static 16],
    const struct entry_rank *rank, uint64_t size, uint64_t ticket)
{
	if (want_add(s, key, rank, size, ticket) != NULL)
		walk_all_soon(s);
}

bool
sync_wants(const struct sync *s, size_t *cursor, struct sync_want_info *out)
{
	while (*cursor < WANTS_MAX) {
		const struct want *w = &s->wants[(*cursor)++];

		if (!w->is_used)
			continue;
		memcpy(out->key, w->key, 16);
		out->rank = w->rank;
		out->size = w->size;
		out->sources = w->source_count;
		out->failures = w->failures;
		out->is_fetching = w->fetching > 0 || w->put_id != 0;
		return true;
	}
	return false;
}
