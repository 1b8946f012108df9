/* SPDX-License-Identifier: ISC */
/*
 * Entries at hand. The replica has rows only; an entry that is not here is
 * read from dm-store.
 */
#ifndef DMNET_SYNC_CACHE_H
#define DMNET_SYNC_CACHE_H

#include "dm-net/sync/core.h"

struct cached *cache_find(struct sync *, const uint8_t *key);
void cache_put(struct sync *, const struct entry *, const uint8_t *key,
    const uint8_t *content, size_t len);
void cache_drop(struct sync *, const uint8_t *key);

#endif
