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
 * Finds the network of this URL. 0; or an exit code after a message if the file
 * cannot be read or understood, or if others may have written it. *found is
 * false if the URL is unknown, also if there is no file.
 */
int known_file_find(const struct url *, struct network *, bool *found);

/* Stores the network of this URL if it is new. A failure is a warning. Without
 * a home directory nothing is stored, in silence. */
void known_file_remember(const struct url *, const struct network *);

#endif
