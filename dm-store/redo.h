/* SPDX-License-Identifier: ISC */
/*
 * The redo rows of files that are placed and not synced yet, and their age.
 * After at most a second, 16 MiB or 4096 rows the files are synced, and the
 * rows deleted with the next batch.
 */
#ifndef DMSTORE_REDO_H
#define DMSTORE_REDO_H

#include "dm-store/winner.h"

struct redo_list;

struct redo_list *redo_new(void);
void redo_free(struct redo_list *);

/* A change is in place; its row may go after a sync. */
void redo_add(struct store *, const struct change *);

bool redo_has_any(const struct store *);
bool redo_is_due(const struct store *); /* too much to wait longer */

/* Syncs, and deletes the rows in a batch, which it opens; the caller schedules
 * it. There must be some. */
void redo_clean(struct store *);

#endif
