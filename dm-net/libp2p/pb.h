/* SPDX-License-Identifier: ISC */
/*
 * The two things around protobuf that must not be left to a generated codec:
 * writing the few messages whose bytes are signed (so they are always the
 * same), and checking an untrusted message before protobuf-c, which allocates
 * from claimed counts, sees it.
 *
 * Called by envelope, peer_record and identify. Depends on the C library
 * only. No allocation, no I/O.
 */
#ifndef DMNET_LIBP2P_PB_H
#define DMNET_LIBP2P_PB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a message is written. `is_full` sticks once something did not fit. */
struct pb_writer {
	uint8_t *out;
	size_t size;
	size_t len;
	bool is_full;
};

void pb_write_init(struct pb_writer *w, uint8_t *out, size_t size);

/* A field (number 1 to 15) of wire type 2: bytes, string or message. */
void pb_write_bytes(struct pb_writer *w, unsigned int field, const void *bytes,
    size_t bytes_len);

/* Only the tag and the length, for a nested message that the caller writes. */
void pb_write_head(struct pb_writer *w, unsigned int field, size_t len);

/* A field of wire type 0; value at most INT64_MAX. */
void pb_write_uint(struct pb_writer *w, unsigned int field, uint64_t value);

/* Bytes as they are, without a tag. */
void pb_write_raw(struct pb_writer *w, const void *bytes, size_t bytes_len);

/* The size of pb_write_bytes()'s output for a field from 1 to 15. */
size_t pb_bytes_size(size_t bytes_len);

enum pb_wire { PB_VARINT = 0, PB_BYTES = 2 };

/* What one field of a message may look like. */
struct pb_rule {
	unsigned int field;
	enum pb_wire wire;
	unsigned int count_max; /* occurrences */
	size_t len_max;		/* PB_BYTES: of each, in bytes */
};

/* Fields without a rule that one message may carry; they are ignored. */
#define PB_UNKNOWN_MAX 32

/*
 * Whether `bytes` is a sound sequence of fields, each within its rule, none
 * of them a group. Nested messages are not looked into.
 */
bool pb_check(const uint8_t *bytes, size_t bytes_len,
    const struct pb_rule *rules, size_t rule_count);

#endif
