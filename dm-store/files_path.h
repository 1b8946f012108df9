/* SPDX-License-Identifier: ISC */
/*
 * What files.c and files_dirs.c share: names on disk, parents, obstacles. For
 * these two only.
 */
#ifndef DMSTORE_FILES_PATH_H
#define DMSTORE_FILES_PATH_H

#include "dm-store/files.h"

#define FILES_HEX_SIZE 65

/* fsync(2) or the end of the process. */
void files_must_sync(struct files *, int fd, const char *what);

/* The last component. */
const char *files_base(const char *name);

/* The directory of files/NAME, opened; ENOENT if it is not there. */
int files_parent(struct files *, const char *name);

/* Whatever is at name in dir_fd goes to quarantine/, or away if it is an
 * empty directory. -1 with errno; fine if there is nothing. */
int files_evict(struct files *, int dir_fd, const char *name);

#endif
