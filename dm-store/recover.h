/* SPDX-License-Identifier: ISC */
/*
 * The start: opens the index, or puts a damaged one into quarantine and makes a
 * new one of its whole rows (salvage.h); finishes the changes that the last run
 * had made durable but not visible. It runs once, before any message is read.
 *
 * An index is damaged if a page of it is, or if LMDB cannot make anything of
 * it. Nothing else condemns it, no matter how often a start was cut short. dmd
 * repeats a start that ended without a verdict, with growing pauses.
 */
#ifndef DMSTORE_RECOVER_H
#define DMSTORE_RECOVER_H

#include "dm-store/store.h"

enum recover_open {
	RECOVER_OK,
	RECOVER_FUTURE, /* a later version wrote the index: said so */
	RECOVER_FAILED, /* logged */
};

/* Opens s->index; path is index/ as this process sees it. */
enum recover_open recover_open(struct store *, const char *path);

/*
 * Redo and pending, then the sweep of tmp/. A name whose file cannot be put in
 * its place is set apart (unplaced.h) and ends no start. -1 with errno if tmp/
 * cannot be read: nothing is lost, to be tried again.
 */
int recover_run(struct store *);

#endif
