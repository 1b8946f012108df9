/* SPDX-License-Identifier: ISC */
#include "common/hex.h"

const char *
hex_encode(const uint8_t *data, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = HEX_LOWER[data[i] >> 4];
		out[2 * i + 1] = HEX_LOWER[data[i] & 15];
	}
	out[2 * len] = '\0';
	return out;
}

int
hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
hex_decode(const uint8_t *text, size_t len, uint8_t *out, size_t size)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] >= 'A' && text[i] <= 'F')
			return false;
	return hex_decode_any_case(text, len, out, size);
}

bool
hex_decode_any_case(const uint8_t *text, size_t len, uint8_t *out, size_t size)
{
	if (len != 2 * size)
		return false;
	for (size_t i = 0; i < size; i++) {
		int high = hex_value(text[2 * i]);
		int low = hex_value(text[2 * i + 1]);

		if (high == -1 || low == -1)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
