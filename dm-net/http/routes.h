/* SPDX-License-Identifier: ISC */
/*
 * The one interface below both versions of HTTP: a transport begins an exchange
 * with a head, hands over the body as far as put.h allows, and ends the
 * exchange when the response was sent or the client is gone. Judges what
 * concerns every request (Host, Origin, method, who may read) and passes it to
 * its route.
 */
#ifndef DM_NET_HTTP_ROUTES_H
#define DM_NET_HTTP_ROUTES_H

#include "dm-net/http/exchange.h"

/* Clears and binds an exchange; for the transport, before all else. */
void http_exchange_init(struct http_exchange *, const struct http_transport *,
    struct http_conn *, struct http_server *);

/* Gives up what it holds and asks; may be used again after init. */
void http_exchange_end(struct http_exchange *);

/* The head is complete. The bytes that request borrows are not needed after the
 * call. */
void http_route_begin(struct http_exchange *, const struct http_request *);

/* The streamed text ran empty: get more. */
void http_route_pull(struct http_exchange *);

#endif
