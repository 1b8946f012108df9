/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "common/msgpull.h"

/* The head of an object: its type, and its value or length. */
enum head_type {
	HEAD_UINT,
	HEAD_INT, /* negative */
	HEAD_NIL,
	HEAD_BOOL,
	HEAD_STR,
	HEAD_BIN,
	HEAD_ARRAY,
	HEAD_MAP,
	HEAD_EXT,
	HEAD_FLOAT,
};

struct head {
	enum head_type type;
	uint64_t value; /* the number, the bytes that follow, or the count */
};

/* The heads from 0xc0 to 0xdf. */
/* clang-format off */
static const struct {
	enum head_type type;
	uint8_t width;	/* bytes of the value after the first */
	bool is_used;
	uint8_t value;	/* where width is 0; added to a length */
} heads[32] = {
	[0x00] = { HEAD_NIL, 0, true, 0 },
	[0x02] = { HEAD_BOOL, 0, true, 0 },
	[0x03] = { HEAD_BOOL, 0, true, 1 },
	[0x04] = { HEAD_BIN, 1, true, 0 },
	[0x05] = { HEAD_BIN, 2, true, 0 },
	[0x06] = { HEAD_BIN, 4, true, 0 },
	[0x07] = { HEAD_EXT, 1, true, 1 },
	[0x08] = { HEAD_EXT, 2, true, 1 },
	[0x09] = { HEAD_EXT, 4, true, 1 },
	[0x0a] = { HEAD_FLOAT, 0, true, 4 },
	[0x0b] = { HEAD_FLOAT, 0, true, 8 },
	[0x0c] = { HEAD_UINT, 1, true, 0 },
	[0x0d] = { HEAD_UINT, 2, true, 0 },
	[0x0e] = { HEAD_UINT, 4, true, 0 },
	[0x0f] = { HEAD_UINT, 8, true, 0 },
	[0x10] = { HEAD_INT, 1, true, 0 },
	[0x11] = { HEAD_INT, 2, true, 0 },
	[0x12] = { HEAD_INT, 4, true, 0 },
	[0x13] = { HEAD_INT, 8, true, 0 },
	[0x14] = { HEAD_EXT, 0, true, 2 },
	[0x15] = { HEAD_EXT, 0, true, 3 },
	[0x16] = { HEAD_EXT, 0, true, 5 },
	[0x17] = { HEAD_EXT, 0, true, 9 },
	[0x18] = { HEAD_EXT, 0, true, 17 },
	[0x19] = { HEAD_STR, 1, true, 0 },
	[0x1a] = { HEAD_STR, 2, true, 0 },
	[0x1b] = { HEAD_STR, 4, true, 0 },
	[0x1c] = { HEAD_ARRAY, 2, true, 0 },
	[0x1d] = { HEAD_ARRAY, 4, true, 0 },
	[0x1e] = { HEAD_MAP, 2, true, 0 },
	[0x1f] = { HEAD_MAP, 4, true, 0 },
};
/* clang-format on */

void
msgpull_init(struct msgpull *m, const uint8_t *bytes, size_t len)
{
	static const uint8_t nothing;

	m->at = len == 0 ? &nothing : bytes;
	m->end = m->at + len;
	m->failed = false;
}

bool
msgpull_ok(const struct msgpull *m)
{
	return !m->failed;
}

bool
msgpull_done(const struct msgpull *m)
{
	return !m->failed && m->at == m->end;
}

size_t
msgpull_left(const struct msgpull *m)
{
	return (size_t)(m->end - m->at);
}

bool
msgpull_fail(struct msgpull *m)
{
	m->failed = true;
	return false;
}

static uint64_t
read_be(const uint8_t *p, size_t width)
{
	uint64_t v = 0;

	for (size_t i = 0; i < width; i++)
		v = v << 8 | p[i];
	return v;
}

/* A number of `width` bytes in two's complement. */
static void
head_signed(struct head *h, size_t width)
{
	uint64_t sign = UINT64_C(1) << (width * 8 - 1);

	if ((h->value & sign) == 0)
		h->type = HEAD_UINT;
	else if (width < 8)
		h->value |= ~(sign - 1);
}

/* The heads that carry their value in the first byte. */
static bool
head_fix(uint8_t b, struct head *h)
{
	if (b <= 0x7f)
		*h = (struct head){HEAD_UINT, b};
	else if (b >= 0xe0)
		*h = (struct head){HEAD_INT, ~UINT64_C(0xff) | b};
	else if (b <= 0x8f)
		*h = (struct head){HEAD_MAP, b & 0x0fu};
	else if (b <= 0x9f)
		*h = (struct head){HEAD_ARRAY, b & 0x0fu};
	else if (b <= 0xbf)
		*h = (struct head){HEAD_STR, b & 0x1fu};
	else
		return false;
	return true;
}

/*
 * Reads one head. The number of bytes that it announces is compared with the
 * bytes that are left; an element of an array takes at least one byte, of a map
 * two.
 */
static bool
head_read(struct msgpull *m, struct head *h)
{
	size_t width = 0;

	if (m->failed || m->at == m->end)
		return msgpull_fail(m);
	if (!head_fix(*m->at, h)) {
		unsigned i = *m->at - 0xc0u;

		width = heads[i].width;
		if (!heads[i].is_used || msgpull_left(m) - 1 < width)
			return msgpull_fail(m);
		h->type = heads[i].type;
		h->value = heads[i].value + read_be(m->at + 1, width);
		if (h->type == HEAD_INT)
			head_signed(h, width);
	}
	m->at += 1 + width;
	if ((h->type == HEAD_STR || h->type == HEAD_BIN ||
		h->type == HEAD_ARRAY || h->type == HEAD_EXT ||
		h->type == HEAD_FLOAT) &&
	    h->value > msgpull_left(m))
		return msgpull_fail(m);
	if (h->type == HEAD_MAP && h->value > msgpull_left(m) / 2)
		return msgpull_fail(m);
	return true;
}

bool
msgpull_u64(struct msgpull *m, uint64_t max, uint64_t *out)
{
	struct head h;

	if (!head_read(m, &h))
		return false;
	if (h.type != HEAD_UINT || h.value > max)
		return msgpull_fail(m);
	*out = h.value;
	return true;
}

bool
msgpull_i64(struct msgpull *m, int64_t *out)
{
	struct head h;

	if (!head_read(m, &h))
		return false;
	if (h.type == HEAD_UINT && h.value <= INT64_MAX)
		*out = (int64_t)h.value;
	else if (h.type == HEAD_INT)
		*out = -(int64_t)(~h.value) - 1;
	else
		return msgpull_fail(m);
	return true;
}

bool
msgpull_bool(struct msgpull *m, bool *out)
{
	struct head h;

	if (!head_read(m, &h))
		return false;
	if (h.type != HEAD_BOOL)
		return msgpull_fail(m);
	*out = h.value != 0;
	return true;
}

bool
msgpull_try_nil(struct msgpull *m)
{
	if (m->failed || m->at == m->end || *m->at != 0xc0)
		return false;
	m->at++;
	return true;
}

/* The bytes of an object of one type. */
static bool
pull_bytes(struct msgpull *m, enum head_type type, size_t max,
    const uint8_t **out, size_t *len)
{
	struct head h;

	if (!head_read(m, &h))
		return false;
	if (h.type != type || h.value > max)
		return msgpull_fail(m);
	*out = m->at;
	*len = (size_t)h.value;
	m->at += *len;
	return true;
}

bool
msgpull_str(struct msgpull *m, size_t max, const char **out, size_t *len)
{
	const uint8_t *bytes;

	if (!pull_bytes(m, HEAD_STR, max, &bytes, len))
		return false;
	*out = (const char *)bytes;
	return true;
}

bool
msgpull_bin(struct msgpull *m, size_t max, const uint8_t **out, size_t *len)
{
	return pull_bytes(m, HEAD_BIN, max, out, len);
}

bool
msgpull_fixed(struct msgpull *m, uint8_t *out, size_t len)
{
	const uint8_t *bytes;
	size_t got;

	if (!pull_bytes(m, HEAD_BIN, len, &bytes, &got))
		return false;
	if (got != len)
		return msgpull_fail(m);
	memcpy(out, bytes, len);
	return true;
}

bool
msgpull_array(struct msgpull *m, size_t max, size_t *count)
{
	struct head h;

	if (!head_read(m, &h))
		return false;
	if (h.type != HEAD_ARRAY || h.value > max)
		return msgpull_fail(m);
	*count = (size_t)h.value;
	return true;
}

bool
msgpull_skip(struct msgpull *m)
{
	uint64_t open[MSGPULL_DEPTH_MAX + 1] = {1};
	size_t depth = 0;
	struct head h;

	for (;;) {
		while (open[depth] == 0) {
			if (depth-- == 0)
				return true;
		}
		open[depth]--;
		if (!head_read(m, &h))
			return false;
		if (h.type == HEAD_ARRAY || h.type == HEAD_MAP) {
			if (depth == MSGPULL_DEPTH_MAX)
				return msgpull_fail(m);
			open[++depth] =
			    h.type == HEAD_MAP ? h.value * 2 : h.value;
		} else if (h.type == HEAD_STR || h.type == HEAD_BIN ||
			   h.type == HEAD_EXT || h.type == HEAD_FLOAT) {
			m->at += h.value;
		}
	}
}
