/* SPDX-License-Identifier: ISC */
/*
 * Whether the keys of a walk rise, as the pages of an index have them. Owns
 * nothing but the last key.
 */
#ifndef DMSTORE_KEY_ORDER_H
#define DMSTORE_KEY_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero before the first key. */
struct key_order {
	uint8_t last[511]; /* the longest key of LMDB */
	size_t len;
	bool is_set;
};

/* The next key of the walk; what is beyond 511 bytes is not compared. False: it
 * is not greater than the one before it. */
bool key_order_next(struct key_order *, const void *key, size_t len);

#endif
