/* SPDX-License-Identifier: ISC */
/*
 * The rest of recover.h: what the last run had made durable but not visible.
 *
 * The content of a redo row is written anew at every start, whatever stands in
 * its place: after a failed sync Linux keeps the pages that it could not write
 * and marks them clean, so a file may read as what it should be, and a sync of
 * it may succeed, while the disk has something else. A row goes only after its
 * file, written by this process, was synced. If it cannot be written, as on
 * a full disk, a file that reads right is served, and its row stays for the
 * next start.
 *
 * A name whose file cannot be put in its place is set apart, as commit.c does
 * it: one name, or a full disk, does not keep the others from being served.
 */
#include "dm-store/hashing.h"
#include "dm-store/recover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/name.h"
#include "dm-store/state_dirs.h"
#include "dm-store/winner.h"
#include "dm-store/unplaced.h"

/* One row, copied out of the index. */
struct one {
	uint8_t key[8];
	bool is_sound;
	struct redo redo;
	uint8_t content[REDO_CONTENT_MAX];
};

static bool
on_one(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct one *one = ctx;

	memcpy(one->key, key, key_len < 8 ? key_len : 8);
	one->is_sound = !is_damaged && key_len == 8 &&
			row_redo_decode(&one->redo, body.data, body.len);
	if (one->is_sound && one->redo.content.len > 0) {
		memcpy(one->content, one->redo.content.data,
		    one->redo.content.len);
		one->redo.content.data = one->content;
	}
	return false;
}

/* The step that was done for a row, and the rest before the row may go. */
struct step {
	enum index_table table;
	uint64_t seq;
	enum {
		STEP_DONE,   /* nothing */
		STEP_PLACED, /* a sync of files/NAME */
		STEP_KEPT,   /* a sync of old/SHA256 */
		STEP_STAYS,  /* the row stays for the next start */
	} outcome;
	uint8_t version[32], sha256[32];
	char name[NAME_LEN_MAX + 1];
};

struct steps {
	struct step *step;
	size_t n, cap;
};

static struct step *
step_new(struct steps *list)
{
	if (list->n == list->cap) {
		list->cap = list->cap != 0 ? 2 * list->cap : 16;
		list->step =
		    xrealloc(list->step, list->cap, sizeof(*list->step));
	}
	memset(&list->step[list->n], 0, sizeof(*list->step));
	return &list->step[list->n++];
}

/* --- one row --- */

/* Whether that is its content, byte for byte. Closes fd, which may be -1. */
static bool
has_content(int fd, const struct redo *r)
{
	uint8_t sha256[32];
	bool is_same;

	if (fd == -1)
		return false;
	is_same = hashing_whole(fd, r->content.len, sha256) &&
		  memcmp(sha256, r->sha256, sizeof(sha256)) == 0;
	close(fd);
	return is_same;
}

/* Content of a winner, from its row. */
static int
place_redo(struct files *f, const struct redo *r, struct step *st)
{
	int error;

	st->outcome = STEP_PLACED;
	if (files_stage(f, r->version, r->content.data, r->content.len) == 0 &&
	    files_place(f, r->version, r->name) == 0)
		return 0;
	error = errno;
	st->outcome = STEP_STAYS;
	if (has_content(files_read(f, r->name, r->content.len), r)) {
		log_warn("cannot write files/%s again: %s: its content is "
			 "right and is served",
		    r->name, strerror(error));
		return 0;
	}
	errno = error;
	return -1;
}

/* Content of a winner, from tmp/VERSION. */
static int
place_pending(struct files *f, const struct redo *r, struct step *st)
{
	st->outcome = STEP_PLACED;
	if (!files_is_staged(f, r->version))
		return 0; /* it was renamed before the end */
	/* a directory that the last run made may not be durable yet */
	if (files_sync_try(f, r->name, false) == -1)
		return -1;
	return files_place(f, r->version, r->name);
}

/* Of a version that was replaced before its file was synced: what is in old/
 * may be anything. A convenience, so no reason to give up. */
static void
keep_again(struct store *s, const struct redo *r, struct step *st)
{
	struct files *f = &s->files;
	uint64_t when_ns;
	int error;

	if (!table_old(s->index, VIEW_COMMITTED, r->sha256, &when_ns))
		return;
	st->outcome = STEP_KEPT;
	if (files_old_write(
		f, r->version, r->sha256, r->content.data, r->content.len) == 0)
		return;
	error = errno;
	if (has_content(files_read_old(f, r->sha256, r->content.len), r)) {
		st->outcome = STEP_STAYS;
		return;
	}
	st->outcome = STEP_DONE;
	log_warn("cannot keep the replaced content of files/%s: %s", r->name,
	    strerror(error));
}

static int
remove_again(
    struct store *s, const struct redo *r, bool is_known, struct step *st)
{
	if (files_keep(&s->files, r->name, r->sha256) == -1 && errno != ENOENT)
		log_warn("cannot keep the replaced content of files/%s: %s",
		    r->name, strerror(errno));
	st->outcome = STEP_PLACED;
	return files_remove(&s->files, r->name, !is_known);
}

/* Only what still holds: the winner decides, not the row. */
static int
redo_one(struct store *s, const struct redo *r, struct step *st)
{
	struct winner w;
	uint8_t key[16];
	bool has, is_there;

	name_key(r->name, key);
	has = table_winner(s->index, VIEW_COMMITTED, key, &w) == FOUND;
	is_there = has && (w.state == WINNER_SHOWN || w.state == WINNER_LOST);
	if (r->op == REDO_REMOVE)
		return is_there ? 0 : remove_again(s, r, has, st);
	if (has && w.state == WINNER_SHOWN &&
	    memcmp(w.rank.version, r->version, 32) == 0)
		return st->table == INDEX_REDO
			   ? place_redo(&s->files, r, st)
			   : place_pending(&s->files, r, st);
	if (st->table == INDEX_REDO)
		keep_again(s, r, st);
	return 0;
}

/* --- names set apart --- */

#define TOLD_MAX 20 /* names in the log, one by one */

/* The change that commit.c tries again, as it was before the end. False if its
 * record is not there to announce. */
static bool
change_from(struct store *s, const struct redo *r, const struct step *st,
    struct change *ch)
{
	struct record rec;

	memset(ch, 0, sizeof(*ch));
	memcpy(ch->name, r->name, sizeof(ch->name));
	name_key(r->name, ch->key);
	ch->has =
	    table_winner(s->index, VIEW_COMMITTED, ch->key, &ch->now) == FOUND;
	if (ch->has) {
		if (table_record(s->index, VIEW_COMMITTED, ch->name,
			ch->now.signer, &rec) != FOUND)
			return false;
		ch->entry = rec.entry;
	}
	ch->place = r->op == REDO_PLACE;
	ch->remove = r->op == REDO_REMOVE;
	ch->prune = !ch->has;
	ch->row = st->table;
	ch->seq = st->seq;
	ch->row_size = r->content.len;
	return true;
}

static void
set_apart(struct store *s, const struct redo *r, struct step *st, int error)
{
	struct change ch;

	st->outcome = STEP_STAYS;
	if (change_from(s, r, st, &ch))
		unplaced_add(s, &ch);
	if (s->unplaced.n <= TOLD_MAX)
		log_error("files/%s cannot be %s: %s: %s (set apart and tried "
			  "again every second; all other files are served)",
		    r->name,
		    r->op == REDO_PLACE ? "put in its place" : "removed",
		    strerror(error), unplaced_remedy(error));
}

static void
store_log_rest(const struct store *s)
{
	if (s->unplaced.n > TOLD_MAX)
		log_error("%zu more files cannot be put in their places: dmctl "
			  "status counts them as set_apart",
		    s->unplaced.n - TOLD_MAX);
}

/* Content of a large file that waits in tmp/ has no other copy. */
static bool
is_kept(void *ctx, const uint8_t version[static 32])
{
	const struct steps *list = ctx;

	for (size_t i = 0; i < list->n; i++)
		if (list->step[i].outcome == STEP_STAYS &&
		    list->step[i].table == INDEX_PENDING &&
		    memcmp(list->step[i].version, version, 32) == 0)
			return true;
	return false;
}

/* --- all rows --- */

static struct step *
step_of(struct steps *list, enum index_table t, const struct one *one)
{
	struct step *st = step_new(list);

	st->table = t;
	st->seq = row_get_u64(one->key);
	if (!one->is_sound)
		return st;
	memcpy(st->name, one->redo.name, sizeof(st->name));
	memcpy(st->version, one->redo.version, sizeof(st->version));
	memcpy(st->sha256, one->redo.sha256, sizeof(st->sha256));
	return st;
}

static void
redo_table(struct store *s, enum index_table t, struct steps *list)
{
	struct one *one = xcalloc(1, sizeof(*one));
	struct step *st;
	uint8_t from[8] = {0};

	while (index_walk(s->index, VIEW_COMMITTED, t, from, sizeof(from), 1,
		   on_one, one) == 1) {
		st = step_of(list, t, one);
		if (!one->is_sound)
			log_error("index: redo row %llu is damaged and "
				  "dropped: run dmctl fsck to check all files",
			    (unsigned long long)st->seq);
		else if (redo_one(s, &one->redo, st) == -1)
			set_apart(s, &one->redo, st, errno);
		row_put_u64(from, st->seq + 1);
	}
	free(one);
}

static void
sync_step(struct files *f, struct step *st)
{
	int rc = 0;

	if (st->outcome == STEP_PLACED)
		rc = files_sync_try(f, st->name, true);
	else if (st->outcome == STEP_KEPT)
		rc = files_old_sync_try(f, st->sha256);
	if (rc == 0)
		return;
	log_error("cannot sync files/%s (done again at the next start): %s",
	    st->name, strerror(errno));
	st->outcome = STEP_STAYS;
}

/* A sync of everything failed: whose content that was cannot be told. */
static void
keep_rows(struct steps *list, int error)
{
	log_error("cannot sync files/ (done again at the next start): %s",
	    strerror(error));
	for (size_t i = 0; i < list->n; i++)
		if (list->step[i].outcome != STEP_DONE)
			list->step[i].outcome = STEP_STAYS;
}

static void
sync_steps(struct files *f, struct steps *list)
{
	if (list->n >= FILES_SYNC_ALL_MIN) {
		if (files_sync_all(f) == 0)
			return;
		if (errno != ENOSYS) {
			keep_rows(list, errno);
			return;
		}
	}
	for (size_t i = 0; i < list->n; i++)
		sync_step(f, &list->step[i]);
}

static void
drop_rows(struct store *s, const struct steps *list)
{
	size_t n_stay = 0;

	if (list->n == 0)
		return;
	index_begin(s->index);
	for (size_t i = 0; i < list->n; i++) {
		const struct step *st = &list->step[i];

		if (st->outcome == STEP_STAYS)
			n_stay++;
		else
			table_redo_delete(s->index, st->table, st->seq);
	}
	/* nothing can hide in an odd key */
	if (n_stay == 0) {
		index_empty(s->index, INDEX_REDO);
		index_empty(s->index, INDEX_PENDING);
	}
	/* a full disk: the rows stay, and do no harm again */
	if (index_commit(s->index) == -1)
		log_warn("cannot remove the redo rows: %s: the next start does "
			 "their steps again",
		    strerror(errno));
	log_info("recovered: %zu steps of the last run done again, %zu left "
		 "for the next start",
	    list->n - n_stay, n_stay);
}

int
recover_run(struct store *s)
{
	struct steps list = {0};
	int rc = 0;

	redo_table(s, INDEX_PENDING, &list);
	redo_table(s, INDEX_REDO, &list);
	store_log_rest(s);
	if (index_is_read_only(s->index)) {
		log_error(
		    "state_dir is on a read-only file system: its files are "
		    "served and nothing is stored: mount it writable");
	} else {
		sync_steps(&s->files, &list);
		drop_rows(s, &list);
		rc = state_dirs_sweep(&s->files, is_kept, &list);
	}
	free(list.step);
	return rc;
}
