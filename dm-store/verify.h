/* SPDX-License-Identifier: ISC */
/*
 * Signatures are checked beside the loop, in a thread (worker.h) that works on
 * copies. They are checked at once where that gains nothing: for a single
 * request, and on a machine with one processor. It reports the outcome to its
 * caller and decides nothing.
 */
#ifndef DMSTORE_VERIFY_H
#define DMSTORE_VERIFY_H

#include "dm-store/store.h"

#define VERIFY_JOBS_MAX 256 /* asked and not taken */

struct verify_job {
	/* hears of the outcome, from the loop */
	void (*on_done)(struct store *, const struct verify_job *);
	uint64_t id;			/* the caller's own */
	uint64_t link;			/* likewise */
	bool is_good;			/* the outcome */
	char from[REJECT_FROM_MAX + 1]; /* likewise */
	struct entry entry;
};

/*
 * Starts the thread, so before seccomp; fatal() if that fails. NULL where there
 * is one processor: then, as without it, all is done at once.
 */
struct worker *verifier_new(void);
/* Waits for the thread to end; what it was asked is dropped. NULL is fine. */
void verifier_free(struct worker *);

/* The loop of s hears of outcomes from now on. */
void verify_listen(struct store *);

/*
 * Asks: copied. The outcome comes later, or, without a thread, before this
 * returns; likewise with is_alone (nobody else waits for the loop) while the
 * thread has nothing to do. False when VERIFY_JOBS_MAX are under way: nothing
 * will come.
 */
bool verify_ask(struct store *, const struct verify_job *, bool is_alone);

#endif
