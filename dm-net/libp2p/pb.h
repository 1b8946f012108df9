/* SPDX-License-Identifier: ISC */
/*
 * The two things around protobuf that must not be left to a generated codec:
 * writing the few messages whose bytes are signed (so they are always the
 * same), and checking an untrusted message before protobuf-c, which allocates
 * from claimed counts, sees it.
 *
 * Depends on the C library only. No allocation, no I/O.
 */
#ifndef DMNET_LIBP2P_PB_H
#define DMNET_LIBP2P_PB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a message is written; read `len` only if it is not full. `is_full`
 * sticks once something did not fit. */
struct pb_writer {
	uint8_t *out;
	size_t size;
	size_t len;
	bool is_full;
};

/* `size` is how much of `out` may be written. */
void pb_write_init(struct pb_writer *w, uint8_t *out, size_t size);

/* A field (number 1 to 15) of wire type 2: bytes, string or message. */
void pb_write_bytes(struct pb_writer *w, unsigned int field, const void *bytes,
    size_t bytes_len);

/* Only the tag and the length, for a nested message that the caller writes. */
void pb_write_head(struct pb_writer *w, unsigned int field, size_t len);

/* A field of wire type 0; value at most INT64_MAX. */
void pb_write_uint(struct pb_writer *w, unsigned int field, uint64_t value);

/* A number as a varint, without a tag; at most INT64_MAX. */
void pb_write_varint(struct pb_writer *w, uint64_t value);

/* Bytes as they are, without a tag. */
void pb_write_raw(struct pb_writer *w, const void *bytes, size_t bytes_len);

/* The size of pb_write_bytes()'s output for a field from 1 to 15. */
size_t pb_bytes_size(size_t bytes_len);

enum pb_wire { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };

/* One field as it stands in a message. */
struct pb_field {
	unsigned int number;
	enum pb_wire wire;
	const uint8_t *bytes; /* PB_BYTES: its value, within the message */
	size_t len;	      /* PB_BYTES only */
};

enum pb_status {
	PB_FIELD,  /* a field was read */
	PB_END,	   /* there are no more */
	PB_INVALID /* not a field, or a group */
};

/* Reads the field at `*at` of a message and moves `*at` past it. */
enum pb_status pb_next(const uint8_t *message, size_t message_len, size_t *at,
    struct pb_field *field);

/* The rule for one field of a message. */
struct pb_rule {
	unsigned int number;
	enum pb_wire wire;
	unsigned int count_max; /* occurrences */
	size_t len_max;		/* PB_BYTES: of each, in bytes */
};

#define PB_RULES_MAX 8
/* Fields without a rule that one message may carry; they are ignored. */
#define PB_UNKNOWN_MAX 32

/*
 * Whether `message` is a sequence of fields, each within its rule (at most
 * PB_RULES_MAX of them). Nested messages are not looked into.
 */
bool pb_check(const uint8_t *message, size_t message_len,
    const struct pb_rule *rules, size_t rule_count);

#endif
