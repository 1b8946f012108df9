/* SPDX-License-Identifier: ISC */
/*
 * Fetches: which content, from which session, when to change it.
 */
#ifndef DMNET_SYNC_FETCH_H
#define DMNET_SYNC_FETCH_H

#include "dm-net/sync/core.h"

/* Starts what can be started. */
void fetch_schedule(struct sync *);
void fetch_tick(struct sync *);

/* Ends all fetches of a want, telling the driver. */
void fetch_cancel(struct sync *, struct want *);

/* Ends those of a connection, or all (0); is_told: the driver knows already. */
void fetch_end_all(struct sync *, uint64_t conn, bool is_told);

#endif
