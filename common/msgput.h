/* SPDX-License-Identifier: ISC */
/*
 * A bounded writer of MessagePack into a buffer of the caller's, on top of
 * msgpack-c. Every value takes its smallest form, so equal values are equal
 * bytes. A value that does not fit sets a sticky flag and is not written; the
 * caller checks once, at the end.
 *
 * No allocation.
 */
#ifndef COMMON_MSGPUT_H
#define COMMON_MSGPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct msgput {
	uint8_t *buf;
	size_t size;
	size_t len;    /* written so far */
	bool overflow; /* something did not fit: the bytes are useless */
};

/* Borrows buf until the writer is no longer used. */
void msgput_init(struct msgput *, uint8_t *buf, size_t size);

/* msgpack-c's version. It is built in: all that is used of it is inline. */
const char *msgput_library_version(void);

/* Bytes written; 0 if something did not fit. */
size_t msgput_len(const struct msgput *);

void msgput_u64(struct msgput *, uint64_t);
void msgput_i64(struct msgput *, int64_t);
void msgput_bool(struct msgput *, bool);
void msgput_nil(struct msgput *);
void msgput_str(struct msgput *, const char *, size_t len);
void msgput_bin(struct msgput *, const uint8_t *, size_t len);

/* The head of an array; its elements are written next. */
void msgput_array(struct msgput *, size_t count);

/* The head of a bin of len bytes, which msgput_raw() then adds. */
void msgput_bin_head(struct msgput *, size_t len);

/* Bytes as they are: one or more encoded objects, or the body of a bin. */
void msgput_raw(struct msgput *, const uint8_t *, size_t len);

#endif
