/* SPDX-License-Identifier: ISC */
/*
 * Reconciliation, the side that answers.
 */
#ifndef DMNET_SYNC_WALK_REPLY_H
#define DMNET_SYNC_WALK_REPLY_H

#include "dm-net/sync/core.h"

void walk_reply_compare(
    struct sync *, struct session *, const struct wire_compare *);
void walk_reply_rows(struct sync *, struct session *, const struct wire_rows *);
size_t walk_reply_pull(
    struct sync *, struct session *, uint8_t *buf, size_t size);

#endif
