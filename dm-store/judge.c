/* SPDX-License-Identifier: ISC */
#include "dm-store/judge.h"

#include <string.h>

#include "common/name.h"
#include "dm-store/disk.h"

/* Sizes are summed up: far from where that could overflow. */
#define SIZE_CEILING (UINT64_C(1) << 60)

bool
judge_is_expired(const struct store *s, const struct entry *e)
{
	return clock_is_sane(&s->clock) &&
	       entry_is_expired(e, clock_now_ns(&s->clock));
}

/* Name, signer, network, size and time: what needs no look at the index. */
static enum verdict
judge_alone(struct store *s, const struct entry *e, enum judge_from from)
{
	uint64_t now = clock_now_ns(&s->clock);
	const struct policy_file *f;

	if (!entry_is_sane(e))
		return VERDICT_BAD_FIELD;
	if (s->policy == NULL)
		return VERDICT_NO_STORE;
	f = policy_find(s->policy, e->name);
	if (f == NULL)
		return VERDICT_UNKNOWN_FILE;
	if (!policy_may_sign(f, e->signer))
		return VERDICT_UNKNOWN_SIGNER;
	if (!policy_is_network(s->policy, e))
		return VERDICT_OTHER_NETWORK;
	if (e->size > s->policy->max_file_size || e->size > SIZE_CEILING)
		return VERDICT_TOO_LARGE;
	if (from != FROM_PEER_UNPROVED && e->signed_at_ns > now &&
	    e->signed_at_ns - now > s->policy->max_clock_skew_ns)
		return VERDICT_SIGNED_IN_FUTURE;
	if (from == FROM_CLIENT && judge_is_expired(s, e))
		return VERDICT_EXPIRED;
	return VERDICT_OK;
}

static bool
is_near(const struct store *s, uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) <= s->policy->max_clock_skew_ns;
}

/* Against the winner held here. */
static enum verdict
judge_rank(struct store *s, const struct entry *e, const uint8_t *version,
    const struct winner *held)
{
	struct entry_rank rank = {e->signed_at_ns, e->kind, {0}};
	int order;

	if (version == NULL) {
		/* at the same instant the hash will decide */
		order = e->signed_at_ns < held->rank.signed_at_ns ? -1 : 1;
	} else {
		memcpy(rank.version, version, 32);
		order = entry_rank_compare(&rank, &held->rank);
	}
	if (order > 0)
		return VERDICT_OK;
	if (order == 0)
		return held->state == WINNER_WANTED ||
			       held->state == WINNER_LOST
			   ? VERDICT_OK
			   : VERDICT_UNCHANGED;
	if (memcmp(e->signer, held->signer, 32) != 0 &&
	    is_near(s, e->signed_at_ns, held->rank.signed_at_ns))
		s->stats.conflicts++;
	return VERDICT_NOT_NEWER;
}

void
judge_count(struct store *s, enum verdict v, uint64_t times)
{
	s->stats.rejected[v] += times;
	s->stats.is_changed = true;
}

static enum verdict
count(struct store *s, enum verdict v)
{
	if (v != VERDICT_OK && v != VERDICT_UNCHANGED)
		judge_count(s, v, 1);
	return v;
}

enum verdict
judge_entry(struct store *s, const struct entry *e, const uint8_t *version,
    enum judge_from from, struct accepted *out)
{
	enum index_found found;
	struct winner held;
	uint8_t key[16];
	enum verdict v;

	memset(out, 0, sizeof(*out));
	v = judge_alone(s, e, from);
	if (v != VERDICT_OK)
		return count(s, v);
	name_key(e->name, key);
	found = table_winner(s->index, VIEW_BATCH, key, &held);
	out->is_damaged = found == FOUND_DAMAGED;
	if (found != FOUND)
		return VERDICT_OK;
	out->held_signed_at_ns = held.rank.signed_at_ns;
	out->was_visible = held.state == WINNER_SHOWN;
	return count(s, judge_rank(s, e, version, &held));
}

/* The replaced version makes room again, but only after it is replaced. */
enum verdict
judge_room(struct store *s, const struct entry *e, uint64_t needed)
{
	const struct policy *p = s->policy;
	struct record own;
	struct winner held;
	uint64_t freed = 0, free_now;
	uint8_t key[16];
	bool is_shown;

	if (table_record(s->index, VIEW_BATCH, e->name, e->signer, &own) ==
		FOUND_NONE &&
	    table_signer_count(s->index, VIEW_BATCH, e->signer) >=
		p->max_records_per_signer)
		return count(s, VERDICT_NO_SPACE);
	if (e->kind == ENTRY_DELETE)
		return VERDICT_OK;
	name_key(e->name, key);
	is_shown = table_winner(s->index, VIEW_BATCH, key, &held) == FOUND &&
		   held.state == WINNER_SHOWN;
	if (is_shown)
		freed = held.size;
	else if (index_count(s->index, VIEW_BATCH, INDEX_VISIBLE) >=
		 p->max_files)
		return count(s, VERDICT_NO_SPACE);
	if (s->stats.bytes - freed + e->size > p->max_total_size)
		return count(s, VERDICT_NO_SPACE);
	free_now = needed > 0 ? files_free(&s->files) : FILES_FREE_UNKNOWN;
	if (free_now != FILES_FREE_UNKNOWN &&
	    (free_now < p->min_free || free_now - p->min_free < needed))
		return count(s, VERDICT_NO_SPACE);
	return VERDICT_OK;
}

enum verdict
judge_signature(struct store *s, bool is_good)
{
	return count(s, is_good ? VERDICT_OK : VERDICT_BAD_SIGNATURE);
}

enum verdict
judge_error(int error)
{
	return disk_error_is_full(error) ? VERDICT_NO_SPACE : VERDICT_IO_ERROR;
}

enum verdict
judge_success(const struct entry *e, const struct accepted *a)
{
	if (e->kind == ENTRY_DELETE)
		return VERDICT_OK;
	return a->was_visible ? VERDICT_REPLACED : VERDICT_CREATED;
}
