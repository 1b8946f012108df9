/* SPDX-License-Identifier: ISC */
/*
 * PUT and DELETE of /files/{name}. The head becomes an entry that dm-store
 * judges before it gives credit; only then is the client told to go on, and
 * its body passes through chunk by chunk. Nothing of it is kept here.
 */
#ifndef DM_NET_HTTP_PUT_H
#define DM_NET_HTTP_PUT_H

#include "common/verdict.h"
#include "dm-net/http/exchange.h"
#include "dm-net/http/target.h"

void http_put_begin(struct http_exchange *, const struct http_request *,
    const struct http_target *);

/* Bytes of the body that are taken now. */
size_t http_put_allowed(const struct http_exchange *);

/* At most http_put_allowed() bytes of it. */
void http_put_body(struct http_exchange *, const void *data, size_t len);

/* True if the client is too slow with a body that is being waited for. */
bool http_put_is_slow(struct http_exchange *, uint64_t now_s);

/* Gives up the upload, if there is one that has not been answered. */
void http_put_end(struct http_exchange *);

/* A PUT or DELETE that ends without the store: told to whoever keeps a log. e:
 * as far as it was understood, or NULL. */
void http_put_refused(
    const struct http_exchange *, enum verdict, const struct entry *e);

#endif
