/* SPDX-License-Identifier: ISC */
/*
 * GET /files, and the walk over the store's list that it shares with
 * /metrics: one page is asked for when the client has taken the one before.
 */
#ifndef DM_NET_HTTP_LIST_H
#define DM_NET_HTTP_LIST_H

#include "dm-net/http/exchange.h"
#include "dm-net/http/target.h"

/* Bytes of a row at most: a name, and what is of fixed length. */
#define HTTP_LIST_ROW_MAX (NAME_LEN_MAX + 512)

/*
 * Begins a walk whose row, end, type and prefix are set. With a client that
 * takes the text now, it is answered with the first page, or what went wrong;
 * with another at once, and a walk that fails cuts the text.
 */
void http_walk_begin(struct http_exchange *);

/* Asks for the next page of it. */
void http_walk_pull(struct http_exchange *);

void http_list_begin(struct http_exchange *, const struct http_request *,
    const struct http_target *);

/* Appends one version as JSON. */
void http_list_entry(struct http_text *, const struct entry *);

#endif
