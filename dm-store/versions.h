/* SPDX-License-Identifier: ISC */
/*
 * The versions of each name that were replaced: the last history_versions of
 * them, with the version and time of their replacement. Their content is in
 * old/, as long as history.c keeps it.
 */
#ifndef DMSTORE_VERSIONS_H
#define DMSTORE_VERSIONS_H

#include "dm-store/store.h"

#define VERSIONS_MAX 1000 /* of one name */

/* prev, the winner until now, was replaced by now: into the open batch. */
void versions_add(
    struct store *, const struct entry *prev, const struct entry *now);

/* All of a name's go, into the open batch. */
void versions_forget(struct store *, const char *name);

/*
 * The number-th version before the current one, 1 being the last. False if it
 * is not kept any more.
 */
bool versions_at(
    struct store *, const char *name, uint64_t number, struct replaced *);

/* Calls fn for each that is kept, the latest first; it must not use the
 * index. */
typedef void versions_fn(void *ctx, uint64_t number, const struct replaced *);
void versions_each(struct store *, const char *name, versions_fn *, void *ctx);

#endif
