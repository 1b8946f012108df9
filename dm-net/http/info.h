/* SPDX-License-Identifier: ISC */
/* GET /peers, /healthz and /metrics: what this node knows about itself. */
#ifndef DM_NET_HTTP_INFO_H
#define DM_NET_HTTP_INFO_H

#include "dm-net/http/exchange.h"
#include "dm-net/http/target.h"

void http_peers_begin(struct http_exchange *, const struct http_request *,
    const struct http_target *);
void http_healthz_begin(struct http_exchange *, const struct http_request *,
    const struct http_target *);
void http_metrics_begin(struct http_exchange *, const struct http_request *,
    const struct http_target *);

#endif
