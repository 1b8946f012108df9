/* SPDX-License-Identifier: ISC */
/*
 * Group commit: all decisions of one turn of the loop share one transaction of
 * the index, the batch. Owns the batch: its changes, the answers that wait for
 * it, and the redo rows whose files are not synced yet.
 *
 * The order for every change, which makes a version durable before it is
 * visible, and visible before anybody hears of it:
 * 1. Content of more than REDO_CONTENT_MAX bytes is synced as tmp/VERSION.
 * 2. The transaction commits: record, winner, and a row of redo (with the
 *    small content) or of pending (tmp/VERSION has it). The change is decided
 *    from here on; after a crash recover.h does the rest from that row.
 * 3. The old file moves to old/ or quarantine/, and tmp/VERSION becomes
 *    files/NAME. A file that cannot be placed is set apart (unplaced.h) and
 *    tried again; its answer is an error.
 * 4. Uploads of dm-net are answered, then dm-net gets ENTRY or RETRACT, then
 *    all others are answered. So dm-net cannot miss a change that an answer
 *    speaks of.
 * 5. A row is deleted only after its file is synced: a row of pending needs no
 *    more than the directory, synced in step 3; files of redo rows are synced
 *    together, within a second (redo.h).
 * If step 2 fails, nothing of the batch has happened, and every answer that
 * rests on it is an error.
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

/* The receiver of an answer. */
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
	size_t change; /* that it rests on, or COMMIT_NO_CHANGE */
};
#define COMMIT_NO_CHANGE SIZE_MAX

/* The next sequence number for rows of redo and pending. */
uint64_t commit_next_seq(struct store *);

/* Copied; returns its number within the batch. */
size_t commit_change(struct store *, const struct change *);

/*
 * Answers now, or after the batch while one is open, since the answer may rest
 * on its outcome. Takes what reply owns.
 */
void commit_answer(struct store *, const struct reply *, const struct answer *);

/* Writes the batch at the end of this turn of the loop. */
void commit_schedule(struct store *);

/* Writes the batch now. -1 with errno if nothing of it happened (a full disk).
 * Without a batch it does nothing. */
int commit_flush(struct store *);

/* Once a second: tries again to place the files that are set apart, and syncs
 * files whose redo rows are due. */
void commit_tick(struct store *);

/* Before the process ends: syncs all placed files, deletes their redo rows. */
void commit_settle(struct store *);

#endif
