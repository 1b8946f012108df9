/* SPDX-License-Identifier: ISC */
/*
 * Large contents reach the disk beside the loop: one thread writes them out
 * while they come and syncs them at their end, so that nobody waits for
 * another's gigabyte. The thread (worker.h) works on descriptors of its own. It
 * reports each end to its caller and decides nothing. A failed sync is fatal(),
 * as everywhere, except for lack of room.
 */
#ifndef DMSTORE_SYNCER_H
#define DMSTORE_SYNCER_H

#include "dm-store/store.h"

#define SYNCER_JOBS_MAX 256		/* asked and not taken */
#define SYNCER_STEP ((uint64_t)8 << 20) /* written out at a time */

/* Hears of an end. error: 0, or errno of the sync. number: as it was asked. */
typedef void syncer_done_fn(struct store *, uint64_t number, int error);

/* Starts the thread, so before seccomp. Without one (store.syncer is NULL) all
 * is done at once. */
struct worker *syncer_new(void);
/* Waits for the sync that is under way; the others are dropped. NULL is fine.
 */
void syncer_free(struct worker *);

/* The loop of s hears of ends from now on. */
void syncer_listen(struct store *);

/*
 * tell(number) follows when what has been written to fd is on the disk, or has
 * no room there, or, without a thread, before this returns. fd may be closed
 * meanwhile. False when SYNCER_JOBS_MAX are under way or descriptors
 * are used up: nothing will come.
 */
bool syncer_ask(struct store *, int fd, uint64_t number, syncer_done_fn *tell);

/* Begins to write out what fd has so far; no end is heard of. A hint. */
void syncer_begin(struct store *, int fd);

#endif
