/* SPDX-License-Identifier: ISC */
#include "dm-store/index.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "dm-store/disk.h"
#include "dm-store/key_order.h"
#include "dm-store/row.h"

/* Sparse: address space, not disk. */
#define MAP_SIZE (sizeof(size_t) > 4 ? (size_t)64 << 30 : (size_t)1 << 30)
#define NEARLY_FULL (1u << 20) /* bytes; with more left no write is cut */
#define AHEAD_LOW ((size_t)256 << 10)	  /* bytes after the last page */
#define AHEAD_STEP ((size_t)1 << 20)	  /* written when there are fewer */
#define AHEAD_FREE_MIN ((size_t)64 << 20) /* and the disk has this many */
#define TABLES_V1 13			  /* what format 1 had */

static const char *const table_names[INDEX_TABLES] = {"meta", "records",
    "winners", "visible", "wanted", "expiry", "signers", "redo", "pending",
    "history", "old", "refusals", "peers", "dormant", "versions"};

struct index {
	MDB_env *env;
	MDB_dbi table[INDEX_TABLES];
	MDB_txn *batch;
	MDB_txn *reader; /* reset between calls */
	int error;	 /* first of the batch, of LMDB or errno */
	int failure;	 /* likewise, of the last commit that failed */
	bool is_read_only;
	bool is_begun; /* a batch of nothing, where only reading is possible */
	int dir_fd;
	int data_fd; /* open all the time: see full_disk(), write_ahead() */
	uint64_t data_size; /* of the file, or less */
	uint8_t sealed[ROW_SEALED_MAX];
};

bool
index_table_named(struct bytes name, enum index_table *t)
{
	for (unsigned i = 0; i < INDEX_TABLES; i++) {
		if (name.len != strlen(table_names[i]) ||
		    memcmp(name.data, table_names[i], name.len) != 0)
			continue;
		*t = (enum index_table)i;
		return true;
	}
	return false;
}

/* --- errors --- */

static bool
is_damage(int rc)
{
	return rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND ||
	       rc == MDB_INVALID || rc == MDB_INCOMPATIBLE;
}

static bool
is_full(int rc)
{
	return rc == MDB_MAP_FULL || rc == MDB_TXN_FULL || rc == EROFS ||
	       disk_error_is_full(rc);
}

/* LMDB failed outside of a batch, where nothing may go wrong. A damaged page
 * may cause any error, even ENOMEM, by a wrong length. So the mark stays, and
 * the next start checks the index. */
static void __attribute__((noreturn)) give_up(const char *what, int rc)
{
	fatal("index: %s: %s: a restart checks it", what, mdb_strerror(rc));
}

/*
 * LMDB says EIO of a write that a full disk has cut short, as it does of a
 * disk that fails. It is the former if there is no room (of the disk, or of a
 * limit) and no written page was lost: that is reported once to each open
 * descriptor, so to ours as well.
 */
static int
full_disk(struct index *ix, int rc)
{
	if (rc == EIO && disk_is_nearly_full(ix->data_fd, NEARLY_FULL) &&
	    fsync(ix->data_fd) == 0)
		return ENOSPC;
	return rc;
}

/* The first error of the batch stays. */
static void
note(struct index *ix, const char *what, int rc)
{
	if (rc == MDB_SUCCESS || ix->error != 0)
		return;
	rc = full_disk(ix, rc);
	if (!is_full(rc))
		give_up(what, rc);
	ix->error = rc;
}

/* --- opening --- */

static enum index_status
status_of(int rc)
{
	if (rc == MDB_VERSION_MISMATCH)
		return INDEX_FUTURE;
	if (is_damage(rc) || rc == MDB_NOTFOUND || rc == MDB_BAD_TXN)
		return INDEX_DAMAGED;
	errno = rc > 0 ? rc : EIO;
	return INDEX_FAILED;
}

static int
tables_open(struct index *ix, MDB_txn *txn, unsigned n, unsigned flags)
{
	int rc = 0;

	for (unsigned i = 0; i < n && rc == 0; i++)
		rc = mdb_dbi_open(txn, table_names[i], flags, &ix->table[i]);
	return rc;
}

/* The first n, all of which must be there. */
static int
tables_find(struct index *ix, unsigned n)
{
	MDB_txn *txn;
	int rc;

	rc = mdb_txn_begin(ix->env, NULL, MDB_RDONLY, &txn);
	if (rc != 0)
		return rc;
	rc = tables_open(ix, txn, n, 0);
	/* handles outlive a commit, not an abort */
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

static enum index_status
format_check(struct index *ix, uint64_t *format)
{
	uint8_t body[16];
	size_t len;

	switch (index_get(ix, VIEW_COMMITTED, INDEX_META, INDEX_META_FORMAT,
	    strlen(INDEX_META_FORMAT), body, sizeof(body), &len)) {
	case FOUND:
		break;
	case FOUND_NONE:
	case FOUND_DAMAGED:
		return INDEX_DAMAGED;
	}
	if (len != 8)
		return INDEX_DAMAGED;
	*format = row_get_u64(body);
	return *format > INDEX_FORMAT ? INDEX_FUTURE : INDEX_OK;
}

static void
index_abort(struct index *ix)
{
	if (ix->batch != NULL)
		mdb_txn_abort(ix->batch);
	ix->batch = NULL;
	ix->is_begun = false;
	ix->error = 0;
}

/*
 * All tables that are missing, and the format, in one transaction: there is no
 * half-made index. The rows of new tables are made when the configuration
 * comes: it counts as changed.
 */
static enum index_status
make_tables(struct index *ix, enum index_status done)
{
	uint8_t body[8];
	int rc;

	if (ix->is_read_only) {
		errno = EROFS;
		return INDEX_FAILED;
	}
	index_begin(ix);
	rc = tables_open(ix, ix->batch, INDEX_TABLES, MDB_CREATE);
	if (rc != 0) {
		index_abort(ix);
		return status_of(rc);
	}
	row_put_u64(body, INDEX_FORMAT);
	index_put(ix, INDEX_META, INDEX_META_FORMAT, strlen(INDEX_META_FORMAT),
	    body, 8);
	index_delete(
	    ix, INDEX_META, INDEX_META_CONFIG, strlen(INDEX_META_CONFIG));
	return index_commit(ix) == 0 ? done : INDEX_FAILED;
}

/*
 * A new environment has no tables at all; one that has some of them but not
 * all was not made by us.
 */
static enum index_status
open_tables(struct index *ix)
{
	enum index_status status;
	uint64_t format;
	MDB_stat st;
	int rc;

	rc = mdb_env_stat(ix->env, &st);
	if (rc != 0)
		return status_of(rc);
	if (st.ms_entries == 0)
		return make_tables(ix, INDEX_NEW);
	rc = tables_find(ix, TABLES_V1);
	if (rc != 0)
		return status_of(rc);
	status = format_check(ix, &format);
	if (status != INDEX_OK)
		return status;
	if (format < INDEX_FORMAT)
		return make_tables(ix, INDEX_OK);
	rc = tables_find(ix, INDEX_TABLES);
	return rc == 0 ? INDEX_OK : status_of(rc);
}

/* 0, or what LMDB says. */
static int
env_open(struct index *ix, const char *path, unsigned flags)
{
	int rc = mdb_env_create(&ix->env);

	if (rc != 0)
		fatal("cannot open the index: %s", mdb_strerror(rc));
	/* NOTLS: a reader beside the batch, in the same thread */
	if ((rc = mdb_env_set_mapsize(ix->env, MAP_SIZE)) == 0 &&
	    (rc = mdb_env_set_maxdbs(ix->env, INDEX_TABLES)) == 0 &&
	    (rc = mdb_env_set_maxreaders(ix->env, 4)) == 0)
		rc = mdb_env_open(ix->env, path, MDB_NOTLS | flags, 0600);
	return rc;
}

bool
index_bytes(int dir_fd, uint64_t *bytes)
{
	struct stat st;

	if (fstatat(dir_fd, INDEX_DATA, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return false;
	*bytes = (uint64_t)st.st_size;
	return true;
}

/* An index on a read-only file system is opened for reading. */
static int
env_open_any(struct index *ix, const char *path)
{
	int rc = env_open(ix, path, 0);

	if (rc != EROFS)
		return rc;
	mdb_env_close(ix->env);
	ix->is_read_only = true;
	return env_open(ix, path, MDB_RDONLY);
}

enum index_status
index_open(const char *path, int dir_fd, struct index **out)
{
	struct index *ix = xcalloc(1, sizeof(*ix));
	enum index_status status;
	int rc;

	ix->dir_fd = dir_fd;
	ix->data_fd = -1;
	rc = env_open_any(ix, path);
	if (rc != 0)
		status = status_of(rc);
	else
		status = open_tables(ix);
	if (status == INDEX_OK || status == INDEX_NEW)
		ix->data_fd = openat(dir_fd, INDEX_DATA,
		    (ix->is_read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC |
			O_NOFOLLOW);
	/* LMDB syncs its file, but not the name of it */
	if ((status == INDEX_OK || status == INDEX_NEW) &&
	    (ix->data_fd == -1 || (!ix->is_read_only && fsync(dir_fd) == -1)))
		status = INDEX_FAILED;
	if (status == INDEX_OK || status == INDEX_NEW) {
		*out = ix;
		return status;
	}
	rc = errno;
	index_close(ix);
	errno = rc;
	return status;
}

void
index_close(struct index *ix)
{
	if (ix == NULL)
		return;
	index_abort(ix);
	if (ix->reader != NULL)
		mdb_txn_abort(ix->reader);
	mdb_env_close(ix->env);
	if (ix->data_fd != -1)
		close(ix->data_fd);
	free(ix);
}

/* --- the batch --- */

void
index_begin(struct index *ix)
{
	int rc;

	if (index_is_open(ix))
		return;
	if (ix->is_read_only) {
		ix->is_begun = true;
		ix->error = EROFS;
		return;
	}
	rc = mdb_txn_begin(ix->env, NULL, 0, &ix->batch);
	if (rc != 0)
		give_up("a transaction", rc);
	ix->error = 0;
}

bool
index_is_open(const struct index *ix)
{
	return ix->batch != NULL || ix->is_begun;
}

bool
index_is_read_only(const struct index *ix)
{
	return ix->is_read_only;
}

bool
index_has_failed(const struct index *ix)
{
	return ix->error != 0;
}

/*
 * A commit that makes the file longer waits for its inode (or a journal) too:
 * so it is made longer ahead, by zeros. It goes without where that fails.
 */
static void
write_ahead(struct index *ix)
{
	static const uint8_t zeros[4096]; /* no more: large pages cost */
	MDB_envinfo info;
	uint64_t bytes, needed;
	struct stat st;
	MDB_stat db;

	mdb_env_info(ix->env, &info); /* these two cannot fail */
	mdb_env_stat(ix->env, &db);
	needed = (info.me_last_pgno + 1) * db.ms_psize + AHEAD_LOW;
	/* fstat(2) each time would make each commit write the inode again */
	if (needed <= ix->data_size || disk_stat(ix->data_fd, &st) == -1)
		return;
	ix->data_size = (uint64_t)st.st_size;
	if (needed <= ix->data_size || disk_free(ix->dir_fd, &bytes) == -1 ||
	    bytes < AHEAD_FREE_MIN)
		return;
	/* after the end of the file, where LMDB has nothing */
	for (size_t n = 0; n < AHEAD_STEP; n += sizeof(zeros))
		if (pwrite(ix->data_fd, zeros, sizeof(zeros),
			st.st_size + (off_t)n) != (ssize_t)sizeof(zeros))
			return;
	ix->data_size += AHEAD_STEP;
}

int
index_commit(struct index *ix)
{
	int rc = ix->error;

	if (rc != 0) {
		index_abort(ix);
	} else {
		write_ahead(ix);
		rc = mdb_txn_commit(ix->batch);
		ix->batch = NULL;
		if (rc == 0)
			return 0;
		rc = full_disk(ix, rc);
	}
	if (!is_full(rc))
		give_up("commit", rc);
	ix->failure = rc;
	errno = rc > 0 ? rc : ENOSPC;
	return -1;
}

const char *
index_failure(const struct index *ix)
{
	return mdb_strerror(ix->failure);
}

static MDB_val
val(const void *data, size_t len)
{
	MDB_val v = {len, (void *)(uintptr_t)data};

	return v;
}

void
index_put(struct index *ix, enum index_table t, const void *key, size_t key_len,
    const void *body, size_t len)
{
	MDB_val k = val(key, key_len), v;

	if (ix->error != 0)
		return;
	if (len > ROW_BODY_MAX)
		fatal("index: a row of %zu bytes", len);
	if (len > 0)
		memcpy(ix->sealed + 1, body, len);
	v = val(ix->sealed, row_seal(t, key, key_len, ix->sealed, len));
	note(ix, "put", mdb_put(ix->batch, ix->table[t], &k, &v, 0));
}

void
index_delete(
    struct index *ix, enum index_table t, const void *key, size_t key_len)
{
	MDB_val k = val(key, key_len);
	int rc;

	if (ix->error != 0)
		return;
	rc = mdb_del(ix->batch, ix->table[t], &k, NULL);
	if (rc != MDB_NOTFOUND)
		note(ix, "delete", rc);
}

void
index_empty(struct index *ix, enum index_table t)
{
	if (ix->error == 0)
		note(ix, "empty", mdb_drop(ix->batch, ix->table[t], 0));
}

/* --- reading --- */

/* A batch that has failed cannot be read either: what is durable is. */
static MDB_txn *
view_enter(struct index *ix, enum index_view view)
{
	int rc;

	if (view == VIEW_BATCH && ix->batch != NULL && ix->error == 0)
		return ix->batch;
	if (ix->reader == NULL)
		rc = mdb_txn_begin(ix->env, NULL, MDB_RDONLY, &ix->reader);
	else
		rc = mdb_txn_renew(ix->reader);
	if (rc != 0)
		give_up("a reader", rc);
	return ix->reader;
}

static void
view_leave(struct index *ix, MDB_txn *txn)
{
	if (txn == ix->reader)
		mdb_txn_reset(txn);
}

enum index_found
index_get(struct index *ix, enum index_view view, enum index_table t,
    const void *key, size_t key_len, void *buf, size_t cap, size_t *len)
{
	MDB_txn *txn = view_enter(ix, view);
	MDB_val k = val(key, key_len), v;
	enum index_found found = FOUND_NONE;
	struct bytes body;
	int rc;

	rc = mdb_get(txn, ix->table[t], &k, &v);
	if (rc == 0) {
		found = FOUND_DAMAGED;
		if (row_open(t, key, key_len, v.mv_data, v.mv_size, &body) &&
		    body.len <= cap) {
			if (body.len > 0)
				memcpy(buf, body.data, body.len);
			*len = body.len;
			found = FOUND;
		}
	}
	view_leave(ix, txn);
	if (rc != 0 && rc != MDB_NOTFOUND)
		give_up(table_names[t], rc);
	return found;
}

/* A row whose key rotted is not found by it: neither mended nor deleted. */
static void __attribute__((noreturn)) out_of_order(enum index_table t)
{
	fatal("index: table %s is out of order: a restart checks it",
	    table_names[t]);
}

size_t
index_walk(struct index *ix, enum index_view view, enum index_table t,
    const void *from, size_t from_len, size_t limit, index_row_fn *fn,
    void *ctx)
{
	MDB_txn *txn = view_enter(ix, view);
	MDB_val k = val(from, from_len), v;
	MDB_cursor *cursor;
	struct key_order order = {.is_set = false};
	struct bytes body;
	bool is_sound, goes_on = true;
	size_t n = 0;
	int rc;

	rc = mdb_cursor_open(txn, ix->table[t], &cursor);
	if (rc != 0)
		give_up(table_names[t], rc);
	rc = mdb_cursor_get(
	    cursor, &k, &v, from_len > 0 ? MDB_SET_RANGE : MDB_FIRST);
	while (rc == 0 && goes_on && n < limit) {
		if (!key_order_next(&order, k.mv_data, k.mv_size))
			out_of_order(t);
		is_sound = row_open(
		    t, k.mv_data, k.mv_size, v.mv_data, v.mv_size, &body);
		if (!is_sound)
			body = bytes_of(v.mv_data, v.mv_size);
		goes_on = fn(ctx, k.mv_data, k.mv_size, body, !is_sound);
		n++;
		if (goes_on && n < limit)
			rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	view_leave(ix, txn);
	if (rc != 0 && rc != MDB_NOTFOUND)
		give_up(table_names[t], rc);
	return n;
}

uint64_t
index_count(struct index *ix, enum index_view view, enum index_table t)
{
	MDB_txn *txn = view_enter(ix, view);
	MDB_stat st;
	int rc;

	rc = mdb_stat(txn, ix->table[t], &st);
	view_leave(ix, txn);
	if (rc != 0)
		give_up(table_names[t], rc);
	return st.ms_entries;
}

size_t
index_last(struct index *ix, enum index_view view, enum index_table t,
    void *key, size_t cap)
{
	MDB_txn *txn = view_enter(ix, view);
	MDB_cursor *cursor;
	MDB_val k, v;
	size_t len = 0;
	int rc;

	rc = mdb_cursor_open(txn, ix->table[t], &cursor);
	if (rc != 0)
		give_up(table_names[t], rc);
	rc = mdb_cursor_get(cursor, &k, &v, MDB_LAST);
	if (rc == 0 && k.mv_size <= cap) {
		memcpy(key, k.mv_data, k.mv_size);
		len = k.mv_size;
	}
	mdb_cursor_close(cursor);
	view_leave(ix, txn);
	if (rc != 0 && rc != MDB_NOTFOUND)
		give_up(table_names[t], rc);
	return len;
}
