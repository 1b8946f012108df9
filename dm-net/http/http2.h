/* SPDX-License-Identifier: ISC */
/*
 * HTTP/2 with prior knowledge on one connection (RFC 9113): each stream is an
 * exchange. Windows are given back only for what dm-store took, so a client
 * that uploads faster than the disk waits. Only this source knows nghttp2.
 */
#ifndef DM_NET_HTTP_HTTP2_H
#define DM_NET_HTTP_HTTP2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http2;
struct http_conn;

/* The library that was loaded is at least the one this was built with. */
bool http2_is_usable(void);

/* The version of nghttp2 that runs. */
const char *http2_library_version(void);

struct http2 *http2_new(struct http_conn *);
void http2_free(struct http2 *); /* NULL is fine */

/* Bytes that the client sent; ends the connection if they break the rules. */
void http2_input(struct http2 *, const void *data, size_t len);

/* Goes on until it would block, or for a number of steps: *has_more then. */
void http2_run(struct http2 *, bool *has_more);

void http2_tick(struct http2 *, uint64_t now_s);
bool http2_is_idle(const struct http2 *);
bool http2_has_request(const struct http2 *);

#endif
