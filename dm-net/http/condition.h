/* SPDX-License-Identifier: ISC */
/* If-None-Match, If-Range and Range of RFC 9110, sections 13 and 14. Pure. */
#ifndef DM_NET_HTTP_CONDITION_H
#define DM_NET_HTTP_CONDITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec.h"

/*
 * True if the list of entity tags (or "*") names this one, by weak comparison.
 * etag: with its quotes, terminated. A malformed list names nothing.
 */
bool http_etag_listed(struct bytes list, const char *etag);

enum http_range {
	RANGE_NONE,    /* not one single byte range: the whole file */
	RANGE_PART,    /* first and length are set */
	RANGE_OUTSIDE, /* nothing of it exists: 416 */
};

/* A Range field against a file of size bytes. */
enum http_range http_range_parse(
    struct bytes field, uint64_t size, uint64_t *first, uint64_t *length);

/* True if If-Range (a strong entity tag, else never) names this one. */
bool http_if_range(struct bytes field, const char *etag);

/* Digits only, no sign, no space, no overflow. False otherwise or if empty. */
bool http_decimal(const uint8_t *p, size_t len, uint64_t *out);

#endif
