/* SPDX-License-Identifier: ISC */
/*
 * What dm-net gets without asking for each: the index, row by row against its
 * credit, in the order of keys; remembered peers; and the versions whose
 * content is missing, a few at a time.
 */
#ifndef DMSTORE_STREAM_H
#define DMSTORE_STREAM_H

#include "dm-store/store.h"

struct stream *stream_new(struct store *);
void stream_free(struct stream *);

/* A new link: from the start, once there is credit. */
void stream_reset(struct store *);

/* So many more messages. False: more than the window allows. */
bool stream_credit(struct store *, uint64_t messages);

/* Once a second: wants; and hints that came are written. */
void stream_tick(struct store *);

/* At the end: writes what came since. */
void stream_settle(struct store *);

/* A peer to remember. */
void stream_save_peer(struct store *, const struct ipc_save_peer *);

#endif
