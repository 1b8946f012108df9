/* SPDX-License-Identifier: ISC */
/*
 * One MessagePack codec for every structure that a table describes (messages
 * between the processes, requests and rows of the control socket). A structure
 * is an array of its fields' descriptors; nobody encodes or decodes by hand.
 *
 * Decoding is bounded: expected type, exact arity, length against what is left
 * and against the field's limit; no recursion, no allocation, no trailing
 * bytes. Decoded bytes are borrowed from the buffer.
 */
#ifndef COMMON_CODEC_H
#define COMMON_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes, or text without a terminator. */
struct bytes {
	const uint8_t *data;
	size_t len;
};

enum codec_kind {
	CODEC_U64,   /* uint64_t, at most limit */
	CODEC_BOOL,  /* bool */
	CODEC_FIXED, /* uint8_t[limit] */
	CODEC_BYTES, /* struct bytes, at most limit */
	CODEC_TEXT,  /* struct bytes, at most limit, no NUL within */
};

struct codec_field {
	const char *name;
	enum codec_kind kind;
	size_t offset;
	uint64_t limit;
};

struct codec_struct {
	const char *name;
	size_t size; /* of the C struct */
	const struct codec_field *fields;
	size_t n_fields;
};

/*
 * Encodes [number, field, ...]. Returns the bytes written, 0 if cap is too
 * small or a value breaks its own limit (a bug of the caller).
 */
size_t codec_encode(const struct codec_struct *, uint64_t number,
    const void *value, uint8_t *buf, size_t cap);

/* Reads the number of an encoded structure; false if it is not one. */
bool codec_number(const uint8_t *buf, size_t len, uint64_t *number);

/* Decodes the whole buffer as [number, field, ...] into value (size bytes). */
bool codec_decode(const struct codec_struct *, uint64_t number, void *value,
    const uint8_t *buf, size_t len);

/* The same from its start, where more may follow: the bytes taken, or 0. */
size_t codec_take(const struct codec_struct *, uint64_t number, void *value,
    const uint8_t *buf, size_t len);

/* struct bytes of a C string / of memory. */
struct bytes bytes_text(const char *);
struct bytes bytes_of(const void *, size_t);

/* Whether the bytes are those of a C string, without its NUL. */
bool bytes_is_text(struct bytes, const char *);

/* Copies text into a terminated buffer; false if it does not fit. */
bool bytes_copy_text(struct bytes, char *out, size_t out_size);

#endif
