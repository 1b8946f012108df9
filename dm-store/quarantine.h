/* SPDX-License-Identifier: ISC */
/*
 * quarantine/: files and rows that are not what dm-store wrote are moved here
 * instead of being deleted, so that people can look at them. It never reads
 * them again.
 */
#ifndef DM_STORE_QUARANTINE_H
#define DM_STORE_QUARANTINE_H

#include <stddef.h>
#include <stdint.h>

#include "dm-store/files.h"

/*
 * Moves `name` of dir_fd to quarantine/; an empty directory and a symbolic link
 * are removed instead. path: the same file below state_dir, for the log. 0,
 * also if nothing is there; -1 with errno.
 */
int quarantine_take(
    struct files *, int dir_fd, const char *name, const char *path);

/* Moves files/NAME, or old/SHA256; logs if that fails. */
void quarantine_file(struct files *, const char *name);
void quarantine_old(struct files *, const uint8_t sha256[static 32]);

/* Moves the index's database to quarantine/index-TIME/. -1 with errno. */
int quarantine_index(struct files *, uint64_t now_s);

/* Writes the bytes of a damaged row to quarantine/row-TIME-N. */
void quarantine_row(
    struct files *, const void *data, size_t len, uint64_t now_s);

#endif
