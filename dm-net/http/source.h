/* SPDX-License-Identifier: ISC */
/*
 * Where clients come from: an IPv4 address or an IPv6 /64, with the number of
 * its connections. It lives while somebody holds it, so there are no more of
 * them than connections.
 */
#ifndef DM_NET_HTTP_SOURCE_H
#define DM_NET_HTTP_SOURCE_H

#include <sys/queue.h>

#include "dm-net/sync/netsource.h"

struct http_source {
	LIST_ENTRY(http_source) next;
	struct netsource id;
	unsigned n_conns; /* that are open; counted by who holds it */
	unsigned n_holds; /* also of those that are to be freed */
};

LIST_HEAD(http_source_list, http_source);

/* NULL if it has no connection. */
struct http_source *http_source_find(
    const struct http_source_list *, const struct netsource *);

/* The same, or a new one; http_source_release() each. */
struct http_source *http_source_hold(
    struct http_source_list *, const struct netsource *);
void http_source_release(struct http_source *);

#endif
