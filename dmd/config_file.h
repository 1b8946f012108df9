/* SPDX-License-Identifier: ISC */
/*
 * dm.toml as dmd reads it: with libp2p's rules for addresses and peer ids, and
 * with a warning if other users may write the file.
 */
#ifndef DMD_CONFIG_FILE_H
#define DMD_CONFIG_FILE_H

#include "common/config/config.h"

/* config_load() with libp2p's checks: 0, or -1 with the errors. */
int config_file_load(
    const char *path, struct config **out, struct config_errors *errors);

/* A user who can write the file decides which files this node accepts. If not
 * only its owner and group can, or the owner is another user: a warning with
 * the remedy, else NULL. */
#define CONFIG_FILE_DOUBT_MAX 512
const char *config_file_doubt(
    const char *path, char out[static CONFIG_FILE_DOUBT_MAX]);

/* Writes that warning to the log. */
void config_file_log_doubt(const char *path);

#endif
