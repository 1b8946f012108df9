/* SPDX-License-Identifier: ISC */
/*
 * What was refused here lately, and what lost to another signer's version
 * close in time: a log of the last REJECTS_MAX, bounded, that a restart
 * survives. The same again is counted, not repeated; who sends much cannot
 * push out all the others' at once. Called by put.c, ask.c and settle.c, which
 * add, and by control_show.c.
 */
#ifndef DMSTORE_REJECTS_H
#define DMSTORE_REJECTS_H

#include "dm-store/store.h"

#define REJECTS_MAX 512
#define REJECTS_PER_SECOND 8 /* new ones, after a first */
#define REJECTS_BURST 64

struct rejects *rejects_new(struct store *); /* those of the last run */
void rejects_free(struct rejects *);

/* from: a peer's id, an address, "dmctl" or "". */
void rejects_refused(
    struct store *, const struct entry *, enum verdict, struct bytes from);
void rejects_conflict(
    struct store *, const struct entry *loser, const struct entry *winner);

/* Once a second: writes what is new, every ten. */
void rejects_tick(struct store *);
/* The same now, into the open batch; before the end. */
void rejects_settle(struct store *);

/* The i-th, the oldest first; NULL behind the last. */
const struct reject *rejects_at(const struct store *, size_t i);

/* Those that were too many to keep, since the start. */
uint64_t rejects_dropped(const struct store *);

/* Its stable code. */
const char *reject_code(const struct reject *);

#endif
