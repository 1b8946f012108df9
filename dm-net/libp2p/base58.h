/* SPDX-License-Identifier: ISC */
/*
 * base58btc, the text form of peer ids (draft-msporny-base58). Bounded to
 * BASE58_BYTES_MAX bytes, because its cost grows with the square of the length.
 * No allocation, no I/O.
 */
#ifndef DMNET_LIBP2P_BASE58_H
#define DMNET_LIBP2P_BASE58_H

#include <stddef.h>
#include <stdint.h>

#define BASE58_BYTES_MAX 64
/* Text of BASE58_BYTES_MAX bytes, without the NUL. */
#define BASE58_TEXT_MAX 88

/*
 * Encodes `in_len` (<= BASE58_BYTES_MAX) bytes as text with a NUL. Returns
 * the length of the text, or -1 if it does not fit in `out_size` or `in_len`
 * is too large.
 */
int base58_encode(char *out, size_t out_size, const uint8_t *in, size_t in_len);

/*
 * Decodes `text_len` characters. Returns the number of bytes, or -1 on a
 * character outside of the alphabet or if they do not fit in `out_size`.
 */
int base58_decode(
    uint8_t *out, size_t out_size, const char *text, size_t text_len);

#endif
