/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/name.h"
#include "tests/sim/sim.h"

/*
 * Stands for dm-store: the same order of acceptance, with a flag in place of
 * the signature. Content is the hash's bytes over and over, so that what came
 * with an announcement can be checked.
 */

#define INLINE_MAX IPC_INLINE_MAX

static void
content_fill(const struct version *v, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = v->entry.sha256[i % 32];
}

size_t
name_index(const struct world *w, const char *name)
{
	const char *digits = strstr(name, "file");
	size_t i = digits == NULL ? SIZE_MAX : strtoul(digits + 4, NULL, 10);

	return i < w->name_count && strcmp(w->names[i], name) == 0 ? i
								   : SIZE_MAX;
}

struct version *
version_new(struct world *w, size_t name, unsigned signer, enum entry_kind kind,
    uint64_t signed_at_ns, uint64_t size)
{
	struct version *v = xcalloc(1, sizeof(*v));

	v->entry.kind = kind;
	memcpy(v->entry.name, w->names[name], sizeof(*w->names));
	v->entry.signed_at_ns = signed_at_ns;
	v->entry.size = kind == ENTRY_DELETE ? 0 : size;
	memset(v->entry.signer, (int)signer + 1, 32);
	for (size_t i = 0; i < 32; i++)
		v->entry.sha256[i] = (uint8_t)rnd(w, 256);
	if (kind == ENTRY_DELETE) {
		static const uint8_t nothing[32] = {0xe3, 0xb0, 0xc4, 0x42,
		    0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f,
		    0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
		    0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};

		memcpy(v->entry.sha256, nothing, 32);
	}
	v->entry.signature[0] = 1;
	v->is_good = true;
	entry_rank(&v->entry, &v->rank);
	name_key(v->entry.name, v->key);
	if (w->version_count == w->version_room) {
		w->version_room =
		    w->version_room == 0 ? 64 : w->version_room * 2;
		w->versions = xrealloc(
		    w->versions, w->version_room, sizeof(*w->versions));
	}
	w->versions[w->version_count++] = v;
	return v;
}

static const struct version *
version_of(struct world *w, const struct entry *e)
{
	struct entry_rank rank;

	entry_rank(e, &rank);
	for (size_t i = w->version_count; i-- > 0;) {
		if (memcmp(w->versions[i]->rank.version, rank.version, 32) == 0)
			return w->versions[i];
	}
	return NULL;
}

static unsigned
signer_of(const struct version *v)
{
	return v->entry.signer[0] - 1u;
}

enum verdict
store_policy(const struct node *n, const struct version *v)
{
	size_t name = name_index(n->w, v->entry.name);
	uint64_t wall = node_wall(n);

	if (name == SIZE_MAX || !n->names[name])
		return VERDICT_UNKNOWN_FILE;
	if ((n->signers & (1u << signer_of(v))) == 0)
		return VERDICT_UNKNOWN_SIGNER;
	if (v->entry.signed_at_ns > wall + SKEW_MAX)
		return VERDICT_SIGNED_IN_FUTURE;
	return VERDICT_OK;
}

/* The greatest record of a signer that is on the list. */
static const struct version *
winner_of(const struct node *n, const struct held *h)
{
	const struct version *best = NULL;

	for (unsigned i = 0; i < SIGNERS_MAX; i++) {
		const struct version *v = h->records[i];

		if (v == NULL || store_policy(n, v) == VERDICT_UNKNOWN_SIGNER ||
		    store_policy(n, v) == VERDICT_UNKNOWN_FILE)
			continue;
		if (best == NULL ||
		    entry_rank_compare(&v->rank, &best->rank) > 0)
			best = v;
	}
	return best;
}

/* A new winner is shown: it may only be greater than what was. */
static void
store_show(
    struct node *n, struct held *h, const struct version *v, bool is_origin)
{
	uint8_t content[INLINE_MAX];
	bool with_content = is_origin && v->entry.kind == ENTRY_FILE &&
			    v->entry.size <= INLINE_MAX;

	if (h->shown.signed_at_ns != 0 && !h->was_withdrawn &&
	    entry_rank_compare(&v->rank, &h->shown) < 0)
		world_fail(n->w, "node %zu shows an older version of %s",
		    n->index, v->entry.name);
	h->was_withdrawn = false;
	h->shown = v->rank;
	h->winner = v;
	h->lacks_content = false;
	if (with_content)
		content_fill(v, content, v->entry.size);
	sync_store_entry(n->s, &v->entry, is_origin,
	    with_content ? content : NULL, with_content ? v->entry.size : 0);
}

bool
store_upload(struct node *n, const struct version *v)
{
	size_t name = name_index(n->w, v->entry.name);
	struct held *h = &n->held[name];

	if (n->s == NULL || store_policy(n, v) != VERDICT_OK ||
	    (h->winner != NULL &&
		entry_rank_compare(&v->rank, &h->winner->rank) <= 0))
		return false;
	h->records[signer_of(v)] = v;
	sync_tick(n->s, n->w->now, node_wall(n));
	store_show(n, h, v, true);
	n->w->publishes++;
	node_drive(n);
	return true;
}

struct version *
store_publish(struct node *n, size_t name, unsigned signer,
    enum entry_kind kind, uint64_t size)
{
	struct held *h = &n->held[name];
	uint64_t at = node_wall(n);
	struct version *v;

	if (n->s == NULL)
		return NULL;
	if (h->winner != NULL && h->winner->entry.signed_at_ns >= at)
		at = h->winner->entry.signed_at_ns + 1;
	v = version_new(n->w, name, signer, kind, at, size);
	return store_upload(n, v) ? v : NULL;
}

/* --- what the core asks ----------------------------------------------- */

struct judgement {
	uint64_t id;
	struct entry entry;
};

static uint64_t
ticket_new(struct node *n, const struct version *v)
{
	if (n->ticket_count >= IPC_TICKETS_MAX + IPC_JUDGES_MAX) {
		world_fail(n->w, "node %zu holds %zu tickets", n->index,
		    n->ticket_count);
		return 0;
	}
	n->tickets[n->ticket_count].id = ++n->ticket_last;
	n->tickets[n->ticket_count++].version = v;
	return n->ticket_last;
}

static const struct version *
ticket_find(const struct node *n, uint64_t id)
{
	for (size_t i = 0; i < n->ticket_count; i++) {
		if (n->tickets[i].id == id)
			return n->tickets[i].version;
	}
	return NULL;
}

void
store_ticket_drop(struct node *n, uint64_t id)
{
	for (size_t i = 0; i < n->ticket_count; i++) {
		if (n->tickets[i].id == id) {
			n->tickets[i] = n->tickets[--n->ticket_count];
			return;
		}
	}
}

static enum verdict
judge(struct node *n, const struct entry *e, uint64_t *ticket)
{
	const struct version *v = version_of(n->w, e);
	struct held *h;
	enum verdict verdict;

	if (v == NULL || e->signature[0] != 1)
		return VERDICT_BAD_SIGNATURE;
	verdict = store_policy(n, v);
	if (verdict != VERDICT_OK)
		return verdict;
	h = &n->held[name_index(n->w, e->name)];
	if (h->winner != NULL &&
	    entry_rank_compare(&v->rank, &h->winner->rank) <= 0)
		return VERDICT_NOT_NEWER;
	if (e->kind == ENTRY_DELETE || entry_is_expired(e, node_wall(n))) {
		h->records[signer_of(v)] = v;
		store_show(n, h, v, false);
		return VERDICT_CREATED;
	}
	*ticket = ticket_new(n, v);
	return VERDICT_FETCH;
}

static void
judge_event(struct world *w, struct node *n, void *arg, uint64_t a)
{
	struct judgement *j = arg;
	uint64_t ticket = 0;
	enum verdict v;

	sync_tick(n->s, w->now, node_wall(n));
	n->judging--;
	v = judge(n, &j->entry, &ticket);
	sync_judged(n->s, j->id, v, ticket);
	node_drive(n);
}

void
store_judge(struct node *n, uint64_t id, const struct entry *e)
{
	struct judgement *j = xcalloc(1, sizeof(*j));

	j->id = id;
	j->entry = *e;
	n->judged++;
	if (++n->judging > IPC_JUDGES_MAX)
		world_fail(n->w, "more than %d judgements", IPC_JUDGES_MAX);
	world_after(n->w, n, MS / 5 + rnd(n->w, 2 * MS), judge_event, j, 0);
}

struct reading {
	uint64_t id;
	uint8_t key[16];
};

static void
read_event(struct world *w, struct node *n, void *arg, uint64_t a)
{
	const struct reading *r = arg;
	const struct entry *e = NULL;

	n->reading--;
	for (size_t i = 0; i < w->name_count; i++) {
		const struct held *h = &n->held[i];

		if (h->winner != NULL && !h->lacks_content &&
		    memcmp(h->winner->key, r->key, 16) == 0)
			e = &h->winner->entry;
	}
	sync_tick(n->s, w->now, node_wall(n));
	sync_read_done(n->s, r->id, e);
	node_drive(n);
}

void
store_read(struct node *n, uint64_t id, const uint8_t *key)
{
	struct reading *r = xcalloc(1, sizeof(*r));

	r->id = id;
	memcpy(r->key, key, 16);
	if (++n->reading > IPC_OPENS_MAX)
		world_fail(n->w, "more than %d reads", IPC_OPENS_MAX);
	world_after(n->w, n, MS / 5 + rnd(n->w, MS), read_event, r, 0);
}

enum verdict
store_put(struct node *n, uint64_t ticket, bool content_is_good)
{
	const struct version *v = ticket_find(n, ticket);
	struct held *h;

	if (v == NULL) {
		world_fail(n->w, "node %zu puts without a ticket", n->index);
		return VERDICT_NOT_FOUND;
	}
	if (!content_is_good)
		return VERDICT_BAD_CONTENT;
	h = &n->held[name_index(n->w, v->entry.name)];
	if (store_policy(n, v) != VERDICT_OK)
		return store_policy(n, v);
	if (h->winner != NULL && !h->lacks_content &&
	    entry_rank_compare(&v->rank, &h->winner->rank) <= 0)
		return VERDICT_NOT_NEWER;
	store_ticket_drop(n, ticket);
	h->records[signer_of(v)] = v;
	store_show(n, h, v, false);
	return VERDICT_CREATED;
}

struct putting {
	uint64_t id, ticket;
	bool is_good;
};

static void
put_event(struct world *w, struct node *n, void *arg, uint64_t a)
{
	const struct putting *p = arg;
	enum verdict v;

	sync_tick(n->s, w->now, node_wall(n));
	if (ticket_find(n, p->ticket) == NULL)
		return; /* it was dropped, with the put */
	v = store_put(n, p->ticket, p->is_good);
	sync_put_done(n->s, p->id, v);
	node_drive(n);
}

void
store_put_inline(struct node *n, uint64_t id, uint64_t ticket,
    const uint8_t *content, size_t len)
{
	const struct version *v = ticket_find(n, ticket);
	struct putting *p = xcalloc(1, sizeof(*p));
	uint8_t good[INLINE_MAX];

	if (v == NULL || len > INLINE_MAX) {
		world_fail(n->w, "an inline put without a ticket");
		free(p);
		return;
	}
	content_fill(v, good, len);
	p->id = id;
	p->ticket = ticket;
	p->is_good = len == v->entry.size && memcmp(good, content, len) == 0;
	world_after(n->w, n, MS + rnd(n->w, 5 * MS), put_event, p, 0);
}

/* --- start, reload, damage -------------------------------------------- */

static void
stream_event(struct world *w, struct node *n, void *arg, uint64_t a)
{
	sync_tick(n->s, w->now, node_wall(n));
	for (size_t i = 0; i < w->name_count; i++) {
		const struct version *v = n->held[i].winner;

		if (v != NULL && !n->held[i].lacks_content)
			sync_index_row(n->s, v->key, &v->rank, v->entry.size);
		else if (v != NULL)
			sync_store_wants(n->s, v->key, &v->rank, v->entry.size,
			    ticket_new(n, v));
	}
	sync_index_complete(n->s);
	node_drive(n);
}

void
store_stream(struct node *n)
{
	sync_index_begin(n->s);
	world_after(n->w, n, MS + rnd(n->w, 500 * MS), stream_event, NULL, 0);
}

void
store_reload(struct node *n)
{
	for (size_t i = 0; i < n->w->name_count; i++) {
		struct held *h = &n->held[i];
		const struct version *best = winner_of(n, h);

		if (best == h->winner)
			continue;
		h->was_withdrawn = true;
		h->lacks_content = false;
		if (n->s == NULL) {
			h->winner = best;
			continue;
		}
		if (h->winner != NULL)
			sync_store_retract(n->s, h->winner->key);
		h->winner = NULL;
		if (best != NULL)
			store_show(n, h, best, false);
	}
	if (n->s != NULL)
		node_drive(n);
}

/* The content of the winner fails its hash: it is wanted again. */
void
store_rot(struct node *n, size_t name)
{
	struct held *h = &n->held[name];

	if (n->s == NULL || h->winner == NULL || h->lacks_content ||
	    h->winner->entry.kind == ENTRY_DELETE)
		return;
	h->lacks_content = true;
	sync_tick(n->s, n->w->now, node_wall(n));
	sync_store_retract(n->s, h->winner->key);
	sync_store_wants(n->s, h->winner->key, &h->winner->rank,
	    h->winner->entry.size, ticket_new(n, h->winner));
	node_drive(n);
}

void
store_clear(struct node *n)
{
	memset(n->held, 0, n->w->name_count * sizeof(*n->held));
}
