/* SPDX-License-Identifier: ISC */
/*
 * Which content was sent over a connection lately: a peer's word that some of
 * it is bad, for which dm-store reads the file anew, is believed once for each
 * time. Owns nothing else, and forgets the oldest.
 */
#ifndef DMNET_SYNC_SERVED_H
#define DMNET_SYNC_SERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/siphash.h"

#define SERVED_MAX 64

/* Starts as { 0 }. */
struct served {
	uint64_t hashes[SERVED_MAX]; /* 0: none */
	size_t next;
};

/* This content goes to the peer. The secret is that of all tables. */
void served_note(struct served *,
    const uint8_t secret[static SIPHASH_SECRET_BYTES],
    const uint8_t key[static 16], const uint8_t version[static 32]);

/* Whether it was sent; forgets it. */
bool served_take(struct served *,
    const uint8_t secret[static SIPHASH_SECRET_BYTES],
    const uint8_t key[static 16], const uint8_t version[static 32]);

#endif
