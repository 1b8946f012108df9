/* SPDX-License-Identifier: ISC */
#include "dm-store/rejects.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/name.h"
#include "dm-store/commit.h"
#include "dm-store/tell.h"

#define WRITE_NS (UINT64_C(10) * NS_PER_S)
#define LIKE_MAX 64 /* how far back the same is looked for */

struct rejects {
	uint64_t next; /* number of the next one */
	size_t n;
	unsigned allowed; /* before it is too much */
	uint64_t dropped;
	uint64_t write_ns; /* mono, when it may be written again */
	bool is_dirty[REJECTS_MAX];
	bool has_dirty;
	struct reject ring[REJECTS_MAX]; /* number n is at n % REJECTS_MAX */
};

static bool
on_row(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct rejects *r = ctx;
	struct reject j;

	if (key_len != 8)
		return true;
	r->next = row_get_u64(key);
	if (is_damaged || !row_reject_decode(&j, body.data, body.len)) {
		memset(&j, 0, sizeof(j));
		j.code = REJECT_CONFLICT; /* of nothing: count 0, not shown */
	}
	r->ring[r->next++ % REJECTS_MAX] = j;
	if (r->n < REJECTS_MAX)
		r->n++;
	return true;
}

struct rejects *
rejects_new(struct store *s)
{
	struct rejects *r = xcalloc(1, sizeof(*r));

	r->allowed = REJECTS_BURST;
	index_walk(s->index, VIEW_COMMITTED, INDEX_REFUSALS, NULL, 0, SIZE_MAX,
	    on_row, r);
	return r;
}

void
rejects_free(struct rejects *r)
{
	free(r);
}

/* --- adding --- */

static bool
is_like(const struct reject *a, const struct reject *b)
{
	return a->code == b->code && a->kind == b->kind &&
	       a->signed_at_ns == b->signed_at_ns &&
	       a->by_signed_at_ns == b->by_signed_at_ns &&
	       memcmp(a->signer, b->signer, 32) == 0 &&
	       memcmp(a->by_signer, b->by_signer, 32) == 0 &&
	       strcmp(a->name, b->name) == 0 && strcmp(a->from, b->from) == 0;
}

static void
add(struct store *s, struct reject *j)
{
	struct rejects *r = s->rejects;
	uint64_t now = clock_now_ns(&s->clock);
	size_t at;

	for (size_t i = 1; i <= r->n && i <= LIKE_MAX; i++) {
		at = (r->next - i) % REJECTS_MAX;
		if (!is_like(&r->ring[at], j))
			continue;
		r->ring[at].count++;
		r->ring[at].last_ns = now;
		r->is_dirty[at] = r->has_dirty = true;
		return;
	}
	if (r->allowed == 0) {
		r->dropped++;
		return;
	}
	r->allowed--;
	j->first_ns = j->last_ns = now;
	j->count = 1;
	at = r->next++ % REJECTS_MAX;
	r->ring[at] = *j;
	r->is_dirty[at] = r->has_dirty = true;
	if (r->n < REJECTS_MAX)
		r->n++;
	if (j->code != REJECT_CONFLICT)
		tell_refused(j->name, j->signer, reject_code(j), j->from);
}

static void
fill(struct reject *j, const struct entry *e, unsigned code)
{
	memset(j, 0, sizeof(*j));
	j->code = code;
	j->kind = e->kind;
	j->signed_at_ns = e->signed_at_ns;
	memcpy(j->signer, e->signer, 32);
	memcpy(j->name, e->name, sizeof(j->name));
}

/* Refusals that say nothing about the version. */
static bool
is_passing(enum verdict v)
{
	return verdict_is_ok(v) || v == VERDICT_FETCH || v == VERDICT_BUSY ||
	       v == VERDICT_NO_STORE || v == VERDICT_MALFORMED ||
	       v == VERDICT_SHA256_REQUIRED || v == VERDICT_TICKET_GONE;
}

void
rejects_refused(
    struct store *s, const struct entry *e, enum verdict v, struct bytes from)
{
	struct winner held;
	struct reject j;
	uint8_t key[16];

	if (is_passing(v) || !name_is_valid(e->name, strlen(e->name)))
		return;
	fill(&j, e, v);
	if (from.len > REJECT_FROM_MAX)
		from.len = REJECT_FROM_MAX;
	if (from.len > 0)
		memcpy(j.from, from.data, from.len);
	name_key(e->name, key);
	if (v == VERDICT_NOT_NEWER &&
	    table_winner(s->index, VIEW_BATCH, key, &held) == FOUND) {
		j.by_signed_at_ns = held.rank.signed_at_ns;
		memcpy(j.by_signer, held.signer, 32);
	}
	add(s, &j);
}

void
rejects_conflict(
    struct store *s, const struct entry *loser, const struct entry *winner)
{
	struct reject j;

	fill(&j, loser, REJECT_CONFLICT);
	j.by_signed_at_ns = winner->signed_at_ns;
	memcpy(j.by_signer, winner->signer, 32);
	add(s, &j);
}

/* --- keeping --- */

void
rejects_settle(struct store *s)
{
	struct rejects *r = s->rejects;
	uint8_t key[8], body[ROW_SMALL_MAX];

	if (!r->has_dirty)
		return;
	index_begin(s->index);
	for (uint64_t i = r->next - r->n; i < r->next; i++) {
		size_t at = i % REJECTS_MAX;

		if (!r->is_dirty[at])
			continue;
		r->is_dirty[at] = false;
		row_put_u64(key, i);
		index_put(s->index, INDEX_REFUSALS, key, sizeof(key), body,
		    row_reject_encode(&r->ring[at], body));
		if (i < REJECTS_MAX)
			continue;
		row_put_u64(key, i - REJECTS_MAX);
		index_delete(s->index, INDEX_REFUSALS, key, sizeof(key));
	}
	r->has_dirty = false;
	commit_schedule(s);
}

void
rejects_tick(struct store *s)
{
	struct rejects *r = s->rejects;
	uint64_t mono = s->clock.mono_ns();

	r->allowed += REJECTS_PER_SECOND;
	if (r->allowed > REJECTS_BURST)
		r->allowed = REJECTS_BURST;
	/* a full disk gets no more work than it has */
	if (mono < r->write_ns || !s->stats.is_writable)
		return;
	r->write_ns = mono + WRITE_NS;
	rejects_settle(s);
}

/* --- telling --- */

const struct reject *
rejects_at(const struct store *s, size_t i)
{
	const struct rejects *r = s->rejects;

	if (i >= r->n)
		return NULL;
	return &r->ring[(r->next - r->n + i) % REJECTS_MAX];
}

uint64_t
rejects_dropped(const struct store *s)
{
	return s->rejects->dropped;
}

const char *
reject_code(const struct reject *j)
{
	return j->code == REJECT_CONFLICT ? "conflict"
					  : verdict_code((enum verdict)j->code);
}
