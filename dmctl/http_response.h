/* SPDX-License-Identifier: ISC */
/*
 * Reads one HTTP/1.1 response (RFC 9112) with llhttp, however its bytes are
 * cut. Strict and bounded: a head of at most 16 KiB, at most 16 interim heads
 * before it, one framing of the body, no folded lines, at most 8 KiB of chunk
 * heads and trailers between two pieces of the body. No socket.
 */
#ifndef DMCTL_HTTP_RESPONSE_H
#define DMCTL_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec.h"

#define HTTP_RESPONSE_HEAD_MAX 16384
#define HTTP_RESPONSE_FRAMING_MAX 8192

enum http_response_state {
	RESPONSE_HEAD,
	RESPONSE_BODY,
	RESPONSE_DONE,
	RESPONSE_BAD,
};

struct http_response {
	enum http_response_state state;
	int status;	  /* of the final response; 0 before its head */
	bool is_continue; /* a 100 came */
	bool may_keep_alive;
	char head[HTTP_RESPONSE_HEAD_MAX];
	size_t head_len;
	unsigned interims; /* heads with 1xx */
	struct response_parser *parser;
};

/* Before each response; all zeros before the first one. */
void http_response_init(struct http_response *);
void http_response_clear(struct http_response *);

/*
 * Takes bytes; body(ctx) is given what of them is body. Returns how many were
 * taken: all, unless the response is done or bad before.
 */
typedef void http_body_fn(void *ctx, const uint8_t *data, size_t len);
size_t http_response_feed(struct http_response *, const uint8_t *data,
    size_t len, http_body_fn *, void *ctx);

/* The connection has ended: that completes a body without a length; else the
 * response becomes bad. */
void http_response_end(struct http_response *);

/* A field of the final head, in any case of letters; data NULL: none. */
struct bytes http_response_field(
    const struct http_response *, const char *name);

#endif
