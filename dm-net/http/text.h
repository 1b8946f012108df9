/* SPDX-License-Identifier: ISC */
/*
 * A growing text that is appended to at its end and taken from at its front:
 * bodies that are made here, and output that a socket did not take yet. It
 * sets no bound of its own: each user says how much may gather. What it takes
 * is charged to its holder (memory.h).
 */
#ifndef DM_NET_HTTP_TEXT_H
#define DM_NET_HTTP_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "common/codec.h"

struct memory_holder;

struct http_text {
	char *data;
	size_t off; /* what is before was taken */
	size_t len; /* end of what is there */
	size_t cap;
	struct memory_holder *holder; /* charged for cap; may be NULL */
};

/* Frees what is there; the holder stays. */
void http_text_clear(struct http_text *);

/* Bytes that are there, and where. */
size_t http_text_left(const struct http_text *);
const char *http_text_at(const struct http_text *);

/* Takes n bytes from the front; n <= http_text_left(). */
void http_text_take(struct http_text *, size_t n);

void http_text_add(struct http_text *, const void *data, size_t len);

/* A JSON string (json.h). */
void http_text_json(struct http_text *, const void *data, size_t len);

/* http_text_printf(): http.h */

#endif
