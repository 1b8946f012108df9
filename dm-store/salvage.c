/* SPDX-License-Identifier: ISC */
#include "dm-store/salvage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/name.h"
#include "dm-store/disk.h"
#include "dm-store/hashing.h"
#include "dm-store/page_rest.h"
#include "dm-store/quarantine.h"

#define NEW "new" /* in index/ */
#define LOCK "lock.mdb"
#define BATCH_ROWS 200 /* a commit; a row of redo is up to 17 pages */
#define SLICE 128      /* names looked at between two walks */

struct copy {
	struct files *files;
	struct index *ix; /* the new one */
	struct salvage *out;
	size_t n_rows; /* in the batch */
	int error;     /* the first, of a commit */
};

/* --- into the new index --- */

static void
flush(struct copy *c)
{
	if (c->error == 0 && index_is_open(c->ix) && index_commit(c->ix) == -1)
		c->error = errno;
	c->n_rows = 0;
}

/* Before each row. False once the disk has no room for them. */
static bool
begin_row(struct copy *c)
{
	if (++c->n_rows > BATCH_ROWS)
		flush(c);
	if (c->error != 0)
		return false;
	index_begin(c->ix);
	return true;
}

/* A record whose row says the same as its key. */
static bool
record_decode(struct record *rec, struct bytes key, struct bytes body)
{
	uint8_t own[RECORD_KEY_MAX];

	return row_record_decode(rec, body.data, body.len) &&
	       row_record_key(rec->entry.name, rec->entry.signer, own) ==
		   key.len &&
	       memcmp(own, key.data, key.len) == 0;
}

static void
copy_record(void *ctx, enum index_table t, struct bytes key, struct bytes body)
{
	struct copy *c = ctx;
	struct record rec;

	if (t != INDEX_RECORDS || !record_decode(&rec, key, body) ||
	    !begin_row(c))
		return;
	table_record_set(c->ix, &rec);
	c->out->n_records++;
}

static void
copy_winner(struct copy *c, struct bytes key, struct bytes body)
{
	struct winner w;
	uint8_t own[16];

	if (!row_winner_decode(&w, body.data, body.len))
		return;
	name_key(w.name, own);
	if (key.len == sizeof(own) && memcmp(own, key.data, sizeof(own)) == 0)
		table_winner_set(c->ix, w.name, own, NULL, &w);
}

static void
copy_dormant(struct copy *c, struct bytes key, struct bytes body)
{
	char name[NAME_LEN_MAX + 1];
	uint8_t signer[32];

	if (body.len == 8 && row_record_name(key.data, key.len, name, signer))
		table_dormant_set(c->ix, name, signer, row_get_u64(body.data));
}

static void
copy_history(struct copy *c, struct bytes key, struct bytes body)
{
	struct history h;

	if (key.len == 8 + 32 && row_history_decode(&h, body.data, body.len) &&
	    memcmp(h.entry.sha256, key.data + 8, 32) == 0)
		table_old_set(c->ix, key.data + 8, row_get_u64(key.data), &h);
}

/* Its format is that of the new index; the configuration counts as changed, so
 * that all names are decided anew. */
static bool
is_own_meta(struct bytes key)
{
	static const char *const own[] = {INDEX_META_FORMAT, INDEX_META_CONFIG};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (key.len == strlen(own[i]) &&
		    memcmp(key.data, own[i], key.len) == 0)
			return true;
	return false;
}

/* Everything but the records, which are there by now. */
static void
copy_other(void *ctx, enum index_table t, struct bytes key, struct bytes body)
{
	struct copy *c = ctx;

	if (t == INDEX_RECORDS || !begin_row(c))
		return;
	switch (t) {
	case INDEX_WINNERS:
		copy_winner(c, key, body);
		break;
	case INDEX_DORMANT:
		copy_dormant(c, key, body);
		break;
	case INDEX_HISTORY:
		copy_history(c, key, body);
		break;
	case INDEX_META:
		if (is_own_meta(key))
			break;
		/* FALLTHROUGH */
	case INDEX_REDO:
	case INDEX_PENDING:
	case INDEX_REFUSALS:
	case INDEX_PEERS:
	case INDEX_VERSIONS:
		index_put(c->ix, t, key.data, key.len, body.data, body.len);
		break;
	case INDEX_RECORDS:
	case INDEX_VISIBLE: /* derived from the others */
	case INDEX_WANTED:
	case INDEX_EXPIRY:
	case INDEX_SIGNERS:
	case INDEX_OLD:
	case INDEX_TABLES:
		break;
	}
}

/* --- from pages that no table led to --- */

static void
rest_record(void *ctx, enum index_table t, struct bytes key, struct bytes body)
{
	struct copy *c = ctx;
	struct record rec, held;
	enum index_found found;

	if (t != INDEX_RECORDS || !record_decode(&rec, key, body) ||
	    !begin_row(c))
		return;
	found = table_record(
	    c->ix, VIEW_BATCH, rec.entry.name, rec.entry.signer, &held);
	if ((found == FOUND && entry_compare(&rec.entry, &held.entry) <= 0) ||
	    !entry_verify(&rec.entry))
		return;
	table_record_set(c->ix, &rec);
	c->out->n_records += found != FOUND;
	c->out->n_rest += found != FOUND;
}

static void
rest_history(struct copy *c, struct bytes key, struct bytes body)
{
	struct history h;
	uint64_t when_ns;
	int fd;

	if (!row_history_decode(&h, body.data, body.len) ||
	    memcmp(h.entry.sha256, key.data + 8, 32) != 0 ||
	    table_old(c->ix, VIEW_BATCH, h.entry.sha256, &when_ns))
		return;
	fd = files_read_old(c->files, h.entry.sha256, h.size);
	if (fd == -1)
		return;
	close(fd);
	table_old_set(c->ix, h.entry.sha256, row_get_u64(key.data), &h);
}

struct version_search {
	const char *name;
	const uint8_t *version;
	bool is_found;
	struct entry entry;
};

static bool
on_version(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct version_search *q = ctx;
	char name[NAME_LEN_MAX + 1];
	uint8_t signer[32], version[32];
	struct record rec;

	if (!row_record_name(key, key_len, name, signer) ||
	    strcmp(name, q->name) != 0)
		return false;
	if (is_damaged || !row_record_decode(&rec, body.data, body.len))
		return true;
	entry_version(&rec.entry, version);
	q->is_found = memcmp(version, q->version, sizeof(version)) == 0;
	q->entry = rec.entry;
	return !q->is_found;
}

static void
show(struct copy *c, const struct entry *e, const struct winner *prev)
{
	struct winner w = {.state = WINNER_SHOWN};
	uint8_t key[16];

	entry_rank(e, &w.rank);
	w.size = e->size;
	memcpy(w.signer, e->signer, 32);
	memcpy(w.sha256, e->sha256, 32);
	w.expires_ns = entry_expires_ns(e);
	memcpy(w.name, e->name, sizeof(w.name));
	name_key(e->name, key);
	table_winner_set(c->ix, e->name, key, prev, &w);
}

/* Content that nothing else is known of: of a version whose record is here,
 * and of a name whose winner is not. */
static void
rest_redo(struct copy *c, enum index_table t, struct bytes body)
{
	struct version_search q = {0};
	struct winner w;
	struct redo redo;
	uint8_t key[16];

	if (!row_redo_decode(&redo, body.data, body.len) ||
	    redo.op != REDO_PLACE)
		return;
	name_key(redo.name, key);
	if (table_winner(c->ix, VIEW_BATCH, key, &w) != FOUND_NONE)
		return;
	q.name = redo.name;
	q.version = redo.version;
	index_walk(c->ix, VIEW_BATCH, INDEX_RECORDS, redo.name,
	    strlen(redo.name) + 1, SIZE_MAX, on_version, &q);
	if (!q.is_found || q.entry.kind != ENTRY_FILE ||
	    memcmp(q.entry.sha256, redo.sha256, 32) != 0 ||
	    (t == INDEX_REDO && redo.content.len != q.entry.size) ||
	    (t == INDEX_PENDING && !files_is_staged(c->files, redo.version)))
		return;
	show(c, &q.entry, NULL);
	table_redo_set(c->ix, t, table_redo_last(c->ix) + 1, &redo);
}

static void
rest_other(void *ctx, enum index_table t, struct bytes key, struct bytes body)
{
	struct copy *c = ctx;

	if (t == INDEX_RECORDS || !begin_row(c))
		return;
	if (t == INDEX_HISTORY)
		rest_history(c, key, body);
	else if (t == INDEX_REDO || t == INDEX_PENDING)
		rest_redo(c, t, body);
}

/* --- what is left to be decided --- */

/* The record of a winner is lost: its rank stays, so that nothing older takes
 * its place. */
static void
mark_lost(struct copy *c)
{
	struct table_keys k;
	const uint8_t *last = NULL;
	struct winner w, lost;
	struct record rec;
	uint8_t from[16];

	do {
		table_keys_after(
		    c->ix, VIEW_BATCH, INDEX_WINNERS, last, SLICE, &k);
		for (size_t i = 0; i < k.n; i++) {
			if (table_winner(c->ix, VIEW_BATCH, k.key[i], &w) !=
				FOUND ||
			    table_record(c->ix, VIEW_BATCH, w.name, w.signer,
				&rec) == FOUND ||
			    !begin_row(c))
				continue;
			lost = w;
			lost.state = WINNER_LOST;
			table_winner_set(c->ix, w.name, k.key[i], &w, &lost);
			c->out->n_lost++;
		}
		if (k.n > 0)
			last = memcpy(from, k.key[k.n - 1], sizeof(from));
	} while (k.n == SLICE);
}

struct record_slice {
	size_t n;
	struct entry entry[SLICE];
	size_t last_len;
	uint8_t last[RECORD_KEY_MAX];
	size_t n_rows;
};

static bool
on_entry(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct record_slice *sl = ctx;
	struct record rec;

	sl->n_rows++;
	memcpy(sl->last, key, key_len);
	sl->last_len = key_len;
	if (!is_damaged && row_record_decode(&rec, body.data, body.len) &&
	    rec.entry.kind == ENTRY_FILE)
		sl->entry[sl->n++] = rec.entry;
	return true;
}

/* files/NAME has the content of that record, byte for byte. */
static bool
is_in_place(struct copy *c, const struct entry *e)
{
	int fd = files_read(c->files, e->name, e->size);
	uint8_t sha256[32];
	bool is;

	if (fd == -1)
		return false;
	is = hashing_whole(fd, e->size, sha256) &&
	     memcmp(sha256, e->sha256, sizeof(sha256)) == 0;
	close(fd);
	return is;
}

static void
find_winner(struct copy *c, const struct entry *e)
{
	struct entry_rank rank;
	enum index_found found;
	struct winner w;
	uint8_t key[16];

	name_key(e->name, key);
	found = table_winner(c->ix, VIEW_BATCH, key, &w);
	entry_rank(e, &rank);
	if ((found == FOUND && entry_rank_compare(&w.rank, &rank) >= 0) ||
	    (found == FOUND && w.state == WINNER_LOST) || !is_in_place(c, e) ||
	    !begin_row(c))
		return;
	show(c, e, found == FOUND ? &w : NULL);
}

/* The winner of a name is lost, or it is older than a record that was found:
 * the content of files/ says which version was shown. The winner is decided
 * when the configuration comes. */
static void
find_winners(struct copy *c)
{
	struct record_slice *sl = xcalloc(1, sizeof(*sl));

	do {
		sl->n = sl->n_rows = 0;
		table_walk_after(c->ix, VIEW_BATCH, INDEX_RECORDS, sl->last,
		    sl->last_len, SLICE, on_entry, sl);
		for (size_t i = 0; i < sl->n; i++)
			find_winner(c, &sl->entry[i]);
	} while (sl->n_rows == SLICE && c->error == 0);
	free(sl);
}

/* --- all of it --- */

static void
copy_all(struct copy *c, int data_fd)
{
	struct page_walk *records = page_walk_new(data_fd);
	struct page_walk *others = page_walk_new(data_fd);
	struct page_report report;

	page_walk(records, copy_record, c, &report);
	page_walk(others, copy_other, c, &report);
	page_rest(records, data_fd, rest_record, c);
	page_rest(others, data_fd, rest_other, c);
	mark_lost(c);
	find_winners(c);
	flush(c);
	page_walk_free(records);
	page_walk_free(others);
}

/* index/new/, empty. */
static int
new_dir(struct files *f)
{
	int fd;

	if (disk_mkdir(f->index_fd, NEW, 0700) == -1 && errno != EEXIST)
		return -1;
	fd = disk_open(f->index_fd, NEW, O_RDONLY | O_DIRECTORY, 0);
	if (fd == -1)
		return -1;
	if ((disk_unlink(fd, INDEX_DATA) == -1 && errno != ENOENT) ||
	    (disk_unlink(fd, LOCK) == -1 && errno != ENOENT)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Everything that was found in index/data.mdb, in index/new/, durable. */
static int
build(struct files *f, const char *path, int new_fd, struct salvage *out)
{
	int data_fd = disk_open(f->index_fd, INDEX_DATA, O_RDONLY, 0);
	struct copy c = {.files = f, .out = out};
	size_t size = strlen(path) + sizeof("/" NEW);
	char *new_path = xmalloc(size);

	snprintf(new_path, size, "%s/" NEW, path);
	if (data_fd == -1 || index_open(new_path, new_fd, &c.ix) != INDEX_NEW)
		c.error = errno;
	else
		copy_all(&c, data_fd);
	index_close(c.ix);
	free(new_path);
	if (data_fd != -1)
		close(data_fd);
	errno = c.error;
	return c.error == 0 ? disk_sync(f->index_fd) : -1;
}

static int
move_in(struct files *f, int new_fd)
{
	if (disk_rename(new_fd, INDEX_DATA, f->index_fd, INDEX_DATA) == -1 ||
	    disk_sync(f->index_fd) == -1)
		return -1;
	disk_unlink(new_fd, LOCK);
	disk_rmdir(f->index_fd, NEW);
	return 0;
}

int
salvage_index(
    struct store *s, const char *path, uint64_t now_s, struct salvage *out)
{
	int new_fd = new_dir(&s->files), rc, saved;

	memset(out, 0, sizeof(*out));
	if (new_fd == -1)
		return -1;
	rc = build(&s->files, path, new_fd, out);
	if (rc == 0)
		rc = quarantine_index(&s->files, now_s);
	if (rc == 0)
		rc = move_in(&s->files, new_fd);
	saved = errno;
	close(new_fd);
	errno = saved;
	return rc;
}

int
salvage_finish(struct files *f)
{
	uint64_t bytes;
	int new_fd, rc;

	if (index_bytes(f->index_fd, &bytes))
		return 0;
	new_fd = disk_open(f->index_fd, NEW, O_RDONLY | O_DIRECTORY, 0);
	if (new_fd == -1)
		return errno == ENOENT ? 0 : -1;
	rc = index_bytes(new_fd, &bytes) ? move_in(f, new_fd) : 0;
	close(new_fd);
	return rc;
}
