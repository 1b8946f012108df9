/* SPDX-License-Identifier: ISC */
/*
 * The winner of a name, and its file. An upload, an expiry, a reload, a lost
 * file and a recovery all come through this module. It writes the rows into
 * the open batch and hands commit.c the change that follows once the batch is
 * durable. It judges nothing: judge.c does.
 *
 * Which record wins:
 * - The index has at most one record for each name and signer: the greatest
 *   that won here. A smaller one never replaces it.
 * - The winner is the record of the greatest rank among those that the
 *   configuration admits (policy_admits()). A rank is signed_at, then kind (a
 *   deletion is greater than a file), then the hash of the version, so every
 *   node that has the same records chooses the same winner.
 * - A winner that expired or is a deletion stays the winner, without content:
 *   nothing older comes back.
 * - A winner whose record is damaged stays as a bare rank (WINNER_LOST) until
 *   the record comes again or a greater one does: nothing older takes its
 *   place.
 *
 * The states of a winner (enum winner_state, row.h) follow from that and from
 * the content: DELETED, HIDDEN (expired), SHOWN (its content is files/NAME, or
 * a redo row will put it there), WANTED (the content is not on this node) or
 * LOST. Only SHOWN is served.
 */
#ifndef DM_STORE_WINNER_H
#define DM_STORE_WINNER_H

#include "dm-store/judge.h"
#include "dm-store/store.h"

/* Content of a version, which waits as index/tmp/VERSION. */
struct stage {
	bool is_synced;	      /* durable there; else in the redo row */
	struct bytes content; /* all of it if it is known, else empty */
	bool is_origin;	      /* uploaded to this node */
};

/* The change that commit.c makes in files/ after the batch, then announces. */
struct change {
	char name[NAME_LEN_MAX + 1];
	uint8_t key[16];
	bool had; /* a winner before */
	struct winner prev;
	bool had_entry;
	struct entry prev_entry;
	bool has; /* a winner now */
	struct winner now;
	struct entry entry; /* of now, unless it is WINNER_LOST */

	bool place;	 /* tmp/VERSION becomes files/NAME */
	bool remove;	 /* files/NAME goes */
	bool keep;	 /* the replaced file moves to old/ */
	bool quarantine; /* the present file is damaged: to quarantine/ */
	bool prune;	 /* remove directories that become empty, too */

	enum index_table row; /* INDEX_REDO or INDEX_PENDING */
	uint64_t seq;	      /* of that row; 0: none */
	size_t row_size;
	bool is_origin;
	size_t inline_len; /* content that rides with the ENTRY */
	uint8_t inline_content[IPC_INLINE_MAX];
};

enum {
	DECIDE_LOST = 1 << 0,	/* files/NAME is damaged or gone */
	DECIDE_PRUNE = 1 << 1,	/* the name may be gone for good */
	DECIDE_FORGET = 1 << 2, /* its content is not kept */
};

/*
 * Stores the record of an entry that judge.c found greater than the winner:
 * the entry is the winner now. stage: NULL without content (a deletion, or
 * expired). Returns the number of the change in the batch (commit.h).
 */
size_t winner_replace(
    struct store *, const struct entry *, const struct stage *);

/* Finds the winner of a name from its records. False if nothing changes. */
bool winner_decide(struct store *, const char *name, unsigned flags);

/* The same for a name whose file is damaged or gone. */
void winner_lost(struct store *, const char *name);

/*
 * judge_entry() for a name whose winner row may be damaged: the winner is
 * found again first, so that no older version replaces it. That adds to the
 * batch.
 */
enum verdict winner_judge(struct store *, const struct entry *,
    const uint8_t *version, enum judge_from, struct accepted *);

/*
 * Drops all records of a name with its file. Returns how many there were; the
 * batch is open if there were any.
 */
size_t winner_forget(struct store *, const char *name);

/*
 * True if this node has the content of e; tmp/VERSION is then a synced link to
 * it. Reads and hashes all of it, within the budget of the loop
 * (read_budget.h). Content beyond the budget is not found, with one exception:
 * the content that is served under this name is taken unread, and the scrub
 * reads it later.
 */
bool winner_find_content(
    struct store *, const struct entry *, const uint8_t version[static 32]);

#endif
