/* SPDX-License-Identifier: ISC */
/* UTF-8 (RFC 3629), checked. Pure. */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * Bytes of the character at p, of which left (at least 1) are there; 0 if it
 * is not a valid one (cut off, overlong, a surrogate, over U+10FFFF).
 */
size_t utf8_len(const uint8_t *p, size_t left);

/* Writes a Unicode scalar value to out, not terminated. Returns the bytes. */
size_t utf8_put(char out[static 4], uint32_t c);

#endif
