/* SPDX-License-Identifier: ISC */
/*
 * Whether seek.c has work: a flag that the sources set which know of it, and a
 * wake-up. It looks for nothing itself.
 */
#ifndef DMSTORE_SEEK_DUE_H
#define DMSTORE_SEEK_DUE_H

#include "dm-store/store.h"

/* Goes through all that is wanted, from the loop; once more, if it is doing
 * that already. */
void seek_soon(struct store *);

/* As long as that lasts nothing may leave old/ for want of room. */
bool seek_is_busy(const struct store *);

/* For seek.c: it has gone through all that is wanted. */
void seek_passed(struct store *);

#endif
