/* SPDX-License-Identifier: ISC */
/*
 * Keys that wait to be sent to each peer, and the entries for them.
 */
#ifndef DMNET_SYNC_OUTGOING_H
#define DMNET_SYNC_OUTGOING_H

#include "dm-net/sync/core.h"

void outgoing_entry(struct sync *, const struct cached *);

/* Queues a key for one peer. */
void outgoing_to(
    struct sync *, struct session *, const uint8_t *key, unsigned flag);

/* The peer wants these. */
void outgoing_want(struct sync *, struct session *, const struct wire_want *);

/* One message of entries; 0: none now, or no room. */
size_t outgoing_pull(
    struct sync *, struct session *, uint8_t *buf, size_t size);
void outgoing_lost(struct sync *);
void outgoing_free(struct sync *);

#endif
