/* SPDX-License-Identifier: ISC */
/*
 * Feeds dm-net with the index, row by row against its credit, in the order of
 * keys; with the remembered peers; and with the versions whose content is
 * missing, a few at a time.
 */
#ifndef DM_STORE_INDEX_FEED_H
#define DM_STORE_INDEX_FEED_H

#include "dm-store/store.h"

struct index_feed *index_feed_new(struct store *);
void index_feed_free(struct index_feed *);

/* A new link: from the start, once there is credit. */
void index_feed_reset(struct store *);

/* So many more messages. False: more than the window allows. */
bool index_feed_credit(struct store *, uint64_t messages);

/* Once a second: wants; and hints that came are written. */
void index_feed_tick(struct store *);

/* At the end: writes what came since. */
void index_feed_settle(struct store *);

/* A peer to remember. */
void index_feed_save_peer(struct store *, const struct ipc_save_peer *);

#endif
