/* SPDX-License-Identifier: ISC */
/*
 * The file of known_networks.h: $XDG_STATE_HOME/dmd/networks, or that below
 * ~/.local/state. It is written anew by rename, mode 0600. If two commands
 * write at once one row may be lost: then the user is asked for it again.
 */
#ifndef DMCTL_KNOWN_FILE_H
#define DMCTL_KNOWN_FILE_H

#include <stdbool.h>

#include "dmctl/known_networks.h"

/*
 * What is known of this URL. An exit code after a message if the file cannot be
 * read, is not understood, or could have been written by others. *found is
 * false where nothing is known; no file is fine.
 */
int known_file_find(const struct url *, struct network *, bool *found);

/* Writes it down if it is news. What stands in the way is a warning; without a
 * home there is no place, and nothing is said. */
void known_file_remember(const struct url *, const struct network *);

#endif
