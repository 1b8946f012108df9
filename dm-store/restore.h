/* SPDX-License-Identifier: ISC */
/*
 * Content that a winner wants and old/ has: when a signer is withdrawn, or a
 * file is lost, an older version may be the winner whose content is here. Small
 * content is looked for at once (winner.c), as long as the loop can spare the
 * time; the rest is wanted, durably so, and is hashed here piece by piece, then
 * put in its place. Each start begins anew with all that is wanted. Owns how
 * far it is. It fetches nothing from peers: they may be faster.
 */
#ifndef DM_STORE_RESTORE_H
#define DM_STORE_RESTORE_H

#include "dm-store/restore_due.h"
#include "dm-store/store.h"

struct restore *restore_new(struct store *);
void restore_free(struct restore *); /* NULL is fine */

#endif
