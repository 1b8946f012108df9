/* SPDX-License-Identifier: ISC */
/*
 * The tables of the index with their types. Winners, records, redo rows and
 * superseded content are written here, and the tables that are derived from
 * winners (visible, wanted, expiry) and records (signers) are kept in step. The
 * sources that own other tables (rejects.c, versions.c, index_feed.c) write
 * them themselves, and whoever walks a table decodes its rows with row.h. It
 * decides nothing. Writes go into the batch (index.h).
 */
#ifndef DMSTORE_TABLE_H
#define DMSTORE_TABLE_H

#include "dm-store/index.h"
#include "dm-store/row.h"

enum index_found table_winner(struct index *, enum index_view,
    const uint8_t key[static 16], struct winner *);

/*
 * The winner of key becomes now (NULL: none); prev is what it was (NULL:
 * none, or damaged). name is theirs.
 */
void table_winner_set(struct index *, const char *name,
    const uint8_t key[static 16], const struct winner *prev,
    const struct winner *now);

enum index_found table_record(struct index *, enum index_view, const char *name,
    const uint8_t signer[static 32], struct record *);

/* Replaces the record of (name, signer). */
void table_record_set(struct index *, const struct record *);
void table_record_delete(
    struct index *, const char *name, const uint8_t signer[static 32]);

/*
 * A record that the configuration does not admit (any more) is dormant: it
 * does not count for its signer. since: Unix ns, of the first call. Setting
 * its record, or clearing, makes it count again.
 */
void table_dormant_set(struct index *, const char *name,
    const uint8_t signer[static 32], uint64_t since_ns);
void table_dormant_clear(
    struct index *, const char *name, const uint8_t signer[static 32]);

/* Records of a signer, those that are dormant apart. */
uint64_t table_signer_count(
    struct index *, enum index_view, const uint8_t signer[static 32]);

/* A row of redo (pending: without content). seq is the key. */
void table_redo_set(
    struct index *, enum index_table, uint64_t seq, const struct redo *);
void table_redo_delete(struct index *, enum index_table, uint64_t seq);
/* One that is committed; content borrows buf, of ROW_BODY_MAX bytes. */
enum index_found table_redo(struct index *, enum index_table, uint64_t seq,
    struct redo *, uint8_t *buf);
/* The largest seq in use, 0 if none is. */
uint64_t table_redo_last(struct index *);

/* Content in old/; when: Unix ns. False if there is none. */
bool table_old(struct index *, enum index_view, const uint8_t sha256[static 32],
    uint64_t *when_ns);
/* Replaces the row of that content. */
void table_old_set(struct index *, const uint8_t sha256[static 32],
    uint64_t when_ns, const struct history *);
void table_old_delete(struct index *, const uint8_t sha256[static 32]);

/* A number or a hash in meta; false if it is not there or damaged. */
bool table_meta(struct index *, const char *name, void *value, size_t len);
void table_meta_set(
    struct index *, const char *name, const void *value, size_t len);

/* A winner without content that is not in the table of those (its row has
 * rotted) is put there again. False if it is there. */
bool table_wanted_mend(
    struct index *, const uint8_t key[static 16], const struct winner *);

/* Keys of the table expiry: time, key of the name. */
#define EXPIRY_KEY_SIZE 24

/*
 * index_walk() from the first key after last, of at most RECORD_KEY_MAX bytes
 * (0: from the first).
 */
size_t table_walk_after(struct index *, enum index_view, enum index_table,
    const void *last, size_t last_len, size_t limit, index_row_fn *fn,
    void *ctx);

#define TABLE_KEYS_MAX 128
struct table_keys {
	size_t n;
	uint8_t key[TABLE_KEYS_MAX][16];
};

/*
 * The next keys of a table whose keys are those of names, after last (NULL:
 * from the first); fewer than limit, of at most TABLE_KEYS_MAX, at the end. The
 * rows may be damaged: that is found out when they are looked at.
 */
void table_keys_after(struct index *, enum index_view, enum index_table,
    const uint8_t *last, size_t limit, struct table_keys *);

#endif
