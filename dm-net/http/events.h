/* SPDX-License-Identifier: ISC */
/*
 * GET /events: server-sent events, one for each change of a winner. Owns the
 * subscribers and the last events, for those who come back with the id of the
 * last one they saw. Where the chain is broken (another run, too long ago, the
 * store was away, something was withdrawn) a reset event says: list again.
 */
#ifndef DM_NET_HTTP_EVENTS_H
#define DM_NET_HTTP_EVENTS_H

#include <stdint.h>

#include "common/entry.h"

struct http_events;
struct http_exchange;
struct http_request;
struct http_server;
struct http_target;

struct http_events *http_events_new(void);
void http_events_free(struct http_events *); /* no subscriber is left */

/* A new winner. */
void http_events_entry(struct http_events *, const struct entry *);

/* Something changed that cannot be told in detail. */
void http_events_reset(struct http_events *);

/* Once a second: a sign of life now and then, so that those who are gone are
 * noticed; and a reset when the store was away. */
void http_events_tick(struct http_events *, struct http_server *);

/* Begins an answer that goes on until the client leaves. */
void http_events_begin(struct http_exchange *, const struct http_request *,
    const struct http_target *);

/* No longer a subscriber; fine if it never was. */
void http_events_leave(struct http_exchange *);

#endif
