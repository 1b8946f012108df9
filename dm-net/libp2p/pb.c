/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/pb.h"

#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/varint.h"

/* Protobuf allows 10 bytes, and forms that are not the shortest. */
#define PB_VARINT_BYTES_MAX 10

void
pb_write_init(struct pb_writer *w, uint8_t *out, size_t size)
{
	w->out = out;
	w->size = size;
	w->len = 0;
	w->is_full = false;
}

void
pb_write_raw(struct pb_writer *w, const void *bytes, size_t bytes_len)
{
	if (w->is_full || bytes_len > w->size - w->len) {
		w->is_full = true;
		return;
	}
	if (bytes_len > 0)
		memcpy(w->out + w->len, bytes, bytes_len);
	w->len += bytes_len;
}

void
pb_write_varint(struct pb_writer *w, uint64_t value)
{
	uint8_t buf[VARINT_BYTES_MAX];

	pb_write_raw(w, buf, varint_encode(buf, value));
}

void
pb_write_head(struct pb_writer *w, unsigned int field, size_t len)
{
	pb_write_varint(w, field << 3 | PB_BYTES);
	pb_write_varint(w, len);
}

void
pb_write_bytes(struct pb_writer *w, unsigned int field, const void *bytes,
    size_t bytes_len)
{
	pb_write_head(w, field, bytes_len);
	pb_write_raw(w, bytes, bytes_len);
}

void
pb_write_uint(struct pb_writer *w, unsigned int field, uint64_t value)
{
	pb_write_varint(w, field << 3 | PB_VARINT);
	pb_write_varint(w, value);
}

size_t
pb_bytes_size(size_t bytes_len)
{
	return 1 + varint_size(bytes_len) + bytes_len;
}

static bool
read_varint(const uint8_t *bytes, size_t len, size_t *at, uint64_t *value)
{
	*value = 0;
	for (unsigned int i = 0; i < PB_VARINT_BYTES_MAX && *at < len; i++) {
		uint8_t byte = bytes[(*at)++];

		/* The tenth byte has room for one bit. */
		if (i == PB_VARINT_BYTES_MAX - 1 && byte > 1)
			return false;
		*value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if ((byte & 0x80) == 0)
			return true;
	}
	return false;
}

static bool
skip(size_t len, size_t *at, uint64_t count)
{
	if (count > len - *at)
		return false;
	*at += (size_t)count;
	return true;
}

enum pb_status
pb_next(const uint8_t *message, size_t message_len, size_t *at,
    struct pb_field *field)
{
	uint64_t tag, value;
	bool is_sound = false;

	if (*at >= message_len)
		return PB_END;
	if (!read_varint(message, message_len, at, &tag) || tag > UINT32_MAX ||
	    tag >> 3 == 0)
		return PB_INVALID;
	memset(field, 0, sizeof(*field));
	field->number = (unsigned int)(tag >> 3);
	field->wire = (enum pb_wire)(tag & 7);
	switch (tag & 7) {
	case PB_VARINT:
		is_sound = read_varint(message, message_len, at, &value);
		break;
	case PB_FIXED64:
		is_sound = skip(message_len, at, 8);
		break;
	case PB_BYTES:
		if (!read_varint(message, message_len, at, &value))
			break;
		field->bytes = message + *at;
		field->len = (size_t)value;
		is_sound = skip(message_len, at, value);
		break;
	case PB_FIXED32:
		is_sound = skip(message_len, at, 4);
		break;
	}
	return is_sound ? PB_FIELD : PB_INVALID;
}

/* Counts a field against its rule; fields without one share the last count. */
static bool
is_within(const struct pb_field *field, const struct pb_rule *rules,
    size_t rule_count, unsigned int counts[static PB_RULES_MAX + 1])
{
	for (size_t i = 0; i < rule_count; i++) {
		if (field->number != rules[i].number)
			continue;
		return field->wire == rules[i].wire &&
		       field->len <= rules[i].len_max &&
		       ++counts[i] <= rules[i].count_max;
	}
	return ++counts[PB_RULES_MAX] <= PB_UNKNOWN_MAX;
}

bool
pb_check(const uint8_t *message, size_t message_len,
    const struct pb_rule *rules, size_t rule_count)
{
	unsigned int counts[PB_RULES_MAX + 1] = {0};
	enum pb_status status;
	struct pb_field field;
	size_t at = 0;

	if (rule_count > PB_RULES_MAX)
		abort();
	while (
	    (status = pb_next(message, message_len, &at, &field)) == PB_FIELD) {
		if (!is_within(&field, rules, rule_count, counts))
			return false;
	}
	return status == PB_END;
}
