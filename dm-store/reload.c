/* SPDX-License-Identifier: ISC */
#include "dm-store/reload.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/name.h"
#include "dm-store/commit.h"
#include "dm-store/dormant.h"
#include "dm-store/seek.h"

#define SLICE_ROWS 1000
#define SLICE_NAMES 250

struct seen {
	char name[NAME_LEN_MAX + 1];
	bool has_best;
	struct entry_rank best;
};

struct mark {
	size_t seen; /* of which name */
	bool is_admitted;
	uint8_t signer[32];
};

/* Names of consecutive records, each with its greatest that may win. */
struct name_slice {
	const struct policy *policy;
	size_t n;
	bool is_cut; /* the last one may have more records */
	struct seen seen[SLICE_NAMES + 1];
	size_t n_marks;
	struct mark mark[SLICE_ROWS];
};

static void
mark_add(
    struct name_slice *sl, const uint8_t signer[static 32], bool is_admitted)
{
	struct mark *m = &sl->mark[sl->n_marks++];

	m->seen = sl->n - 1;
	m->is_admitted = is_admitted;
	memcpy(m->signer, signer, 32);
}

static bool
on_record(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct name_slice *sl = ctx;
	struct seen *seen;
	char name[NAME_LEN_MAX + 1];
	uint8_t signer[32];
	struct entry_rank rank;
	struct record rec;

	if (!row_record_name(key, key_len, name, signer))
		return true;
	if (sl->n == 0 || strcmp(sl->seen[sl->n - 1].name, name) != 0) {
		if (sl->n == SLICE_NAMES) {
			sl->is_cut = false;
			return false;
		}
		seen = &sl->seen[sl->n++];
		memcpy(seen->name, name, strlen(name) + 1);
		seen->has_best = false;
	}
	seen = &sl->seen[sl->n - 1];
	if (is_damaged || !row_record_decode(&rec, body.data, body.len))
		return true;
	mark_add(sl, signer, policy_admits(sl->policy, &rec.entry));
	if (!sl->mark[sl->n_marks - 1].is_admitted)
		return true;
	entry_rank(&rec.entry, &rank);
	if (!seen->has_best || entry_rank_compare(&rank, &seen->best) > 0) {
		seen->has_best = true;
		seen->best = rank;
	}
	return true;
}

/* Leaving first: what stays must not find a removed name in its way. */
static void
settle_seen(struct store *s, const struct seen *seen, bool is_leaving)
{
	bool is_configured = policy_find(s->policy, seen->name) != NULL;
	struct winner w;
	uint8_t key[16];
	enum index_found found;

	if (is_leaving == is_configured)
		return;
	name_key(seen->name, key);
	found = table_winner(s->index, VIEW_BATCH, key, &w);
	if (found == FOUND && seen->has_best &&
	    entry_rank_compare(&w.rank, &seen->best) == 0)
		return;
	if (found == FOUND_NONE && !seen->has_best)
		return;
	settle_name(s, seen->name, is_leaving ? SETTLE_PRUNE : 0);
}

/* What is not admitted goes to sleep, what is wakes up. */
static void
settle_marks(struct store *s, const struct name_slice *sl)
{
	uint64_t now = clock_now_ns(&s->clock);

	for (size_t i = 0; i < sl->n_marks; i++) {
		const struct mark *m = &sl->mark[i];

		if (m->seen >= sl->n)
			continue; /* seen again, with the next slice */
		index_begin(s->index);
		if (m->is_admitted)
			table_dormant_clear(
			    s->index, sl->seen[m->seen].name, m->signer);
		else
			table_dormant_set(
			    s->index, sl->seen[m->seen].name, m->signer, now);
	}
}

/* One walk over all names. False if the disk is full. */
static bool
pass(struct store *s, bool is_leaving)
{
	struct name_slice *sl = xcalloc(1, sizeof(*sl));
	char from[NAME_LEN_MAX + 2] = "";
	size_t from_len = 0, rows;
	bool is_done = false, is_fine = true;

	while (!is_done && is_fine) {
		sl->policy = s->policy;
		sl->n = sl->n_marks = 0;
		sl->is_cut = true;
		rows = index_walk(s->index, VIEW_BATCH, INDEX_RECORDS, from,
		    from_len, SLICE_ROWS, on_record, sl);
		is_done = rows < SLICE_ROWS && sl->is_cut;
		/* the last name again, from its first record, unless it is
		 * all there is */
		if (!is_done && sl->is_cut && sl->n > 1)
			sl->n--;
		for (size_t i = 0; i < sl->n; i++)
			settle_seen(s, &sl->seen[i], is_leaving);
		if (is_leaving)
			settle_marks(s, sl);
		if (sl->n > 0) {
			/* behind all of its records: a byte after the zero */
			from_len = strlen(sl->seen[sl->n - 1].name) + 1;
			memcpy(from, sl->seen[sl->n - 1].name, from_len);
			from[from_len - 1] = '\1';
		}
		is_fine = commit_flush(s) == 0;
	}
	free(sl);
	return is_fine;
}

static void
run(struct store *s)
{
	uint8_t hash[32];

	commit_flush(s);
	s->needs_reload = true;
	if (!table_meta(s->index, INDEX_META_CONFIG, hash, sizeof(hash)) ||
	    memcmp(hash, s->policy->hash, sizeof(hash)) != 0) {
		if (!pass(s, true) || !pass(s, false))
			return;
		index_begin(s->index);
		table_meta_set(s->index, INDEX_META_CONFIG, s->policy->hash,
		    sizeof(s->policy->hash));
		if (commit_flush(s) == -1)
			return;
	}
	s->needs_reload = false;
}

void
reload_apply(struct store *s, struct policy *policy)
{
	commit_flush(s);
	policy_free(s->policy);
	s->policy = policy;
	run(s);
	seek_soon(s);
	log_info("%zu name%s configured, %llu visible here", policy->n,
	    policy->n == 1 ? "" : "s",
	    (unsigned long long)index_count(
		s->index, VIEW_COMMITTED, INDEX_VISIBLE));
}

void
reload_repair(struct store *s)
{
	const uint8_t none[32] = {0};

	log_error("a row of the index is damaged: names are settled anew");
	index_begin(s->index);
	table_meta_set(s->index, INDEX_META_CONFIG, none, sizeof(none));
	commit_schedule(s);
	s->needs_reload = true;
}

void
reload_tick(struct store *s)
{
	if (s->needs_reload && s->policy != NULL)
		run(s);
	else if (s->policy != NULL)
		dormant_tick(s);
}
