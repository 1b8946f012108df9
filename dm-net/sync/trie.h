/* SPDX-License-Identifier: ISC */
/*
 * The replica of the index: one row for each winner, in a 16-way Merkle trie
 * by key. A node with at most 32 rows is a leaf, a larger one has 16 children,
 * so that the shape and every hash are functions of the set alone. Hashes are
 * the first 16 bytes of sha256 and are made when asked for, along the paths
 * that changed.
 *
 * About 80 bytes a row. No I/O.
 */
#ifndef DMNET_SYNC_TRIE_H
#define DMNET_SYNC_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIE_LEAF_MAX 32 /* rows of a leaf */
#define TRIE_FANOUT 16
#define TRIE_DEPTH_MAX 32 /* nibbles of a key */

struct trie;

struct trie_row {
	uint8_t key[16];
	uint8_t version[32];
	uint64_t signed_at_ns;
	uint64_t size : 63;
	uint64_t is_delete : 1;
};

/* The first len nibbles of a key, one a byte, the high one first. */
struct trie_prefix {
	uint8_t len;
	uint8_t nibbles[TRIE_DEPTH_MAX];
};

/* The sum of a subtree; that of an empty one is all zero. */
struct trie_sum {
	uint8_t hash[16];
	uint32_t count;
};

struct trie *trie_new(void);
void trie_free(struct trie *);
void trie_clear(struct trie *);

size_t trie_count(const struct trie *);
/* Of memory, about. */
size_t trie_bytes(const struct trie *);

/* Adds the row or replaces the one of its key. */
void trie_put(struct trie *, const struct trie_row *);

/* False if there was no such row. */
bool trie_remove(struct trie *, const uint8_t key[static 16]);

/* The row of a key, until the next change; NULL: none. */
const struct trie_row *trie_get(
    const struct trie *, const uint8_t key[static 16]);

/* Hash and count of the rows below a prefix, wherever that ends. */
void trie_sum(struct trie *, const struct trie_prefix *, struct trie_sum *);

/* The sums of the 16 prefixes one nibble longer; the prefix is not full. */
void trie_children(struct trie *, const struct trie_prefix *,
    struct trie_sum sums[static TRIE_FANOUT]);

/*
 * Copies at most max rows below a prefix in order of their keys, those above
 * `after` only (NULL: all). Returns how many; *more: there were others.
 */
size_t trie_rows(const struct trie *, const struct trie_prefix *,
    const uint8_t *after, struct trie_row *rows, size_t max, bool *more);

/* The prefix one nibble longer. */
struct trie_prefix trie_below(const struct trie_prefix *, unsigned nibble);

/* True if the key starts with the prefix. */
bool trie_covers(const struct trie_prefix *, const uint8_t key[static 16]);

bool trie_prefix_equal(const struct trie_prefix *, const struct trie_prefix *);
bool trie_sum_equal(const struct trie_sum *, const struct trie_sum *);

#endif
