/* SPDX-License-Identifier: ISC */
#include "dm-store/rejects.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/name.h"
#include "dm-store/judge.h"
#include "dm-store/commit.h"
#include "dm-store/store_log.h"

#define WRITE_NS (10 * NS_PER_S)
#define LIKE_MAX 64 /* how far back the same is looked for */

struct rejects {
	uint64_t next; /* number of the next one */
	size_t n;
	unsigned allowed;   /* before it is too much */
	unsigned net_lines; /* of the log, likewise */
	uint64_t dropped;
	uint64_t write_ns; /* mono, when it may be written again */
	bool is_dirty[REJECTS_MAX];
	bool has_dirty;
	struct reject ring[REJECTS_MAX]; /* number n is at n % REJECTS_MAX */
	bool is_net_dirty[REJECTS_NET_MAX];
	struct reject net[REJECTS_NET_MAX]; /* count 0: free */
};

/* Their numbers on disk, far from those of the ring. */
#define NET_FIRST (UINT64_C(1) << 63)

static bool
on_row(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct rejects *r = ctx;
	struct reject j;
	uint64_t number;

	if (key_len != 8)
		return true;
	number = row_get_u64(key);
	if (number >= NET_FIRST) {
		number -= NET_FIRST;
		if (number < REJECTS_NET_MAX && !is_damaged &&
		    row_reject_decode(&j, body.data, body.len))
			r->net[number] = j;
		return true;
	}
	r->next = number;
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
	r->net_lines = REJECTS_PER_SECOND;
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

/* The place of the next row of a source: after all others, or, if it has many,
 * the place of its oldest. Conflicts are no one source's. */
static size_t
place(struct rejects *r, const struct reject *j)
{
	size_t n = 0, at, own = 0;

	for (size_t i = r->n; i > 0 && j->code != REJECT_CONFLICT; i--) {
		at = (r->next - i) % REJECTS_MAX;
		if (r->ring[at].code == REJECT_CONFLICT ||
		    strcmp(r->ring[at].from, j->from) != 0)
			continue;
		if (n++ == 0 || r->ring[at].last_ns < r->ring[own].last_ns)
			own = at;
	}
	if (n >= REJECTS_SOURCE_MAX)
		return own;
	if (r->n < REJECTS_MAX)
		r->n++;
	return r->next++ % REJECTS_MAX;
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
	if (r->allowed <= (j->code == REJECT_CONFLICT ? 0 : REJECTS_SPARED)) {
		r->dropped++;
		return;
	}
	r->allowed--;
	j->first_ns = j->last_ns = now;
	j->count = 1;
	at = place(r, j);
	r->ring[at] = *j;
	r->is_dirty[at] = r->has_dirty = true;
	if (j->code != REJECT_CONFLICT)
		store_log_refused(j->name, j->signer, reject_code(j), j->from);
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

/* --- dm-net's --- */

static bool
is_configured(const struct store *s, const char *name)
{
	return name[0] != '\0' && s->policy != NULL &&
	       policy_find(s->policy, name) != NULL;
}

/* One row each for a configured name; other names are anybody's choice, and
 * the last of them is kept. */
static bool
is_like_net(
    const struct store *s, const struct reject *a, const struct reject *b)
{
	bool is_ours = is_configured(s, b->name);

	return a->count > 0 && a->code == b->code &&
	       strcmp(a->from, b->from) == 0 &&
	       is_configured(s, a->name) == is_ours &&
	       (!is_ours || strcmp(a->name, b->name) == 0);
}

/* Where it goes: to its like, else to the oldest of its source if that has
 * many, else to a free place, else to the oldest of all. */
static size_t
net_place(const struct store *s, const struct reject *j)
{
	const struct reject *net = s->rejects->net;
	size_t n = 0, own = 0, old = 0;

	for (size_t i = 0; i < REJECTS_NET_MAX; i++) {
		if (is_like_net(s, &net[i], j))
			return i;
		if (net[i].last_ns < net[old].last_ns) /* 0: free */
			old = i;
		if (net[i].count == 0 || strcmp(net[i].from, j->from) != 0)
			continue;
		if (n++ == 0 || net[i].last_ns < net[own].last_ns)
			own = i;
	}
	return n >= REJECTS_NET_SOURCE_MAX ? own : old;
}

static void
add_net(struct store *s, struct reject *j)
{
	struct rejects *r = s->rejects;
	size_t at = net_place(s, j);

	j->first_ns = j->last_ns = clock_now_ns(&s->clock);
	if (is_like_net(s, &r->net[at], j)) {
		j->first_ns = r->net[at].first_ns;
		j->count += r->net[at].count;
	} else if (r->net_lines > 0) {
		r->net_lines--;
		store_log_refused(j->name, j->signer, reject_code(j), j->from);
	}
	r->net[at] = *j;
	r->is_net_dirty[at] = r->has_dirty = true;
}

bool
rejects_relayed(struct store *s, const struct ipc_refused *m)
{
	struct reject j;

	memset(&j, 0, sizeof(j));
	if (verdict_is_ok((enum verdict)m->verdict) || m->times == 0 ||
	    (m->signer.len != 0 && m->signer.len != sizeof(j.signer)) ||
	    (m->name.len != 0 &&
		!name_is_valid((const char *)m->name.data, m->name.len)))
		return false;
	j.code = (unsigned)m->verdict;
	j.kind = m->kind == 1 ? ENTRY_DELETE : ENTRY_FILE;
	j.count = m->times;
	j.signed_at_ns = m->signed_at_ns;
	if (m->signer.len != 0)
		memcpy(j.signer, m->signer.data, sizeof(j.signer));
	bytes_copy_text(m->name, j.name, sizeof(j.name));
	bytes_copy_text(m->from, j.from, sizeof(j.from));
	judge_count(s, (enum verdict)m->verdict, m->times);
	add_net(s, &j);
	return true;
}

/* --- keeping --- */

static void
drain_net(struct store *s)
{
	struct rejects *r = s->rejects;
	uint8_t key[8], body[ROW_SMALL_MAX];

	for (uint64_t i = 0; i < REJECTS_NET_MAX; i++) {
		if (!r->is_net_dirty[i])
			continue;
		r->is_net_dirty[i] = false;
		row_put_u64(key, NET_FIRST + i);
		index_put(s->index, INDEX_REFUSALS, key, sizeof(key), body,
		    row_reject_encode(&r->net[i], body));
	}
}

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
	drain_net(s);
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
	r->net_lines = REJECTS_PER_SECOND;
	/* a full disk gets no more work than it has */
	if (mono < r->write_ns || !s->stats.is_writable)
		return;
	r->write_ns = mono + WRITE_NS;
	rejects_settle(s);
}

/* --- telling --- */

static const struct reject *
net_at(const struct rejects *r, size_t i)
{
	for (size_t k = 0; k < REJECTS_NET_MAX; k++)
		if (r->net[k].count > 0 && i-- == 0)
			return &r->net[k];
	return NULL;
}

const struct reject *
rejects_at(const struct store *s, size_t i)
{
	const struct rejects *r = s->rejects;

	if (i >= r->n)
		return net_at(r, i - r->n);
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
