/* SPDX-License-Identifier: ISC */
/*
 * Names on disk, parents, syncs that must succeed, obstacles: for files.c and
 * files_dirs.c only.
 */
#ifndef DMSTORE_FILES_PATH_H
#define DMSTORE_FILES_PATH_H

#include "common/limits.h"
#include "dm-store/files.h"

#define FILES_HEX_SIZE 65

/* fsync(2) or the end of the process. */
void files_must_sync(struct files *, int fd, const char *what);

/* The last component. */
const char *files_base(const char *name);

/* The directories of a name: "a/b" of "a/b/c", "" of "c". out may be name. */
void files_dir_of(const char *name, char out[static NAME_LEN_MAX + 1]);

/* The directory of files/NAME, opened; ENOENT if it is not there. */
int files_parent(struct files *, const char *name);

/* files_dirs.c. Whatever is at name in dir_fd goes to quarantine/, or away if
 * it is an empty directory. -1 with errno; fine if there is nothing. */
int files_evict(struct files *, int dir_fd, const char *name);

#endif
