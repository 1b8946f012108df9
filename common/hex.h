/* SPDX-License-Identifier: ISC */
/* Hexadecimal digits: of hashes in texts, headers and file names, and of
 * escapes. Pure. */
#ifndef COMMON_HEX_H
#define COMMON_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEX_LOWER "0123456789abcdef"
#define HEX_SIZE(n) (2 * (n) + 1) /* of n bytes, with the terminator */

/* Writes 2 * len lower-case digits and a terminator. Returns out. */
const char *hex_encode(const uint8_t *data, size_t len, char *out);

/* 0 to 15 for a digit of either case, -1 for any other byte. */
int hex_value(uint8_t c);

/* Decodes text of exactly 2 * size lower-case digits, as hex_encode() writes
 * it. False if it is anything else; out then holds nothing of use. */
bool hex_decode(const uint8_t *text, size_t len, uint8_t *out, size_t size);

/* The same, for digits of either case. */
bool hex_decode_any_case(
    const uint8_t *text, size_t len, uint8_t *out, size_t size);

#endif
