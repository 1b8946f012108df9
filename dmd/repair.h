/* SPDX-License-Identifier: ISC */
/*
 * dmd --repair: sets the owners and modes of dmd's files in state_dir, as the
 * layout says. It runs as root, while no dmd runs there. It follows no symbolic
 * link, enters no other file system and leaves alone files that the layout does
 * not name, and files with several names (hard links): one of the names may
 * belong to another user.
 */
#ifndef DMD_REPAIR_H
#define DMD_REPAIR_H

#include "common/config/config.h"

/* 0, or a sysexits code after lines that say why: 75 another dmd runs, 77 not
 * root, or something was left as it is. */
int repair(const struct config *);

#endif
