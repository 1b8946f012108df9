/* SPDX-License-Identifier: ISC */
/* The rest of recover.h: what the last run had made durable but not visible. */
#include "dm-store/recover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/name.h"
#include "dm-store/commit.h"

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

/* Whether that is its content, byte for byte. Closes fd, which may be -1. */
static bool
has_content(int fd, const struct redo *r)
{
	uint8_t sha256[32];
	bool is_same;

	if (fd == -1)
		return false;
	is_same = files_hash(fd, r->content.len, sha256) &&
		  memcmp(sha256, r->sha256, sizeof(sha256)) == 0;
	close(fd);
	return is_same;
}

/* Its content stands where it belongs: no room is needed to put it there. */
static bool
is_placed(struct files *f, const struct redo *r)
{
	return has_content(files_read(f, r->name, r->content.len), r);
}

/* Content of a winner, from the row or from tmp/VERSION. */
static int
place_again(struct store *s, const struct redo *r, enum index_table t)
{
	struct files *f = &s->files;

	if (t == INDEX_REDO && is_placed(f, r)) {
		files_sync(f, r->name, false);
		return 0;
	}
	if (t == INDEX_REDO &&
	    files_stage(f, r->version, r->content.data, r->content.len) == -1)
		return -1;
	if (t == INDEX_PENDING && !files_is_staged(f, r->version))
		return 0; /* it was renamed before the end */
	/* a directory that the last run made may not be durable yet */
	files_sync(f, r->name, false);
	return files_place(f, r->version, r->name);
}

/* Of a version that was replaced before its file was synced: what is in old/
 * may be anything. A convenience, so no reason to give up. */
static void
keep_again(struct store *s, const struct redo *r)
{
	struct files *f = &s->files;
	uint64_t when_ns;

	if (!table_old(s->index, VIEW_COMMITTED, r->sha256, &when_ns))
		return;
	if (has_content(files_read_old(f, r->sha256, r->content.len), r))
		files_old_sync(f, r->sha256);
	else if (files_old_write(f, r->version, r->sha256, r->content.data,
		     r->content.len) == -1)
		log_warn("old content of %s: %s", r->name, strerror(errno));
}

/* Only what still holds: the winner decides, not the row. */
static int
redo_one(struct store *s, const struct redo *r, enum index_table t)
{
	struct winner w;
	uint8_t key[16];
	bool has, is_there;

	name_key(r->name, key);
	has = table_winner(s->index, VIEW_COMMITTED, key, &w) == FOUND;
	is_there = has && (w.state == WINNER_SHOWN || w.state == WINNER_LOST);
	if (r->op == REDO_REMOVE) {
		if (is_there)
			return 0;
		if (files_keep(&s->files, r->name, r->sha256) == -1 &&
		    errno != ENOENT)
			log_warn(
			    "old content of %s: %s", r->name, strerror(errno));
		if (files_remove(&s->files, r->name, !has) == -1)
			return -1;
		files_sync(&s->files, r->name, false);
		return 0;
	}
	if (!has || w.state != WINNER_SHOWN ||
	    memcmp(w.rank.version, r->version, 32) != 0) {
		if (t == INDEX_REDO)
			keep_again(s, r);
		return 0;
	}
	if (place_again(s, r, t) == -1)
		return -1;
	files_sync(&s->files, r->name, true);
	return 0;
}

/* Where nothing can be put in its place: what is not there is not served. */
static void
block_one(struct store *s, const struct redo *r)
{
	struct winner w;
	uint8_t key[16];

	name_key(r->name, key);
	if (r->op != REDO_PLACE ||
	    table_winner(s->index, VIEW_COMMITTED, key, &w) != FOUND ||
	    w.state != WINNER_SHOWN ||
	    memcmp(w.rank.version, r->version, 32) != 0)
		return;
	s->blocked = xrealloc(s->blocked, s->n_blocked + 1, 16);
	memcpy(s->blocked[s->n_blocked++], key, 16);
	log_warn("%s: its last version could not be put in place before the "
		 "file system became read-only, and is not served",
	    r->name);
}

static int
redo_table(struct store *s, enum index_table t, size_t *n)
{
	struct one *one = xcalloc(1, sizeof(*one));
	uint8_t from[8] = {0};
	int rc = 0;

	while (rc == 0 && index_walk(s->index, VIEW_COMMITTED, t, from,
			      sizeof(from), 1, on_one, one) == 1) {
		if (one->is_sound && index_is_read_only(s->index))
			block_one(s, &one->redo);
		else if (one->is_sound)
			rc = redo_one(s, &one->redo, t);
		else
			log_error("index: a redo row is damaged");
		++*n;
		row_put_u64(from, row_get_u64(one->key) + 1);
	}
	free(one);
	return rc;
}

int
recover_run(struct store *s)
{
	size_t n = 0;

	if (redo_table(s, INDEX_PENDING, &n) == -1 ||
	    redo_table(s, INDEX_REDO, &n) == -1)
		return -1;
	if (index_is_read_only(s->index)) {
		log_error("the state directory is on a read-only file system: "
			  "what is there is served, nothing new is stored");
		return 0;
	}
	if (n > 0) {
		index_begin(s->index);
		index_empty(s->index, INDEX_REDO);
		index_empty(s->index, INDEX_PENDING);
		/* a full disk: the rows stay, and do no harm again */
		if (index_commit(s->index) == -1)
			log_warn("redo stays: %s", strerror(errno));
		log_info("recovered: %zu steps of the last run checked", n);
	}
	return files_sweep(&s->files);
}
