/* SPDX-License-Identifier: ISC */
/*
 * GET /files, and the walk over the store's list that it shares with
 * /metrics: one page is asked for when the client has taken the one before.
 */
#ifndef DM_NET_HTTP_LIST_H
#define DM_NET_HTTP_LIST_H

#include "dm-net/http/exchange.h"
#include "dm-net/http/target.h"

/* Asks for the first page of a walk whose row, end and prefix are set. */
void http_walk_begin(struct http_exchange *);

/* Asks for the next page. */
void http_walk_pull(struct http_exchange *);

void http_list_begin(struct http_exchange *, const struct http_request *,
    const struct http_target *);

/* Appends one version as JSON. */
void http_list_entry(struct http_text *, const struct entry *);

#endif
