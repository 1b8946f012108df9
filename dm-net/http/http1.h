/* SPDX-License-Identifier: ISC */
/*
 * HTTP/1.1 (and 1.0) on one connection: reads heads, which it bounds and checks
 * beyond what llhttp does, passes bodies on, writes responses; one request at a
 * time, what a client sends ahead waits. Only this source knows llhttp.
 */
#ifndef DM_NET_HTTP_HTTP1_H
#define DM_NET_HTTP_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/verdict.h"

struct http1;
struct http_conn;
struct http_request;

struct http1 *http1_new(struct http_conn *);
void http1_free(struct http1 *); /* NULL is fine */

enum http1_result {
	HTTP1_GO,
	HTTP1_PREFACE, /* the client speaks HTTP/2 */
};

/* Goes on until it would block, or for a number of steps: *has_more then. */
enum http1_result http1_run(struct http1 *, bool *has_more);

/* Bytes that were read and not used yet. */
const void *http1_buffered(const struct http1 *, size_t *len);

void http1_tick(struct http1 *, uint64_t now_s);
bool http1_is_idle(const struct http1 *);
bool http1_has_request(const struct http1 *);

/*
 * Parses a whole head, to the empty line, into a request that borrows from it.
 * OK, MALFORMED or HEAD_TOO_LARGE. Pure.
 */
enum verdict http1_parse(
    const char *head, size_t len, struct http_request *, bool *keep_alive);

#endif
