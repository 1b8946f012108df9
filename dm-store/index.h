/* SPDX-License-Identifier: ISC */
/*
 * The index: an LMDB environment in index/, its named tables and sealed rows
 * (row.h). The one source that includes lmdb.h. It knows no entry and no file.
 *
 * One write transaction, the batch, may be open; it carries its first error,
 * which index_commit() reports. VIEW_BATCH reads what the batch has written so
 * far, VIEW_COMMITTED only what is durable: all data that leaves this process
 * is read from there. Read transactions end within each call.
 *
 * A mark lies beside it from before it is opened until it is closed in order. A
 * start that finds it there has the index checked first (page_walk.h): a page
 * that the disk did not give may have ended the last run. The mark says no more
 * than that; only a page that is damaged condemns an index.
 */
#ifndef DMSTORE_INDEX_H
#define DMSTORE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec.h"

struct index;

/* The numbers are sealed into the rows: append, never renumber. */
enum index_table {
	INDEX_META = 0,
	INDEX_RECORDS = 1, /* (name, signer): the last that won */
	INDEX_WINNERS = 2, /* key of the name: the greatest */
	INDEX_VISIBLE = 3, /* name: winners that are in files/ */
	INDEX_WANTED = 4,  /* key: winners whose content is missing */
	INDEX_EXPIRY = 5,  /* time, key: winners with an end */
	INDEX_SIGNERS = 6, /* signer: how many records */
	INDEX_REDO = 7,
	INDEX_PENDING = 8,
	INDEX_HISTORY = 9,   /* time, sha256: content in old/ */
	INDEX_OLD = 10,	     /* sha256: its time in history */
	INDEX_REFUSALS = 11, /* number: what was refused, and what lost */
	INDEX_PEERS = 12,
	INDEX_DORMANT = 13,  /* key of a record that is not configured */
	INDEX_VERSIONS = 14, /* name, time: versions that were replaced */
	INDEX_TABLES
};

/* In meta: the hash of the configuration that all rows follow (reload.c); an
 * index of an earlier format comes without it. */
#define INDEX_META_CONFIG "config"
/* Likewise: the format of the tables, 8 bytes; later ones are not read. */
#define INDEX_META_FORMAT "format"
#define INDEX_FORMAT 2

#define INDEX_DATA "data.mdb"

/* Which table bears that name in the file. False: none that is known. */
bool index_table_named(struct bytes name, enum index_table *);

enum index_status {
	INDEX_OK,
	INDEX_NEW,     /* there was none: made */
	INDEX_DAMAGED, /* to quarantine with it */
	INDEX_FUTURE,  /* a later version of dm-store wrote it */
	INDEX_FAILED,  /* errno */
};

/*
 * Opens or makes the index in the directory at path; dir_fd is the same
 * directory. *out is set with INDEX_OK and INDEX_NEW.
 */
enum index_status index_open(const char *path, int dir_fd, struct index **out);
void index_close(struct index *); /* drops an open batch; NULL is fine */

/*
 * The mark, before index_open(): 1 if one was there, so that the last run did
 * not end in order, else 0. -1 with errno.
 */
int index_mark(int dir_fd);
/* The run ends in order: no reason to doubt the index. */
void index_settled(int dir_fd);

/* How large the data base is; false: there is none. */
bool index_bytes(int dir_fd, uint64_t *bytes);
/* With less there is nothing in it. */
#define INDEX_BYTES_MIN 8192u /* two pages */

/* --- the batch -------------------------------------------------------- */

/* Opens the batch unless it is open. */
void index_begin(struct index *);
bool index_is_open(const struct index *);

/* The file system is: whatever is committed fails with EROFS. */
bool index_is_read_only(const struct index *);

/* Writes it; durable on return. -1 with errno (ENOSPC: the disk or the map is
 * full) and nothing of it has happened. Other errors of the disk are fatal. */
int index_commit(struct index *);
/* The same of the last commit that failed, in words. */
const char *index_failure(const struct index *);

/* True once the batch cannot be committed any more. */
bool index_has_failed(const struct index *);

/* Into the batch; a key that exists is replaced. body is copied. */
void index_put(struct index *, enum index_table, const void *key,
    size_t key_len, const void *body, size_t len);
/* One that does not exist is fine. */
void index_delete(
    struct index *, enum index_table, const void *key, size_t key_len);
void index_empty(struct index *, enum index_table);

/* --- reading --- */

enum index_view { VIEW_COMMITTED, VIEW_BATCH };
enum index_found { FOUND, FOUND_NONE, FOUND_DAMAGED };

/* The body into buf (cap bytes); a longer one is damaged. */
enum index_found index_get(struct index *, enum index_view, enum index_table,
    const void *key, size_t key_len, void *buf, size_t cap, size_t *len);

/* One row of a walk, borrowed until it returns; false ends the walk. A damaged
 * row comes with is_damaged and its raw bytes. It must not use the index. */
typedef bool index_row_fn(void *ctx, const uint8_t *key, size_t key_len,
    struct bytes body, bool is_damaged);

/* Calls fn for at most limit rows, from the first key that is not below
 * from. Returns how many it was called for. */
size_t index_walk(struct index *, enum index_view, enum index_table,
    const void *from, size_t from_len, size_t limit, index_row_fn *fn,
    void *ctx);

/* Rows in a table. */
uint64_t index_count(struct index *, enum index_view, enum index_table);

/* The last key of a table into key (cap bytes): its length, 0 if empty. */
size_t index_last(
    struct index *, enum index_view, enum index_table, void *key, size_t cap);

#endif
