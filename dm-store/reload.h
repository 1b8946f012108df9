/* SPDX-License-Identifier: ISC */
/*
 * A new configuration takes effect: names and signers that are gone lose their
 * files, then those that are new get theirs. Nothing is done if the names,
 * signers and network are those of the last reload that was completed.
 *
 * It is worked through in slices of the loop, so that stop, pings and all
 * others are answered meanwhile. An entry that comes meanwhile is judged by the
 * new configuration: the winner of its name is found again first.
 */
#ifndef DMSTORE_RELOAD_H
#define DMSTORE_RELOAD_H

#include "dm-store/store.h"

struct reload;
struct reload *reload_new(struct store *);
void reload_free(struct reload *); /* NULL is fine */

/*
 * Takes policy. done (which may be NULL) is called when all names follow it,
 * within this call if they do already; or when the disk is full, and then it
 * goes on at the next reload_tick(). A policy that comes meanwhile takes the
 * place of this one.
 */
typedef void reload_fn(struct store *);
void reload_apply(struct store *, struct policy *, reload_fn *done);

/* Before a version of that name is judged: it follows the policy now. */
void reload_name(struct store *, const char *name);

/* A row of the index is damaged: the winners of all names are found again
 * soon. */
void reload_repair(struct store *);

/* Once a second. */
void reload_tick(struct store *);

#endif
