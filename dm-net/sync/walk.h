/* SPDX-License-Identifier: ISC */
/*
 * Reconciliation, the side that asks.
 */
#ifndef DMNET_SYNC_WALK_H
#define DMNET_SYNC_WALK_H

#include "dm-net/sync/core.h"

void walk_soon(struct sync *, struct session *, uint64_t in_ns);
void walk_all_soon(struct sync *);
void walk_hello(struct sync *, struct session *);
void walk_tick(struct sync *, struct session *);
size_t walk_pull(struct sync *, struct session *, uint8_t *buf, size_t size);
void walk_compare(struct sync *, struct session *, const struct wire_compare *);
void walk_rows(struct sync *, struct session *, const struct wire_rows *);
void walk_busy(struct sync *, struct session *);
void walk_drop(struct session *);

/* Something changed here: after an interval at the latest peers compare. */
void walk_after_change(struct sync *);

/* The peer said what it holds in all: the root's sum. */
void walk_root_seen(struct sync *, struct session *, const struct trie_sum *);

/* Writes our rows below a prefix; `last` (or NULL) is the last one written. */
size_t walk_write_rows(struct sync *, struct wire_rows *, uint8_t *last,
    uint8_t *buf, size_t size);

#endif
