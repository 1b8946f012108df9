/* SPDX-License-Identifier: ISC */
#include "dm-net/sync/offers.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/name.h"
#include "dm-net/sync/peers.h"
#include "dm-net/sync/replica.h"
#include "dm-net/sync/requests.h"
#include "dm-net/sync/session.h"
#include "dm-net/sync/walk.h"
#include "dm-net/sync/wanted.h"

bool
offers_is_future(const struct sync *s, uint64_t signed_at_ns)
{
	return signed_at_ns > s->wall_ns &&
	       signed_at_ns - s->wall_ns > s->config.clock_skew_ns;
}

/* --- versions that the configuration refuses: not judged twice -------- */

static struct refused *
refused_slot(const struct sync *s, const uint8_t *version)
{
	return &s->refused[core_hash(s, version, 32) % REFUSED_SLOTS];
}

static void
refuse(struct sync *s, const uint8_t *key, const uint8_t *version,
    enum verdict why, bool is_for_good)
{
	struct refused *r = refused_slot(s, version);

	s->stats.refused[why]++;
	if (!is_for_good)
		return;
	memcpy(r->key, key, sizeof(r->key));
	memcpy(r->version, version, sizeof(r->version));
}

static bool
is_refused(const struct sync *s, const uint8_t *key, const uint8_t *version)
{
	const struct refused *r = refused_slot(s, version);

	return memcmp(r->key, key, sizeof(r->key)) == 0 &&
	       memcmp(r->version, version, sizeof(r->version)) == 0;
}

/* --- judging ---------------------------------------------------------- */

static void
judge_free(struct sync *s, size_t i)
{
	struct judge *j = s->judges[i];

	if (j->is_sent)
		s->judging--;
	s->judge_count--;
	free(j->content);
	free(j);
	s->judges[i] = NULL;
}

static struct judge *
judge_find(struct sync *s, const uint8_t *key, const uint8_t *version,
    const uint8_t *signature)
{
	for (size_t i = 0; i < JUDGES_MAX && s->judge_count > 0; i++) {
		struct judge *j = s->judges[i];

		if (j == NULL || memcmp(j->rank.version, version, 32) != 0 ||
		    memcmp(j->key, key, 16) != 0)
			continue;
		if (signature == NULL ||
		    memcmp(j->entry.signature, signature, 64) == 0)
			return j;
	}
	return NULL;
}

static void
judge_source(struct judge *j, uint64_t conn)
{
	for (size_t i = 0; i < j->source_count; i++) {
		if (j->sources[i] == conn)
			return;
	}
	if (j->source_count < SOURCES_MAX)
		j->sources[j->source_count++] = conn;
}

/* Whose source owes less goes first, then who came first: what a forger sends
 * does not stand in the way of others. */
static bool
judge_is_before(const struct judge *a, const struct judge *b)
{
	if (a->owed_ns != b->owed_ns)
		return a->owed_ns < b->owed_ns;
	return a->id < b->id;
}

/* Sends those that wait, as far as the store takes them. */
static void
judge_more(struct sync *s)
{
	while (s->judging < JUDGING_MAX && s->judging < s->judge_count) {
		struct judge *first = NULL;

		for (size_t i = 0; i < JUDGES_MAX; i++) {
			struct judge *j = s->judges[i];

			if (j != NULL && !j->is_sent &&
			    (first == NULL || judge_is_before(j, first)))
				first = j;
		}
		first->is_sent = true;
		s->judging++;
		s->stats.judged++;
		core_act(s, SYNC_JUDGE, first->id);
	}
}

static void
judge_unpaid(struct sync *s, const struct ledger_who *who)
{
	ledger_give_back(
	    s->ledger, who, LEDGER_SIGNATURE, LEDGER_COST_SIGNATURE, s->now_ns);
}

/* There was no check, and yet it was work. */
static void
judge_looked_at(struct sync *s, const struct ledger_who *who)
{
	judge_unpaid(s, who);
	ledger_charge(
	    s->ledger, who, LEDGER_ENTRY, 4 * LEDGER_COST_ENTRY, s->now_ns);
}

/* Of those that wait the one whose source owed most when it came makes room for
 * one who owes less; returns its place, or JUDGES_MAX. */
static size_t
judge_room(struct sync *s, uint64_t owed_ns)
{
	size_t at = JUDGES_MAX;
	struct session *c;

	for (size_t i = 0; i < JUDGES_MAX; i++) {
		const struct judge *j = s->judges[i];

		if (j == NULL || j->is_sent || j->owed_ns <= owed_ns)
			continue;
		owed_ns = j->owed_ns;
		at = i;
	}
	if (at == JUDGES_MAX)
		return at;
	c = session_find(s, s->judges[at]->sources[0]);
	if (c != NULL && session_is_live(c))
		walk_soon(s, c, WALK_SOON_NS);
	s->stats.overflows++;
	judge_looked_at(s, &s->judges[at]->who);
	judge_free(s, at);
	return at;
}

static void
judge_add(struct sync *s, struct session *c, const struct entry *e,
    const uint8_t *key, const struct entry_rank *rank, const uint8_t *content,
    size_t len)
{
	const struct ledger_who who = session_who(c);
	uint64_t owed_ns = ledger_owes(s->ledger, &who, s->now_ns);
	struct judge *j;
	size_t at = 0;

	while (at < JUDGES_MAX && s->judges[at] != NULL)
		at++;
	if (at == JUDGES_MAX)
		at = judge_room(s, owed_ns);
	if (at == JUDGES_MAX) {
		judge_looked_at(s, &who);
		s->stats.overflows++;
		walk_soon(s, c, WALK_SOON_NS);
		return;
	}
	j = s->judges[at] = xcalloc(1, sizeof(*j));
	j->id = core_id_next(s);
	j->entry = *e;
	j->rank = *rank;
	j->who = who;
	j->owed_ns = owed_ns;
	memcpy(j->key, key, 16);
	judge_source(j, c->handle);
	if (content != NULL) {
		j->content = xmalloc(len + 1);
		memcpy(j->content, content, len);
		j->content_len = len;
		j->content_conn = c->handle;
	}
	s->judge_count++;
	judge_more(s);
}

/* --- refused for time: remembered, and judged again ------------------- */

static bool
future_has(const struct sync *s, const uint8_t *version)
{
	for (size_t i = 0; i < FUTURE_MAX && s->future_count > 0; i++)
		if (s->futures[i] != NULL &&
		    memcmp(s->futures[i]->rank.version, version, 32) == 0)
			return true;
	return false;
}

/* People are told that this peer's clock, or ours, is wrong. */
static void
session_is_ahead(struct session *c)
{
	c->is_ahead = c->was_ahead = true;
}

/*
 * Somebody offers a version from the future. Who lies about that says that our
 * clock is wrong: only what dm-store found signed counts, and is kept. False:
 * there is nothing to be found out about it.
 */
static bool
future_is_to_judge(
    struct sync *s, struct session *c, const uint8_t version[static 32])
{
	if (future_has(s, version)) {
		session_is_ahead(c);
		return false;
	}
	if (s->future_count < FUTURE_MAX)
		return true;
	s->stats.refused[VERDICT_SIGNED_IN_FUTURE]++;
	s->stats.overflows++;
	return false;
}

/* Its signature is good. */
static void
future_add(struct sync *s, const struct judge *j)
{
	size_t at = 0;

	s->stats.refused[VERDICT_SIGNED_IN_FUTURE]++;
	for (size_t i = 0; i < j->source_count; i++) {
		struct session *c = session_find(s, j->sources[i]);

		if (c != NULL)
			session_is_ahead(c);
	}
	if (s->future_count == FUTURE_MAX || future_has(s, j->rank.version))
		return;
	while (s->futures[at] != NULL)
		at++;
	s->futures[at] = xcalloc(1, sizeof(**s->futures));
	s->futures[at]->entry = j->entry;
	s->futures[at]->rank = j->rank;
	s->futures[at]->conn = j->sources[0];
	s->future_count++;
}

void
offers_tick(struct sync *s)
{
	for (size_t i = 0; i < FUTURE_MAX && s->future_count > 0; i++) {
		struct future *f = s->futures[i];
		struct session *c;

		if (f == NULL || offers_is_future(s, f->entry.signed_at_ns))
			continue;
		s->futures[i] = NULL;
		s->future_count--;
		c = session_find(s, f->conn);
		if (c != NULL && session_is_live(c))
			offers_entry(s, c, &f->entry, NULL, 0);
		else
			walk_all_soon(s);
		free(f);
		for (size_t k = 0; s->future_count == 0 && k < s->session_count;
		     k++)
			s->sessions[k]->is_ahead = false;
	}
}

void
offers_reload(struct sync *s)
{
	memset(s->refused, 0, REFUSED_SLOTS * sizeof(*s->refused));
}

void
offers_lost(struct sync *s)
{
	for (size_t i = 0; i < JUDGES_MAX; i++) {
		if (s->judges[i] == NULL)
			continue;
		judge_unpaid(s, &s->judges[i]->who);
		judge_free(s, i);
	}
}

/* --- cheap checks ----------------------------------------------------- */

/* The verdict of the configuration, before the signature is checked. */
static enum verdict
check_policy(const struct sync *s, const struct entry *e)
{
	if (e->has_network != s->config.has_network ||
	    (e->has_network && memcmp(e->network, s->config.network, 32) != 0))
		return VERDICT_OTHER_NETWORK;
	if (!names_cover(s->names, e->name))
		return VERDICT_UNKNOWN_FILE;
	if (e->size > s->config.file_size_max)
		return VERDICT_TOO_LARGE;
	return VERDICT_OK;
}

/* Above what is held, and above what is being fetched? */
static bool
is_newer(struct sync *s, const uint8_t *key, const struct entry_rank *rank)
{
	const struct trie_row *row = trie_get(s->trie, key);
	struct entry_rank held;

	if (row != NULL) {
		replica_rank(row, &held);
		if (entry_rank_compare(rank, &held) <= 0)
			return false;
	}
	for (struct want *w = want_first(s, key); w != NULL;
	     w = want_next(s, w)) {
		if (w->fetching > 0 && entry_rank_compare(rank, &w->rank) < 0)
			return false;
	}
	return true;
}

/* True if the version is on its way already; c becomes a source of it. */
static bool
is_coming(struct sync *s, struct session *c, const uint8_t *key,
    const uint8_t *version, const uint8_t *signature)
{
	struct want *w = want_find(s, key, version);
	struct judge *j = judge_find(s, key, version, signature);

	if (w != NULL)
		want_source(s, w, c->handle);
	else if (j != NULL)
		judge_source(j, c->handle);
	return w != NULL || j != NULL;
}

void
offers_turn_away(
    struct sync *s, uint64_t conn, const struct entry *e, enum verdict why)
{
	if (s->turned_count == TURNED_MAX)
		return;
	s->turned[s->turned_count++] = (struct turned){conn, why, *e};
	core_act(s, SYNC_REFUSED, 0);
}

/* Its source owes all it may. To read on costs something, too: who goes on and
 * on goes, and a new connection waits until the debt is paid. */
static void
offer_unpaid(struct sync *s, struct session *c, enum verdict why)
{
	s->stats.refused[why == VERDICT_OK ? VERDICT_BUSY : why]++;
	if (++c->unpaid > UNPAID_MAX)
		session_bye(s, c, WIRE_BYE_SURPLUS, SYNC_CLOSE_SURPLUS,
		    "what comes from its address costs too much");
	else if (why == VERDICT_OK)
		walk_soon(s, c, 5 * WALK_SOON_NS);
}

/* May it cost what it will? Before anything is computed. What is refused anyway
 * is paid at once, a check of its signature when it comes to that. */
static bool
offer_is_paid(struct sync *s, struct session *c, enum verdict why)
{
	bool is_paid =
	    why == VERDICT_OK
		? session_can_pay(s, c, LEDGER_SIGNATURE, LEDGER_COST_SIGNATURE)
		: session_pay(s, c, LEDGER_ENTRY, LEDGER_COST_ENTRY);

	if (is_paid)
		c->unpaid = 0;
	else
		offer_unpaid(s, c, why);
	return is_paid;
}

void
offers_entry(struct sync *s, struct session *c, const struct entry *e,
    const uint8_t *content, size_t len)
{
	enum verdict why = check_policy(s, e);
	struct entry_rank rank;
	uint8_t key[16];

	/* of who owes much it is not even hashed */
	if (!offer_is_paid(s, c, why))
		return;
	entry_rank(e, &rank);
	name_key(e->name, key);
	session_note_has(c, key, rank.signed_at_ns, rank.version);
	if (!s->is_complete || is_refused(s, key, rank.version))
		return;
	if (why != VERDICT_OK) {
		offers_turn_away(s, c->handle, e, why);
		refuse(s, key, rank.version, why, true);
		return;
	}
	if (!is_newer(s, key, &rank) ||
	    is_coming(s, c, key, rank.version, e->signature) ||
	    (offers_is_future(s, e->signed_at_ns) &&
		!future_is_to_judge(s, c, rank.version)))
		return;
	/* given back if the signature is good; there is room, as was seen */
	session_pay(s, c, LEDGER_SIGNATURE, LEDGER_COST_SIGNATURE);
	judge_add(s, c, e, key, &rank, content, len);
}

enum row_fate
offers_row(struct sync *s, struct session *c, const struct wire_row *row)
{
	const struct trie_row *held = trie_get(s->trie, row->key);

	session_note_has(c, row->key, row->signed_at_ns, row->version);
	if (held != NULL) {
		if (memcmp(held->version, row->version, 32) == 0)
			return ROW_HELD;
		if (held->signed_at_ns > row->signed_at_ns)
			return ROW_OLDER;
	}
	if (is_coming(s, c, row->key, row->version, NULL))
		return ROW_COMING;
	if (is_refused(s, row->key, row->version))
		return ROW_REFUSED;
	/* one that proves it is enough */
	if (offers_is_future(s, row->signed_at_ns) &&
	    (c->was_ahead || !future_is_to_judge(s, c, row->version)))
		return ROW_REFUSED;
	return ROW_WANTED;
}

/* --- verdicts --------------------------------------------------------- */

/* True if a verdict is the fault of the peer. */
static bool
is_hostile(enum verdict v)
{
	return v == VERDICT_BAD_SIGNATURE || v == VERDICT_MALFORMED ||
	       v == VERDICT_BAD_NAME || v == VERDICT_BAD_FIELD;
}

/* Will it be the same the next time, under this configuration? */
static bool
is_for_good(enum verdict v)
{
	return v == VERDICT_UNKNOWN_FILE || v == VERDICT_UNKNOWN_SIGNER ||
	       v == VERDICT_OTHER_NETWORK || v == VERDICT_TOO_LARGE;
}

static void
judged_fetch(struct sync *s, struct judge *j, uint64_t ticket)
{
	struct want *w = want_add(s, j->key, &j->rank, j->entry.size, ticket);

	if (w == NULL)
		return;
	for (size_t i = 0; i < j->source_count; i++)
		want_source(s, w, j->sources[i]);
	if (j->content != NULL) {
		want_put(s, w, j->content_conn, j->content, j->content_len);
		j->content = NULL;
	}
}

/* Only a signature that was checked in vain is owed; what was refused before
 * that has cost a look. */
static void
judged_pay(struct sync *s, const struct judge *j, enum verdict v)
{
	if (is_hostile(v))
		return;
	if (is_for_good(v))
		judge_looked_at(s, &j->who);
	else
		judge_unpaid(s, &j->who);
}

static void
judged_refused(struct sync *s, struct judge *j, enum verdict v)
{
	struct session *c = session_find(s, j->sources[0]);

	if (v == VERDICT_SIGNED_IN_FUTURE) {
		future_add(s, j);
		return;
	}
	if (is_hostile(v)) {
		/* gone before the verdict, it is not forgotten; what it sent
		 * at once is one offence */
		if (c != NULL)
			session_hostile(s, c, "an entry that does not verify");
		else if (!ledger_is_shunned(s->ledger, &j->who.peer, s->now_ns))
			peer_offends(s, &j->who);
		return;
	}
	refuse(s, j->key, j->rank.version, v, is_for_good(v));
	/* what failed for want of room or time is found again by a walk */
	if (!is_for_good(v) && v != VERDICT_NOT_NEWER && c != NULL)
		walk_soon(s, c, 10 * WALK_SOON_NS);
}

void
sync_judged(struct sync *s, uint64_t id, enum verdict v, uint64_t ticket)
{
	struct judge *j = NULL;
	size_t at;

	for (at = 0; at < JUDGES_MAX && j == NULL; at++) {
		if (s->judges[at] != NULL && s->judges[at]->id == id)
			j = s->judges[at];
	}
	if (j == NULL || !j->is_sent) {
		if (v == VERDICT_FETCH)
			core_act(s, SYNC_TICKET_DROP, ticket);
		return;
	}
	judged_pay(s, j, v);
	if (v == VERDICT_FETCH)
		judged_fetch(s, j, ticket);
	else if (!verdict_is_ok(v))
		judged_refused(s, j, v);
	judge_free(s, at - 1);
	judge_more(s);
	if (s->judge_count == JUDGES_MAX / 2)
		requests_more(s);
}
