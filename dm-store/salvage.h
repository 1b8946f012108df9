/* SPDX-License-Identifier: ISC */
/*
 * A damaged index, record by record: its whole rows make a new one, so that the
 * greatest record of each name and signer survives, those of deletions too, and
 * nothing that was deleted comes back. It runs before anything else is done
 * with the index.
 *
 * Rows that the last commit refers to are taken as they are. Records that are
 * found beside them (page_rest.h) may be older states: of each name and signer
 * the greatest is taken, and only with a good signature, since content that
 * somebody has uploaded may look like a row. All rows that can be derived are
 * derived anew.
 *
 * It is built in index/new/, and put in the place of the damaged one when it is
 * complete and durable. A salvage that is ended at any point is begun again, or
 * brought to its end, by the next start.
 */
#ifndef DMSTORE_SALVAGE_H
#define DMSTORE_SALVAGE_H

#include "dm-store/store.h"

struct salvage {
	uint64_t n_records; /* that are in the new index */
	uint64_t n_rest;    /* of these, on pages that no table led to */
	uint64_t n_lost; /* names whose record is lost: only its rank is kept */
};

/*
 * index/ is at path. The damaged index goes to quarantine/index-now_s. -1 with
 * errno: it is where it was.
 */
int salvage_index(
    struct store *, const char *path, uint64_t now_s, struct salvage *);

/* Before the index is looked for: puts the new one in its place if the last run
 * was ended after the damaged one had left it. -1 with errno. */
int salvage_finish(struct files *);

#endif
