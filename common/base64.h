/* SPDX-License-Identifier: ISC */
/* Standard base64 (RFC 4648, section 4) with padding, strict: no white space,
 * no missing or surplus padding, no set bits after the last byte. Pure. */
#ifndef COMMON_BASE64_H
#define COMMON_BASE64_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Writes BASE64_LEN(len) characters and a terminator. Returns the length. */
size_t base64_encode(const uint8_t *data, size_t len, char *out);

/* Decodes at most max bytes. Returns their number, -1 if malformed or longer.
 */
ssize_t base64_decode(const char *text, size_t len, uint8_t *out, size_t max);

#endif
