/* SPDX-License-Identifier: ISC */
/*
 * The second half of a pass of the scrub: superseded content in old/ is read
 * and hashed like the files before it. Damaged content goes to quarantine, and
 * its row is deleted: nobody can send it again. A file without a row (a crash
 * may leave one) is removed. It works in slices.
 */
#ifndef DMSTORE_SCRUB_OLD_H
#define DMSTORE_SCRUB_OLD_H

#include "dm-store/store.h"

struct scrub_old;

struct scrub_old *scrub_old_new(void);
void scrub_old_free(struct scrub_old *);

/* From the start. */
void scrub_old_begin(struct scrub_old *);

/*
 * One step, with at most *left bytes read into buf, which are taken off *left.
 * False when all is done. Changes go into the open batch (commit_schedule()
 * included); *damaged counts.
 */
bool scrub_old_step(struct store *, struct scrub_old *, uint8_t *buf,
    size_t *left, uint64_t *damaged);

#endif
