/* SPDX-License-Identifier: ISC */
/*
 * Group commit. What one turn of the loop decides shares one transaction of the
 * index; once that is durable the files are put in their places, then whoever
 * waits is answered and dm-net is told. Owns the batch: its changes, the
 * answers that wait for it, and redo rows whose files are not synced yet.
 */
#ifndef DMSTORE_COMMIT_H
#define DMSTORE_COMMIT_H

#include "dm-store/winner.h"
#include "dm-store/store.h"

/* The content of files/NAME, which could not be placed, is gone; the batch may
 * be added to. */
typedef void commit_lost_fn(struct store *, const char *name);

struct commit *commit_new(struct store *, commit_lost_fn *on_lost);
void commit_free(struct commit *);

/* Who gets an answer. */
enum reply_to { REPLY_NOBODY, REPLY_JUDGE, REPLY_PUT, REPLY_CONTROL };

/* A client of the control socket that may leave before its answer. */
struct waiter {
	struct control_client *client; /* NULL: it left */
};

struct reply {
	enum reply_to to;
	uint64_t id;	       /* of the judge or put */
	uint64_t link;	       /* store.link when it was asked */
	struct waiter *waiter; /* owned */
};

struct answer {
	enum verdict verdict;
	uint64_t held_signed_at_ns;
	uint64_t ticket;
	size_t change; /* what it rests on, or COMMIT_NO_CHANGE */
};
#define COMMIT_NO_CHANGE SIZE_MAX

/* The next sequence number of redo and pending. */
uint64_t commit_next_seq(struct store *);

/* Copied; returns its number within the batch. */
size_t commit_change(struct store *, const struct change *);

/*
 * Answers now, or, while a batch is open (whose outcome the answer may rest
 * on), after it. Owns what reply owns from here on.
 */
void commit_answer(struct store *, const struct reply *, const struct answer *);

/* The batch is written at the end of this turn. */
void commit_schedule(struct store *);

/* Now. -1 with errno if nothing of it happened (the disk is full). Fine
 * without a batch. */
int commit_flush(struct store *);

/* Once a second: tries what could not be placed; syncs files whose redo is
 * due. */
void commit_tick(struct store *);

/* Syncs everything placed so far and removes its redo; before the end. */
void commit_settle(struct store *);

#endif
