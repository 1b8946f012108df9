/* SPDX-License-Identifier: ISC */
/*
 * The log of refusals: the versions that this node refused lately, and those
 * that lost to another signer's version close in time. It has at most
 * REJECTS_MAX rows and survives a restart. The same refusal again is counted,
 * not repeated; a source that sends many cannot push out all rows of the others
 * at once. Refusals of dm-net itself have a place of their own, one row for
 * each source, reason and configured name: no known key has signed any of it.
 */
#ifndef DMSTORE_REJECTS_H
#define DMSTORE_REJECTS_H

#include "dm-store/store.h"

#define REJECTS_MAX 512
#define REJECTS_SOURCE_MAX 128	 /* of one source, then its oldest go */
#define REJECTS_NET_MAX 128	 /* of dm-net */
#define REJECTS_NET_SOURCE_MAX 8 /* of these, of one source */
#define REJECTS_PER_SECOND 8	 /* new ones, after a first */
#define REJECTS_BURST 64
#define REJECTS_SPARED 16 /* of the burst, for conflicts alone */

struct rejects *rejects_new(struct store *); /* those of the last run */
void rejects_free(struct rejects *);

/* from: a peer's id, an address, "dmctl" or "". */
void rejects_refused(
    struct store *, const struct entry *, enum verdict, struct bytes from);
void rejects_conflict(
    struct store *, const struct entry *loser, const struct entry *winner);

/* dm-net's. False if it is not what dm-net may say. */
bool rejects_relayed(struct store *, const struct ipc_refused *);

/* Once a second: writes what is new, every ten. */
void rejects_tick(struct store *);
/* The same now, into the open batch; before the end. */
void rejects_settle(struct store *);

/* The i-th, the oldest first, those of dm-net after them; NULL after the
 * last. */
const struct reject *rejects_at(const struct store *, size_t i);

/* Those that were too many to keep, since the start. */
uint64_t rejects_dropped(const struct store *);

/* Its stable code. */
const char *reject_code(const struct reject *);

#endif
