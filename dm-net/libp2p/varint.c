/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/varint.h"

#include <stdlib.h>

enum varint_status
varint_decode(const uint8_t *in, size_t in_len, uint64_t *value, size_t *used)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < in_len && i < VARINT_BYTES_MAX; i++) {
		v |= (uint64_t)(in[i] & 0x7f) << (7 * i);
		if (in[i] & 0x80)
			continue;
		/* A last byte of zero adds nothing: a shorter form exists. */
		if (in[i] == 0 && i > 0)
			return VARINT_INVALID;
		*value = v;
		*used = i + 1;
		return VARINT_OK;
	}
	return i == VARINT_BYTES_MAX ? VARINT_INVALID : VARINT_INCOMPLETE;
}

size_t
varint_encode(uint8_t out[static VARINT_BYTES_MAX], uint64_t value)
{
	size_t n = 0;

	if (value > VARINT_VALUE_MAX)
		abort();
	while (value > 0x7f) {
		out[n++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	out[n++] = (uint8_t)value;
	return n;
}

size_t
varint_size(uint64_t value)
{
	size_t n = 1;

	while (value > 0x7f) {
		value >>= 7;
		n++;
	}
	return n;
}
