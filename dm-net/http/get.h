/* SPDX-License-Identifier: ISC */
/*
 * GET and HEAD of /files/{name}: a file that is held open is answered at once,
 * any other is asked for from dm-store first.
 */
#ifndef DM_NET_HTTP_GET_H
#define DM_NET_HTTP_GET_H

#include "dm-net/http/exchange.h"
#include "dm-net/http/target.h"

void http_get_begin(struct http_exchange *, const struct http_request *,
    const struct http_target *);

#endif
