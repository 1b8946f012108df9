/* SPDX-License-Identifier: ISC */
/*
 * A new configuration takes effect: names and signers that are gone lose
 * their files, then those that are new get theirs. Nothing is done if the
 * names, signers and network are those that the index was last settled for.
 */
#ifndef DMSTORE_RELOAD_H
#define DMSTORE_RELOAD_H

#include "dm-store/store.h"

/* Takes policy. If the disk is full it goes on at the next reload_tick(). */
void reload_apply(struct store *, struct policy *);

/* A row of the index is damaged: all names are settled again soon. */
void reload_repair(struct store *);

/* Once a second. */
void reload_tick(struct store *);

#endif
