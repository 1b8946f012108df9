/* SPDX-License-Identifier: ISC */
#include "common/base64.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t
base64_encode(const uint8_t *data, size_t len, char *out)
{
	char *o = out;

	while (len > 0) {
		size_t take = len < 3 ? len : 3;
		uint32_t v = (uint32_t)data[0] << 16;

		if (take > 1)
			v |= (uint32_t)data[1] << 8;
		if (take > 2)
			v |= data[2];
		*o++ = alphabet[v >> 18];
		*o++ = alphabet[v >> 12 & 63];
		*o++ = take > 1 ? alphabet[v >> 6 & 63] : '=';
		*o++ = take > 2 ? alphabet[v & 63] : '=';
		data += take;
		len -= take;
	}
	*o = '\0';
	return (size_t)(o - out);
}

/* The six bits of a character, -1 for one outside the alphabet. */
static int
base64_bits(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* One quartet of which the first `digits` characters are not padding. */
static int
base64_quartet(const char *text, unsigned digits, uint32_t *out)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 4; i++) {
		int bits = i < digits ? base64_bits(text[i]) : 0;

		if (bits < 0)
			return -1;
		v = v << 6 | (uint32_t)bits;
	}
	*out = v;
	return 0;
}

ssize_t
base64_decode(const char *text, size_t len, uint8_t *out, size_t max)
{
	size_t n = 0;

	if (len % 4 != 0)
		return -1;
	for (size_t i = 0; i < len; i += 4) {
		unsigned digits = 4;
		uint32_t v;

		if (i + 4 == len && text[i + 3] == '=')
			digits = text[i + 2] == '=' ? 2 : 3;
		if (base64_quartet(text + i, digits, &v) == -1)
			return -1;
		/* bits after the last byte would be a second spelling */
		if ((digits == 2 && (v & 0xffff) != 0) ||
		    (digits == 3 && (v & 0xff) != 0))
			return -1;
		for (unsigned k = 0; k + 1 < digits; k++) {
			if (n == max)
				return -1;
			out[n++] = (uint8_t)(v >> (16 - 8 * k));
		}
	}
	return (ssize_t)n;
}
