/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/peer_id.h"

#include <string.h>

#include "dm-net/libp2p/base58.h"

#define MULTIHASH_PREFIX_BYTES 2
#define PROTO_PREFIX_BYTES 4

/* Identity multihash of 36 bytes; PublicKey { Type: Ed25519, Data: 32 }. */
static const uint8_t prefix[] = {
    0x00, PEER_KEY_PROTO_BYTES, 0x08, 0x01, 0x12, PEER_KEY_BYTES};

/* CID version 1, codec libp2p-key. */
static const uint8_t cid_prefix[] = {0x01, 0x72};
#define CID_BYTES (sizeof(cid_prefix) + PEER_ID_BYTES)
#define CID_TEXT_LEN (1 + CID_BYTES * 8 / 5) /* 'b' and 64 digits */

_Static_assert(sizeof(prefix) + PEER_KEY_BYTES == PEER_ID_BYTES, "id");
_Static_assert(CID_BYTES % 5 == 0, "base32 without a partial last group");

/*
 * The y coordinates of the points of order 1, 2, 4 and 8, little-endian, the
 * sign of x left out.
 */
/* clang-format off */
static const uint8_t small_order[][PEER_KEY_BYTES] = {
	{ 0x00 }, /* order 4 */
	{ 0x01 }, /* order 1 */
	{ 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* -1: order 2 */
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
	{ 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, /* order 8 */
	  0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
	  0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39,
	  0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
	{ 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, /* its negative */
	  0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
	  0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6,
	  0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a },
};
/* clang-format on */

/* Whether y is below the field's prime, 2^255 - 19. */
static bool
is_canonical(const uint8_t y[static PEER_KEY_BYTES])
{
	if (y[PEER_KEY_BYTES - 1] != 0x7f)
		return true;
	for (size_t i = PEER_KEY_BYTES - 2; i > 0; i--) {
		if (y[i] != 0xff)
			return true;
	}
	return y[0] < 0xed;
}

static bool
is_sound(const uint8_t key[static PEER_KEY_BYTES])
{
	uint8_t y[PEER_KEY_BYTES];

	memcpy(y, key, sizeof(y));
	y[PEER_KEY_BYTES - 1] &= 0x7f; /* the sign of x */
	if (!is_canonical(y))
		return false;
	for (size_t i = 0; i < sizeof(small_order) / sizeof(small_order[0]);
	     i++) {
		if (memcmp(y, small_order[i], sizeof(y)) == 0)
			return false;
	}
	return true;
}

bool
peer_id_from_key(struct peer_id *id, const uint8_t key[static PEER_KEY_BYTES])
{
	if (!is_sound(key))
		return false;
	memcpy(id->bytes, prefix, sizeof(prefix));
	memcpy(id->bytes + sizeof(prefix), key, PEER_KEY_BYTES);
	return true;
}

bool
peer_id_from_key_proto(
    struct peer_id *id, const uint8_t *proto, size_t proto_len)
{
	if (proto_len != PEER_KEY_PROTO_BYTES ||
	    memcmp(proto, prefix + MULTIHASH_PREFIX_BYTES,
		PROTO_PREFIX_BYTES) != 0)
		return false;
	return peer_id_from_key(id, proto + PROTO_PREFIX_BYTES);
}

bool
peer_id_from_bytes(struct peer_id *id, const uint8_t *bytes, size_t bytes_len)
{
	if (bytes_len != PEER_ID_BYTES ||
	    memcmp(bytes, prefix, MULTIHASH_PREFIX_BYTES) != 0)
		return false;
	return peer_id_from_key_proto(
	    id, bytes + MULTIHASH_PREFIX_BYTES, PEER_KEY_PROTO_BYTES);
}

/* One digit of RFC 4648 base32 in lower case, or -1. */
static int
base32_digit(char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	if (c >= '2' && c <= '7')
		return c - '2' + 26;
	return -1;
}

/* CIDv1 in multibase 'b': its length is fixed, so it has no partial group. */
static bool
parse_cid(struct peer_id *id, const char *text)
{
	uint8_t cid[CID_BYTES];
	uint32_t bits = 0;
	unsigned int bit_count = 0;
	size_t len = 0;
	int digit;

	for (size_t i = 1; i < CID_TEXT_LEN; i++) {
		digit = base32_digit(text[i]);
		if (digit < 0)
			return false;
		bits = (bits << 5 | (uint32_t)digit) & 0xfff;
		bit_count += 5;
		if (bit_count >= 8) {
			bit_count -= 8;
			cid[len++] = (uint8_t)(bits >> bit_count);
		}
	}
	if (memcmp(cid, cid_prefix, sizeof(cid_prefix)) != 0)
		return false;
	return peer_id_from_bytes(id, cid + sizeof(cid_prefix), PEER_ID_BYTES);
}

bool
peer_id_parse(struct peer_id *id, const char *text, size_t text_len)
{
	uint8_t bytes[PEER_ID_BYTES];
	int len;

	if (text_len == CID_TEXT_LEN && text[0] == 'b')
		return parse_cid(id, text);
	if (text_len >= PEER_ID_TEXT_SIZE)
		return false;
	len = base58_decode(bytes, sizeof(bytes), text, text_len);
	return len >= 0 && peer_id_from_bytes(id, bytes, (size_t)len);
}

void
peer_id_format(const struct peer_id *id, char text[static PEER_ID_TEXT_SIZE])
{
	if (base58_encode(
		text, PEER_ID_TEXT_SIZE, id->bytes, sizeof(id->bytes)) < 0)
		text[0] = '\0';
}

const uint8_t *
peer_id_key(const struct peer_id *id)
{
	return id->bytes + sizeof(prefix);
}

const uint8_t *
peer_id_key_proto(const struct peer_id *id)
{
	return id->bytes + MULTIHASH_PREFIX_BYTES;
}

int
peer_id_compare(const struct peer_id *a, const struct peer_id *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool
peer_id_equal(const struct peer_id *a, const struct peer_id *b)
{
	return peer_id_compare(a, b) == 0;
}
