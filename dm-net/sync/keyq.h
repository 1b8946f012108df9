/* SPDX-License-Identifier: ISC */
/*
 * A set of keys in the order they came in, each with the version it is about:
 * what is queued for one peer, or asked of it. Grows with its use up to a bound
 * and gives its memory back when empty.
 */
#ifndef DMNET_SYNC_KEYQ_H
#define DMNET_SYNC_KEYQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/siphash.h"

#define KEYQ_WANTED 1 /* the peer asked for it */
#define KEYQ_PUSHED 2 /* the peer's list showed that it lacks it */

struct keyq_item {
	uint8_t key[16];
	uint8_t version[32];
	uint64_t signed_at_ns;
	unsigned flags;
	uint32_t next, prev, chain; /* private */
};

struct keyq {
	struct keyq_item *items; /* from 1; 0 is the end of each list */
	uint32_t *buckets;
	const uint8_t *secret;
	uint32_t room; /* items allocated, a power of two */
	uint32_t max, count;
	uint32_t first, last, spare;
};

/* An empty queue for at most max keys; memory is for a power of two of them,
 * but one. The secret is borrowed for as long as the queue is used. */
void keyq_init(struct keyq *, uint32_t max,
    const uint8_t secret[static SIPHASH_SECRET_BYTES]);
/* Empties it and gives its memory back. */
void keyq_clear(struct keyq *);

/* The item of a key, or NULL. */
struct keyq_item *keyq_find(const struct keyq *, const uint8_t key[static 16]);

/*
 * The item of a key, added at the end if it is new; its other fields are the
 * caller's to set (flags are 0 in a new one). NULL: the queue is full.
 */
struct keyq_item *keyq_add(struct keyq *, const uint8_t key[static 16]);

/* The first, and the next; NULL at the end. */
struct keyq_item *keyq_first(const struct keyq *);
struct keyq_item *keyq_next(const struct keyq *, const struct keyq_item *);

/* False if it was not there. */
bool keyq_remove(struct keyq *, const uint8_t key[static 16]);

/* Moves it to the end. */
void keyq_rotate(struct keyq *, struct keyq_item *);

/* Bytes allocated. */
size_t keyq_bytes(const struct keyq *);

#endif
