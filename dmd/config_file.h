/* SPDX-License-Identifier: ISC */
/*
 * dm.toml as dmd reads it: with libp2p's rules for addresses and peer ids, and
 * with a warning if somebody else may write the file.
 */
#ifndef DMD_CONFIG_FILE_H
#define DMD_CONFIG_FILE_H

#include "common/config/config.h"

/* config_load() with libp2p's checks: 0, or -1 with the errors. */
int config_file_load(
    const char *path, struct config **out, struct config_errors *errors);

/* Who can write the file decides what this node accepts: if that is not its
 * owner and group alone, a warning that says what to do, else NULL. */
#define CONFIG_FILE_DOUBT_MAX 512
const char *config_file_doubt(
    const char *path, char out[static CONFIG_FILE_DOUBT_MAX]);

/* The same into the log. */
void config_file_log_doubt(const char *path);

#endif
