/* SPDX-License-Identifier: ISC */
/* Strings as JSON writes them (RFC 8259, section 7). Pure. */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <stddef.h>

#include "common/codec.h"

/* Takes the next bytes of what is written. */
typedef void json_put_fn(void *ctx, const void *data, size_t len);

/*
 * Writes text with its quotes. UTF-8 stays as it is; each byte that is none
 * becomes U+FFFD. Controls are escaped, those that only terminals know (DEL,
 * U+0080 to U+009F) too. At most 6 bytes are written for one, and the quotes.
 */
void json_string(struct bytes text, json_put_fn *, void *ctx);

#endif
