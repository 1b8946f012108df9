/* SPDX-License-Identifier: ISC */
/*
 * Membership: duplicates, whom to dial, whom to shed, records of peers.
 */
#ifndef DMNET_SYNC_MEMBERS_H
#define DMNET_SYNC_MEMBERS_H

#include "dm-net/sync/core.h"

/*
 * A peer's new record came from itself: it is handed on to a few others at
 * once, or two that dial a third at the same moment would not learn of each
 * other before the next exchange.
 */
void members_news(struct sync *, const struct peer *);
void members_on_hello(
    struct sync *, struct session *, const struct wire_hello *);
void members_on_records(struct sync *, struct session *, struct wire_records *);
void members_on_bye(struct sync *, struct session *, uint64_t reason);
void members_tick(struct sync *);
void members_reload(struct sync *);

#endif
