/* SPDX-License-Identifier: ISC */
#include "dm-store/winner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/keys/keys.h"
#include "common/log.h"
#include "common/name.h"
#include "dm-store/judge.h"
#include "dm-store/commit.h"
#include "dm-store/history.h"
#include "dm-store/quarantine.h"
#include "dm-store/read_budget.h"
#include "dm-store/rejects.h"
#include "dm-store/restore_due.h"
#include "dm-store/suspects.h"
#include "dm-store/unplaced.h"
#include "dm-store/versions.h"

#define RECORDS_MAX 4096 /* of one name: more signers than any list has had */

/* --- the greatest record --- */

struct search {
	struct store *s;
	const char *name;
	bool has_best;
	struct entry best;
	struct entry_rank rank;
	size_t n_damaged;
	uint8_t damaged[8][32]; /* signers; the rest another time */
};

static bool
on_record(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct search *q = ctx;
	char name[NAME_LEN_MAX + 1];
	uint8_t signer[32];
	struct record rec;
	struct entry_rank rank;

	if (!row_record_name(key, key_len, name, signer) ||
	    strcmp(name, q->name) != 0)
		return false;
	if (is_damaged || !row_record_decode(&rec, body.data, body.len) ||
	    strcmp(rec.entry.name, name) != 0 ||
	    memcmp(rec.entry.signer, signer, 32) != 0) {
		quarantine_row(&q->s->files, body.data, body.len,
		    clock_now_ns(&q->s->clock) / NS_PER_S);
		if (q->n_damaged < 8)
			memcpy(q->damaged[q->n_damaged++], signer, 32);
		return true;
	}
	if (q->s->policy == NULL || !policy_admits(q->s->policy, &rec.entry))
		return true;
	entry_rank(&rec.entry, &rank);
	if (!q->has_best || entry_rank_compare(&rank, &q->rank) > 0) {
		q->has_best = true;
		q->best = rec.entry;
		q->rank = rank;
	}
	return true;
}

static void
find_best(struct store *s, struct search *q, const char *name)
{
	size_t len = strlen(name) + 1;

	q->s = s;
	q->name = name;
	q->has_best = false;
	q->n_damaged = 0;
	index_walk(s->index, VIEW_BATCH, INDEX_RECORDS, name, len, RECORDS_MAX,
	    on_record, q);
}

/*
 * A damaged record leaves, for peers to send it again. If it was the winner,
 * its rank stays: nothing older may take its place meanwhile.
 */
static bool
drop_damaged(struct store *s, const struct search *q, const struct winner *prev)
{
	char key[KEY_FINGERPRINT_MAX];
	bool was_winner = false;

	for (size_t i = 0; i < q->n_damaged; i++) {
		key_fingerprint(q->damaged[i], key);
		log_error("index: the record of %s by signer %s is damaged: "
			  "dropped, fetching it again from peers",
		    q->name, key);
		table_record_delete(s->index, q->name, q->damaged[i]);
		s->stats.damaged++;
		if (prev != NULL &&
		    memcmp(prev->signer, q->damaged[i], 32) == 0)
			was_winner = true;
	}
	return was_winner;
}

/* --- content that is here --- */

/* Served as that content already, under another version. */
static bool
is_current(struct store *s, const struct entry *e, const uint8_t key[static 16])
{
	struct winner w;

	return table_winner(s->index, VIEW_COMMITTED, key, &w) == FOUND &&
	       w.state == WINNER_SHOWN && w.size == e->size &&
	       memcmp(w.sha256, e->sha256, 32) == 0 && !unplaced_has(s, key);
}

static bool
find_current(struct store *s, const struct entry *e,
    const uint8_t version[static 32], unsigned flags)
{
	struct files *f = &s->files;
	uint8_t key[16];

	name_key(e->name, key);
	if (!is_current(s, e, key))
		return false;
	if (read_budget_take(s, e->size))
		return files_stage_kept(
			   f, version, e->name, e->sha256, e->size) == 0;
	/* what is known to be damaged does not go on being served */
	if ((flags & DECIDE_LOST) != 0 ||
	    files_stage_link(f, version, e->name, e->sha256, e->size) == -1)
		return false;
	suspects_add(s, key);
	return true;
}

static bool
find_content(struct store *s, const struct entry *e,
    const uint8_t version[static 32], unsigned flags)
{
	uint64_t when_ns;

	if (find_current(s, e, version, flags))
		return true;
	return table_old(s->index, VIEW_COMMITTED, e->sha256, &when_ns) &&
	       read_budget_take(s, e->size) &&
	       files_stage_kept(&s->files, version, NULL, e->sha256, e->size) ==
		   0;
}

bool
winner_find_content(
    struct store *s, const struct entry *e, const uint8_t version[static 32])
{
	return find_content(s, e, version, 0);
}

/* --- the new state --- */

static void
load_prev(struct store *s, const char *name, struct change *ch)
{
	struct record rec;
	enum index_found found;

	memset(ch, 0, sizeof(*ch));
	memcpy(ch->name, name, strlen(name) + 1);
	name_key(name, ch->key);
	found = table_winner(s->index, VIEW_BATCH, ch->key, &ch->prev);
	ch->had = found == FOUND;
	if (found == FOUND_DAMAGED)
		log_error("index: the winner of %s is damaged: found again "
			  "from its records",
		    name);
	if (!ch->had)
		return;
	ch->had_entry = table_record(s->index, VIEW_BATCH, name,
			    ch->prev.signer, &rec) == FOUND;
	if (ch->had_entry)
		ch->prev_entry = rec.entry;
}

static void
winner_from(struct winner *w, const struct entry *e)
{
	memset(w, 0, sizeof(*w));
	entry_rank(e, &w->rank);
	w->size = e->size;
	memcpy(w->signer, e->signer, 32);
	memcpy(w->sha256, e->sha256, 32);
	w->expires_ns = entry_expires_ns(e);
	memcpy(w->name, e->name, sizeof(w->name));
}

static bool
is_same(const struct change *ch)
{
	return ch->had && ch->has &&
	       entry_rank_compare(&ch->prev.rank, &ch->now.rank) == 0;
}

/* staged: tmp/VERSION of exactly this version is there. */
static enum winner_state
state_of(struct store *s, struct change *ch, struct stage *staged,
    bool has_stage, unsigned flags)
{
	uint64_t when_ns;

	if (ch->entry.kind == ENTRY_DELETE)
		return WINNER_DELETED;
	if (judge_is_expired(s, &ch->entry))
		return WINNER_HIDDEN;
	if (has_stage) {
		ch->place = true;
		return WINNER_SHOWN;
	}
	if (is_same(ch) && ch->prev.state == WINNER_SHOWN &&
	    !(flags & DECIDE_LOST))
		return WINNER_SHOWN;
	/* of this very batch: its redo places it, not a second link */
	if (!find_content(s, &ch->entry, ch->now.rank.version, flags)) {
		/* what was too much for this turn */
		if (table_old(s->index, VIEW_BATCH, ch->now.sha256, &when_ns))
			restore_soon(s);
		return WINNER_WANTED;
	}
	memset(staged, 0, sizeof(*staged));
	staged->is_synced = true;
	ch->place = true;
	return WINNER_SHOWN;
}

/* Decides about the file that is in place now. */
static void
decide_file(struct change *ch, unsigned flags)
{
	/* a lost record's file has stayed where it is */
	bool was_shown = ch->had && (ch->prev.state == WINNER_SHOWN ||
					ch->prev.state == WINNER_LOST);
	bool is_shown = ch->has && ch->now.state == WINNER_SHOWN;

	ch->prune = (flags & DECIDE_PRUNE) != 0;
	/* a file that went before may have left a directory */
	ch->remove = ch->had && !ch->has && ch->prune;
	if (!was_shown || (is_shown && !ch->place))
		return;
	/* damaged record: the content is whole and goes on being read */
	if (ch->has && ch->now.state == WINNER_LOST)
		return;
	ch->quarantine = (flags & DECIDE_LOST) != 0;
	ch->remove = !is_shown;
	ch->keep =
	    ch->had_entry && !ch->quarantine && !(flags & DECIDE_FORGET) &&
	    !(is_shown && memcmp(ch->prev.sha256, ch->now.sha256, 32) == 0);
}

static void
write_redo(struct store *s, struct change *ch, const struct stage *stage)
{
	struct redo redo;

	if (!ch->place && !ch->remove)
		return;
	memset(&redo, 0, sizeof(redo));
	redo.op = ch->place ? REDO_PLACE : REDO_REMOVE;
	memcpy(redo.name, ch->name, sizeof(redo.name));
	memcpy(redo.version,
	    ch->place ? ch->now.rank.version : ch->prev.rank.version, 32);
	memcpy(redo.sha256, ch->place ? ch->now.sha256 : ch->prev.sha256, 32);
	ch->row = ch->place && stage->is_synced ? INDEX_PENDING : INDEX_REDO;
	if (ch->place && !stage->is_synced)
		redo.content = stage->content;
	ch->row_size = redo.content.len;
	ch->seq = commit_next_seq(s);
	table_redo_set(s->index, ch->row, ch->seq, &redo);
}

static void
count_bytes(struct store *s, const struct change *ch)
{
	if (ch->had && ch->prev.state == WINNER_SHOWN)
		s->stats.bytes -= ch->prev.size;
	if (ch->has && ch->now.state == WINNER_SHOWN)
		s->stats.bytes += ch->now.size;
	if (ch->had && ch->has && !is_same(ch) && s->policy != NULL &&
	    memcmp(ch->prev.signer, ch->now.signer, 32) != 0 &&
	    ch->now.rank.signed_at_ns - ch->prev.rank.signed_at_ns <=
		s->policy->max_clock_skew_ns) {
		s->stats.conflicts++;
		if (ch->had_entry && ch->now.state != WINNER_LOST)
			rejects_conflict(s, &ch->prev_entry, &ch->entry);
	}
}

/* Rows and change of a decided winner; false if nothing differs. */
static bool
conclude(struct store *s, struct change *ch, struct stage *stage,
    bool has_stage, unsigned flags)
{
	if (ch->has && ch->now.state != WINNER_LOST)
		ch->now.state = state_of(s, ch, stage, has_stage, flags);
	if (ch->had == ch->has && !ch->place &&
	    (!ch->had || (is_same(ch) && ch->prev.state == ch->now.state)))
		return false;
	decide_file(ch, flags);
	if (ch->quarantine)
		s->stats.damaged++;
	if (ch->place && is_same(ch) && ch->prev.state != WINNER_HIDDEN)
		s->stats.healed++;
	table_winner_set(s->index, ch->name, ch->key,
	    ch->had ? &ch->prev : NULL, ch->has ? &ch->now : NULL);
	write_redo(s, ch, stage);
	if (ch->keep)
		history_add(s, &ch->prev_entry);
	count_bytes(s, ch);
	if (ch->had_entry && ch->has && ch->now.state != WINNER_LOST &&
	    entry_rank_compare(&ch->now.rank, &ch->prev.rank) > 0)
		versions_add(s, &ch->prev_entry, &ch->entry);
	ch->is_origin = ch->place && stage->is_origin;
	if (ch->is_origin && stage->content.len <= IPC_INLINE_MAX &&
	    stage->content.len == ch->now.size) {
		ch->inline_len = stage->content.len;
		if (ch->inline_len > 0)
			memcpy(ch->inline_content, stage->content.data,
			    ch->inline_len);
	}
	return true;
}

/* --- the two ways in --- */

size_t
winner_replace(
    struct store *s, const struct entry *e, const struct stage *stage)
{
	struct change ch;
	struct record rec;
	struct stage st;

	memset(&st, 0, sizeof(st));
	if (stage != NULL)
		st = *stage;
	index_begin(s->index);
	load_prev(s, e->name, &ch);
	ch.has = true;
	ch.entry = *e;
	winner_from(&ch.now, e);
	/* the same version again, now with content: its first record stays */
	if (is_same(&ch) && ch.had_entry) {
		ch.entry = ch.prev_entry;
	} else {
		rec.stored_at_ns = clock_now_ns(&s->clock);
		rec.entry = *e;
		table_record_set(s->index, &rec);
	}
	conclude(s, &ch, &st, stage != NULL, 0);
	if (stage != NULL && !ch.place)
		files_unstage(&s->files, ch.now.rank.version);
	return commit_change(s, &ch);
}

/* A winner of which only the rank is left, and which nothing here beats. */
static bool
stays_lost(struct store *s, const struct search *q, const struct change *ch,
    bool is_damaged)
{
	const struct policy_file *f;

	if (!ch->had || (!is_damaged && ch->prev.state != WINNER_LOST))
		return false;
	f = s->policy != NULL ? policy_find(s->policy, q->name) : NULL;
	if (f == NULL || !policy_may_sign(f, ch->prev.signer))
		return false;
	return !q->has_best || entry_rank_compare(&q->rank, &ch->prev.rank) < 0;
}

bool
winner_decide(struct store *s, const char *name, unsigned flags)
{
	struct change ch;
	struct search q;
	struct stage st;
	bool is_damaged;

	memset(&st, 0, sizeof(st));
	index_begin(s->index);
	load_prev(s, name, &ch);
	find_best(s, &q, name);
	is_damaged = drop_damaged(s, &q, ch.had ? &ch.prev : NULL);
	if (stays_lost(s, &q, &ch, is_damaged)) {
		ch.has = true;
		ch.now = ch.prev;
		ch.now.state = WINNER_LOST;
	} else if (q.has_best) {
		ch.has = true;
		ch.entry = q.best;
		winner_from(&ch.now, &q.best);
	}
	if (!conclude(s, &ch, &st, false, flags))
		return false;
	commit_change(s, &ch);
	return true;
}

void
winner_lost(struct store *s, const char *name)
{
	winner_decide(s, name, DECIDE_LOST);
}

enum verdict
winner_judge(struct store *s, const struct entry *e, const uint8_t *version,
    enum judge_from from, struct accepted *out)
{
	enum verdict v = judge_entry(s, e, version, from, out);

	if (out->is_damaged && winner_decide(s, e->name, 0))
		v = judge_entry(s, e, version, from, out);
	return v;
}

/* --- forgetting --- */

struct signers {
	const char *name;
	size_t n;
	uint8_t signer[64][32];
};

static bool
on_signer(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct signers *list = ctx;
	char name[NAME_LEN_MAX + 1];

	if (!row_record_name(key, key_len, name, list->signer[list->n]) ||
	    strcmp(name, list->name) != 0)
		return false;
	list->n++;
	return true;
}

static void
drop_record(struct store *s, const char *name, const uint8_t signer[static 32])
{
	struct record rec;
	bool has =
	    table_record(s->index, VIEW_BATCH, name, signer, &rec) == FOUND;

	table_record_delete(s->index, name, signer);
	if (has)
		history_doom(s, &rec.entry);
}

size_t
winner_forget(struct store *s, const char *name)
{
	struct signers list = {.name = name};
	struct stage st;
	struct change ch;
	size_t n = 0;

	memset(&st, 0, sizeof(st));
	index_begin(s->index);
	load_prev(s, name, &ch);
	do {
		list.n = 0;
		index_walk(s->index, VIEW_BATCH, INDEX_RECORDS, name,
		    strlen(name) + 1, 64, on_signer, &list);
		for (size_t i = 0; i < list.n; i++)
			drop_record(s, name, list.signer[i]);
		n += list.n;
	} while (list.n == 64 && !index_has_failed(s->index));
	versions_forget(s, name);
	if (conclude(s, &ch, &st, false, DECIDE_PRUNE | DECIDE_FORGET))
		commit_change(s, &ch);
	commit_schedule(s);
	return n > 0 ? n : ch.had;
}
