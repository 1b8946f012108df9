/* SPDX-License-Identifier: ISC */
/*
 * Whether restore.c has work: a flag that the sources set which know of it, and
 * a wake-up. It looks for nothing itself.
 */
#ifndef DM_STORE_RESTORE_DUE_H
#define DM_STORE_RESTORE_DUE_H

#include "dm-store/store.h"

/* Goes through all that is wanted, from the loop; once more, if it is doing
 * that already. */
void restore_soon(struct store *);

/* As long as that lasts nothing may leave old/ for want of room. */
bool restore_is_busy(const struct store *);

/* For restore.c: it has gone through all that is wanted. */
void restore_passed(struct store *);

#endif
