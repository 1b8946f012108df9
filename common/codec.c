/* SPDX-License-Identifier: ISC */
#include "common/codec.h"

#include <string.h>

#include "common/log.h"
#include "common/msgpull.h"
#include "common/msgput.h"

static bool
put_field(struct msgput *out, const struct codec_field *f, const void *value)
{
	const uint8_t *at = (const uint8_t *)value + f->offset;
	struct bytes b;
	uint64_t u;

	switch (f->kind) {
	case CODEC_U64:
		memcpy(&u, at, sizeof(u));
		msgput_u64(out, u);
		return u <= f->limit;
	case CODEC_BOOL:
		msgput_bool(out, *(const bool *)at);
		return true;
	case CODEC_FIXED:
		msgput_bin(out, at, (size_t)f->limit);
		return true;
	case CODEC_BYTES:
		memcpy(&b, at, sizeof(b));
		msgput_bin(out, b.data, b.len);
		return b.len <= f->limit;
	case CODEC_TEXT:
		memcpy(&b, at, sizeof(b));
		msgput_str(out, (const char *)b.data, b.len);
		return b.len <= f->limit;
	}
	return false;
}

size_t
codec_encode(const struct codec_struct *layout, uint64_t number,
    const void *value, uint8_t *buf, size_t cap)
{
	struct msgput out;

	msgput_init(&out, buf, cap);
	msgput_array(&out, layout->n_fields + 1);
	msgput_u64(&out, number);
	for (size_t i = 0; i < layout->n_fields; i++)
		if (!put_field(&out, &layout->fields[i], value))
			return 0;
	return msgput_len(&out);
}

bool
codec_number(const uint8_t *buf, size_t len, uint64_t *number)
{
	struct msgpull in;
	size_t count;

	msgpull_init(&in, buf, len);
	return msgpull_array(&in, len, &count) && count > 0 &&
	       msgpull_u64(&in, UINT64_MAX, number);
}

static bool
pull_field(struct msgpull *in, const struct codec_field *f, void *value)
{
	uint8_t *at = (uint8_t *)value + f->offset;
	struct bytes b;
	const char *text;
	uint64_t u;
	bool flag;

	switch (f->kind) {
	case CODEC_U64:
		if (!msgpull_u64(in, f->limit, &u))
			return false;
		memcpy(at, &u, sizeof(u));
		return true;
	case CODEC_BOOL:
		if (!msgpull_bool(in, &flag))
			return false;
		memcpy(at, &flag, sizeof(flag));
		return true;
	case CODEC_FIXED:
		return msgpull_fixed(in, at, (size_t)f->limit);
	case CODEC_BYTES:
		if (!msgpull_bin(in, (size_t)f->limit, &b.data, &b.len))
			return false;
		memcpy(at, &b, sizeof(b));
		return true;
	case CODEC_TEXT:
		if (!msgpull_str(in, (size_t)f->limit, &text, &b.len) ||
		    memchr(text, '\0', b.len) != NULL)
			return false;
		b.data = (const uint8_t *)text;
		memcpy(at, &b, sizeof(b));
		return true;
	}
	return false;
}

size_t
codec_take(const struct codec_struct *layout, uint64_t number, void *value,
    const uint8_t *buf, size_t len)
{
	struct msgpull in;
	uint64_t got;
	size_t count;

	memset(value, 0, layout->size);
	msgpull_init(&in, buf, len);
	if (!msgpull_array(&in, len, &count) || count != layout->n_fields + 1 ||
	    !msgpull_u64(&in, UINT64_MAX, &got) || got != number)
		return 0;
	for (size_t i = 0; i < layout->n_fields; i++)
		if (!pull_field(&in, &layout->fields[i], value))
			return 0;
	return len - msgpull_left(&in);
}

bool
codec_decode(const struct codec_struct *layout, uint64_t number, void *value,
    const uint8_t *buf, size_t len)
{
	return len > 0 && codec_take(layout, number, value, buf, len) == len;
}

struct bytes
bytes_of(const void *data, size_t len)
{
	struct bytes b = {.data = data, .len = len};

	return b;
}

bool
bytes_is_text(struct bytes b, const char *text)
{
	return b.len == strlen(text) && memcmp(b.data, text, b.len) == 0;
}

struct bytes
bytes_text(const char *text)
{
	return bytes_of(text, strlen(text));
}

bool
bytes_copy_text(struct bytes b, char *out, size_t out_size)
{
	if (b.len >= out_size)
		return false;
	if (b.len > 0)
		memcpy(out, b.data, b.len);
	out[b.len] = '\0';
	return true;
}
