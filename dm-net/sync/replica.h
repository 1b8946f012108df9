/* SPDX-License-Identifier: ISC */
/*
 * The rows of dm-store's index, as dm-store sends them.
 */
#ifndef DMNET_SYNC_REPLICA_H
#define DMNET_SYNC_REPLICA_H

#include "dm-net/sync/core.h"

void replica_rank(const struct trie_row *, struct entry_rank *);

#endif
