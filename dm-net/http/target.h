/* SPDX-License-Identifier: ISC */
/*
 * The target of a request: which route, which file, which parameters. Pure;
 * the one place that decodes percent signs. Nothing is normalised: "a//b" and
 * "a/../b" are not names.
 */
#ifndef DM_NET_HTTP_TARGET_H
#define DM_NET_HTTP_TARGET_H

#include <stdbool.h>

#include "common/codec.h"
#include "common/limits.h"
#include "common/verdict.h"

enum http_route {
	ROUTE_NONE, /* nothing is there */
	ROUTE_FILE, /* /files/{name} */
	ROUTE_FILES,
	ROUTE_PEERS,
	ROUTE_EVENTS,
	ROUTE_HEALTHZ,
	ROUTE_METRICS,
};

struct http_target {
	enum http_route route;
	struct bytes authority;	       /* of an absolute target; borrowed */
	char name[NAME_LEN_MAX + 1];   /* ROUTE_FILE: valid */
	char prefix[NAME_LEN_MAX + 1]; /* ROUTE_FILES: "" for all */
};

/* OK, MALFORMED, or BAD_NAME. */
enum verdict http_target_parse(struct http_target *, struct bytes target);

/*
 * The host of "host[:port]" without the port, and an IPv6 address without its
 * brackets. False if malformed.
 */
bool http_host_parse(struct bytes authority, struct bytes *host);

#endif
