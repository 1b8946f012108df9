/* SPDX-License-Identifier: ISC */
/*
 * Who wins a name now, and what that means for files/: the one function
 * through which an upload, an expiry, a reload, a lost file and a recovery all
 * go. It writes the rows into the open batch and hands commit.c the change
 * that follows once the batch is durable. It judges nothing: judge.c has.
 */
#ifndef DM_STORE_WINNER_H
#define DM_STORE_WINNER_H

#include "dm-store/judge.h"
#include "dm-store/store.h"

/* Content of a version that waits as tmp/VERSION. */
struct stage {
	bool is_synced;	      /* durable there; else content is the redo */
	struct bytes content; /* all of it if it is known, else empty */
	bool is_origin;	      /* uploaded here */
};

/* What commit.c does in files/ after the batch, and then tells dm-net. */
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
	bool keep;	 /* what is there stays as old/ */
	bool quarantine; /* what is there is damaged */
	bool prune;	 /* with directories that this empties */

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
 * Stores the record of an entry that judge.c found greater than the winner,
 * and settles its name. stage: NULL without content (a tombstone, expired).
 * Returns the number of the change in the batch (commit.h).
 */
size_t winner_replace(
    struct store *, const struct entry *, const struct stage *);

/* Settles a name from its records. False if nothing changes. */
bool winner_decide(struct store *, const char *name, unsigned flags);

/* The same for a name whose file is damaged or gone. */
void winner_lost(struct store *, const char *name);

/*
 * judge_entry(), which a damaged row does not mislead: the name is settled
 * first, so that no older version slips in over it. This adds to the batch.
 */
enum verdict winner_judge(struct store *, const struct entry *,
    const uint8_t *version, enum judge_from, struct accepted *);

/*
 * Drops all records of a name with its file. Returns how many there were; the
 * batch is open if there were any.
 */
size_t winner_forget(struct store *, const char *name);

/*
 * True if the content of e is here already; tmp/VERSION is then a synced link
 * to it. Reads all of it, as far as the loop can spare the time
 * (read_budget.h): what is more than that is not found, except that what is
 * served under that name is taken as it is, for the scrub to look at.
 */
bool winner_find_content(
    struct store *, const struct entry *, const uint8_t version[static 32]);

#endif
