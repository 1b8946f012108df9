/* SPDX-License-Identifier: ISC */
/*
 * Names set apart: changes that are durable in the index, but whose file could
 * not be put in its place in files/ (or taken away from there), at run time or
 * at a start. Such a name is not served and not announced, and its redo row
 * stays, until commit.c, which tries some of them every second, has done it or
 * a later change has taken its place. All other names are served meanwhile.
 * This is the list alone: it touches neither files nor the index.
 */
#ifndef DMSTORE_UNPLACED_H
#define DMSTORE_UNPLACED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dm-store/store.h"

struct change;

/* Within a second so many are tried again: each costs some system calls, and
 * one that succeeds a sync. */
#define UNPLACED_TRIES_MAX 256

/* The change is copied; it takes the place of one of the same name. */
void unplaced_add(struct store *, const struct change *);
/* False if the name was not there; *out, which may be NULL: what it was. */
bool unplaced_take(
    struct store *, const uint8_t key[static 16], struct change *out);
/* NULL if it is not there; borrowed until the list changes. */
const struct change *unplaced_get(
    const struct store *, const uint8_t key[static 16]);
bool unplaced_has(const struct store *, const uint8_t key[static 16]);

/* One after the other, round and round; NULL if there are none. Borrowed until
 * the list changes. */
const struct change *unplaced_next(struct store *);

void unplaced_clear(struct store *);

/* The advice for an errno of placing a file: a sentence for the log. */
const char *unplaced_remedy(int error);

#endif
