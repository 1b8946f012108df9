/* SPDX-License-Identifier: ISC */
/*
 * The figures and peers of this node, for the routes /healthz, /metrics and
 * /peers. ctx of each function is the struct net. It changes nothing.
 */
#ifndef DM_NET_NODE_FACTS_H
#define DM_NET_NODE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/control.h"
#include "dm-net/http/http.h"

/* Of struct http_backend; the row is valid during the call. */
bool node_facts_peers(void *ctx, size_t *cursor, unsigned max,
    void (*row)(void *, const struct row_peer *), void *arg);

void node_facts_read(void *ctx, struct http_facts *);

/* address: 4 or 16 bytes in network order. */
bool node_facts_is_own_address(void *ctx, const uint8_t *address, size_t len);

/* Appends dm-net's own metrics, in the text format of Prometheus. */
void node_facts_metrics(void *ctx, struct http_text *);

#endif
