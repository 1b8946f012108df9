/* SPDX-License-Identifier: ISC */
#include "dm-store/reload.h"

#include <event2/event.h>

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/name.h"
#include "common/xevent.h"
#include "dm-store/commit.h"
#include "dm-store/dormant.h"
#include "dm-store/loop.h"
#include "dm-store/restore_due.h"

#define SLICE_ROWS 500 /* read in a turn of the loop */
#define SLICE_NAMES 125
#define CHANGES_MAX 16 /* names, in a turn: each costs several syncs */

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

/* Leaving first: what stays must not find a removed name in its way.
 * True if its winner has changed. */
static bool
winner_seen(struct store *s, const struct seen *seen, bool is_leaving)
{
	bool is_configured = policy_find(s->policy, seen->name) != NULL;
	struct winner w;
	uint8_t key[16];
	enum index_found found;

	if (is_leaving == is_configured)
		return false;
	name_key(seen->name, key);
	found = table_winner(s->index, VIEW_BATCH, key, &w);
	if (found == FOUND && seen->has_best &&
	    entry_rank_compare(&w.rank, &seen->best) == 0)
		return false;
	if (found == FOUND_NONE && !seen->has_best)
		return false;
	return winner_decide(s, seen->name, is_leaving ? DECIDE_PRUNE : 0);
}

/* A record that is not admitted goes to sleep, one that is wakes up. */
static void
winner_marks(struct store *s, const struct name_slice *sl)
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

/* --- one slice after another --- */

struct reload {
	struct event *turn;
	reload_fn *done; /* NULL: nobody is to be told */
	bool is_new;	 /* a policy whose first attempt has not ended */
	bool is_begun;	 /* the index says that it follows no configuration */
	bool is_leaving; /* the first of two walks over all names */
	char from[NAME_LEN_MAX + 2];
	size_t from_len;
	struct name_slice slice;
};

/* The work that a turn of the loop has done. */
struct turn {
	size_t n_rows, n_changed;
};

static bool
is_over(const struct turn *t)
{
	return t->n_rows >= SLICE_ROWS || t->n_changed >= CHANGES_MAX;
}

/* Rows of the next names. False: there are no more after them. */
static bool
slice_read(struct store *s, struct reload *r, struct turn *t)
{
	struct name_slice *sl = &r->slice;
	size_t rows;
	bool is_last;

	sl->policy = s->policy;
	sl->n = sl->n_marks = 0;
	sl->is_cut = true;
	rows = index_walk(s->index, VIEW_BATCH, INDEX_RECORDS, r->from,
	    r->from_len, SLICE_ROWS, on_record, sl);
	t->n_rows += rows;
	is_last = rows < SLICE_ROWS && sl->is_cut;
	/* the last name again, from its first record, unless it is all there
	 * is */
	if (!is_last && sl->is_cut && sl->n > 1)
		sl->n--;
	return !is_last;
}

/* False: the last names of it were too much for this turn, and are left out. */
static bool
slice_settle(struct store *s, struct reload *r, struct turn *t)
{
	struct name_slice *sl = &r->slice;
	size_t n = 0, all = sl->n;

	while (n < all && t->n_changed < CHANGES_MAX)
		if (winner_seen(s, &sl->seen[n++], r->is_leaving))
			t->n_changed++;
	sl->n = n;
	if (r->is_leaving)
		winner_marks(s, sl);
	return n == all;
}

/* The next slice begins after all records of the last name of this one: a byte
 * after the zero. */
static void
slice_pass(struct reload *r)
{
	const struct name_slice *sl = &r->slice;

	if (sl->n == 0)
		return;
	r->from_len = strlen(sl->seen[sl->n - 1].name) + 1;
	memcpy(r->from, sl->seen[sl->n - 1].name, r->from_len);
	r->from[r->from_len - 1] = '\1';
}

static bool
is_settled(struct store *s)
{
	uint8_t hash[32];

	return table_meta(s->index, INDEX_META_CONFIG, hash, sizeof(hash)) &&
	       memcmp(hash, s->policy->hash, sizeof(hash)) == 0;
}

static bool
follow(struct store *s, const uint8_t hash[static 32])
{
	index_begin(s->index);
	table_meta_set(s->index, INDEX_META_CONFIG, hash, 32);
	return commit_flush(s) == 0;
}

/* The first attempt has come to an end, be it because the disk is full. */
static void
store_log_done(struct store *s)
{
	struct reload *r = s->reload;

	if (!r->is_new)
		return;
	r->is_new = false;
	restore_soon(s);
	log_info("%zu name%s configured, %llu visible here", s->policy->n,
	    s->policy->n == 1 ? "" : "s",
	    (unsigned long long)index_count(
		s->index, VIEW_COMMITTED, INDEX_VISIBLE));
	if (r->done != NULL)
		r->done(s);
}

/* A half done change follows neither configuration. This is noted before it
 * begins, so that it is done again if the process ends in between. */
static bool
begin(struct store *s)
{
	static const uint8_t none[32];
	struct reload *r = s->reload;

	if (!follow(s, none))
		return false;
	r->is_begun = r->is_leaving = true;
	r->from_len = 0;
	return true;
}

/* False if the disk is full: it goes on there at the next second. */
static bool
step(struct store *s, struct turn *t)
{
	struct reload *r = s->reload;
	bool has_more = slice_read(s, r, t);

	if (!slice_settle(s, r, t))
		has_more = true;
	if (commit_flush(s) == -1)
		return false;
	slice_pass(r);
	if (has_more)
		return true;
	if (r->is_leaving) {
		r->is_leaving = false;
		r->from_len = 0;
		return true;
	}
	if (!follow(s, s->policy->hash))
		return false;
	r->is_begun = s->needs_reload = false;
	return true;
}

/* So many rows, in as many slices as that takes: where there are few names, all
 * of it is done at once. */
static void
work(struct store *s)
{
	struct turn t = {0, 0};
	bool goes_on = true;

	commit_flush(s);
	while (goes_on && s->needs_reload && !is_over(&t))
		goes_on = s->reload->is_begun ? step(s, &t) : begin(s);
	if (goes_on && s->needs_reload)
		loop_soon(s->reload->turn);
	else
		store_log_done(s);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	work(arg);
}

struct reload *
reload_new(struct store *s)
{
	struct reload *r = xcalloc(1, sizeof(*r));

	r->turn = xevent(s->base, -1, 0, on_turn, s);
	return r;
}

void
reload_free(struct reload *r)
{
	if (r == NULL)
		return;
	event_free(r->turn);
	free(r);
}

void
reload_apply(struct store *s, struct policy *policy, reload_fn *done)
{
	commit_flush(s);
	policy_free(s->policy);
	s->policy = policy;
	s->send(s, IPC_CONFIGURED, NULL, -1);
	s->reload->is_begun = false;
	s->reload->is_new = true;
	s->reload->done = done;
	s->needs_reload = !is_settled(s);
	work(s);
}

void
reload_name(struct store *s, const char *name)
{
	if (!s->needs_reload || s->policy == NULL)
		return;
	winner_decide(
	    s, name, policy_find(s->policy, name) == NULL ? DECIDE_PRUNE : 0);
}

void
reload_repair(struct store *s)
{
	const uint8_t none[32] = {0};

	log_error("a row of the index is damaged: the winner of every name is "
		  "found again");
	index_begin(s->index);
	table_meta_set(s->index, INDEX_META_CONFIG, none, sizeof(none));
	commit_schedule(s);
	s->reload->is_begun = false;
	s->needs_reload = true;
}

void
reload_tick(struct store *s)
{
	if (s->needs_reload && s->policy != NULL)
		loop_soon(s->reload->turn);
	else if (s->policy != NULL)
		dormant_tick(s);
}
