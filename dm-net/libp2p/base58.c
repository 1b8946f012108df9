/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/base58.h"

#include <string.h>

static const char alphabet[] =
    "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/*
 * Multiplies the big-endian number in `digits` by `factor`, adds `carry`;
 * returns what does not fit.
 */
static unsigned int
scale(uint8_t *digits, size_t count, unsigned int base, unsigned int factor,
    unsigned int carry)
{
	for (size_t i = count; i-- > 0;) {
		carry += digits[i] * factor;
		digits[i] = (uint8_t)(carry % base);
		carry /= base;
	}
	return carry;
}

int
base58_encode(char *out, size_t out_size, const uint8_t *in, size_t in_len)
{
	uint8_t digits[BASE58_TEXT_MAX] = {0};
	size_t zeros = 0, skip = 0, len;

	if (in_len > BASE58_BYTES_MAX)
		return -1;
	while (zeros < in_len && in[zeros] == 0)
		zeros++;
	for (size_t i = zeros; i < in_len; i++)
		scale(digits, sizeof(digits), 58, 256, in[i]);
	while (skip < sizeof(digits) && digits[skip] == 0)
		skip++;
	len = zeros + sizeof(digits) - skip;
	if (len >= out_size)
		return -1;
	memset(out, alphabet[0], zeros);
	for (size_t i = zeros; i < len; i++)
		out[i] = alphabet[digits[skip++]];
	out[len] = '\0';
	return (int)len;
}

int
base58_decode(uint8_t *out, size_t out_size, const char *text, size_t text_len)
{
	uint8_t bytes[BASE58_BYTES_MAX] = {0};
	size_t zeros = 0, skip = 0, len;
	const char *at;

	if (text_len > BASE58_TEXT_MAX)
		return -1;
	while (zeros < text_len && text[zeros] == alphabet[0])
		zeros++;
	for (size_t i = zeros; i < text_len; i++) {
		at = text[i] == '\0' ? NULL : strchr(alphabet, text[i]);
		if (at == NULL)
			return -1;
		if (scale(bytes, sizeof(bytes), 256, 58,
			(unsigned int)(at - alphabet)) != 0)
			return -1;
	}
	while (skip < sizeof(bytes) && bytes[skip] == 0)
		skip++;
	len = zeros + sizeof(bytes) - skip;
	if (len > out_size)
		return -1;
	memset(out, 0, zeros);
	memcpy(out + zeros, bytes + skip, sizeof(bytes) - skip);
	return (int)len;
}
