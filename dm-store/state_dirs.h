/* SPDX-License-Identifier: ISC */
/*
 * The directories below state_dir: opened before the sandbox is closed, swept
 * at a start, listed. It never opens a file that holds content.
 */
#ifndef DM_STORE_STATE_DIRS_H
#define DM_STORE_STATE_DIRS_H

#include <stdbool.h>
#include <stdint.h>

#include "dm-store/files.h"

/* The directories that must be held before the change of user. */
#define FILES_DIRS 3

/*
 * Opens files/, index/ and quarantine/ in state_dir, for path look-up only:
 * root without its capabilities may not read them. may_make: makes what is
 * missing (not as root: dmd does it then). dirs are FILES_DIRS descriptors,
 * for the sandbox.
 */
int state_dirs_hold(const char *state_dir, bool may_make, int dirs[FILES_DIRS]);

/* Opens them for use, with old/ and tmp/, and closes dirs. */
int state_dirs_open(struct files *, int dirs[FILES_DIRS]);
void state_dirs_close(struct files *);

/* The names in old/, one by one; NULL if it cannot be read. */
struct state_dirs_list;
struct state_dirs_list *state_dirs_list_old(struct files *);
void state_dirs_list_close(struct state_dirs_list *); /* NULL is fine */
/* The next; false after the last. A file of another name is removed and left
 * out. */
bool state_dirs_list_next(struct state_dirs_list *, uint8_t sha256[static 32]);

/* Removes all that is in tmp/ but the versions for which keep is true; tmp/ may
 * be another directory then. In old/: all, a new index knows nothing of it. */
typedef bool state_dirs_keep_fn(void *ctx, const uint8_t version[static 32]);
int state_dirs_sweep(struct files *, state_dirs_keep_fn *keep, void *ctx);
int state_dirs_sweep_old(struct files *);

/* True if there is anything at all in files/ or old/. */
bool state_dirs_has_any(struct files *);

/* True if nothing can be written there at all. */
bool state_dirs_is_read_only(struct files *);

#endif
