/* SPDX-License-Identifier: ISC */
/*
 * A bounded reader of MessagePack for bytes from outside. The caller says which
 * type comes next; lengths and counts are compared with the bytes that are
 * left; nothing recurses, allocates or is copied but numbers. The first mistake
 * is sticky: later calls fail too, so that a decoder may check once at its end.
 *
 * Integers and lengths are taken in any of their forms, as every MessagePack
 * reader does.
 */
#ifndef COMMON_MSGPULL_H
#define COMMON_MSGPULL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSGPULL_DEPTH_MAX 16 /* nesting that msgpull_skip() follows */

struct msgpull {
	const uint8_t *at; /* next byte */
	const uint8_t *end;
	bool failed;
};

/* Borrows bytes until the reader is no longer used. */
void msgpull_init(struct msgpull *, const uint8_t *bytes, size_t len);

/* True while nothing was wrong so far. */
bool msgpull_ok(const struct msgpull *);

/* True if nothing was wrong and no byte is left. */
bool msgpull_done(const struct msgpull *);

/* Bytes not read yet. */
size_t msgpull_left(const struct msgpull *);

/* Makes the reader fail from now on; returns false, for `return`. */
bool msgpull_fail(struct msgpull *);

/* An integer from 0 to max. */
bool msgpull_u64(struct msgpull *, uint64_t max, uint64_t *out);

/* Any integer that fits. */
bool msgpull_i64(struct msgpull *, int64_t *out);

bool msgpull_bool(struct msgpull *, bool *out);

/*
 * Takes a nil if that comes next and says so; anything else stays where it is
 * and is no failure.
 */
bool msgpull_try_nil(struct msgpull *);

/* A str or bin of at most max bytes; *out is borrowed, not terminated. */
bool msgpull_str(struct msgpull *, size_t max, const char **out, size_t *len);
bool msgpull_bin(
    struct msgpull *, size_t max, const uint8_t **out, size_t *len);

/* A bin of exactly len bytes, copied to out. */
bool msgpull_fixed(struct msgpull *, uint8_t *out, size_t len);

/* The head of an array of at most max elements, each at least a byte. */
bool msgpull_array(struct msgpull *, size_t max, size_t *count);

/*
 * Steps over one object of any type, at most MSGPULL_DEPTH_MAX arrays or maps
 * deep.
 */
bool msgpull_skip(struct msgpull *);

#endif
