/* SPDX-License-Identifier: ISC */
/*
 * Paths below files/, their directories, and syncs that must succeed.
 */
#ifndef DMSTORE_FILES_PATH_H
#define DMSTORE_FILES_PATH_H

#include "common/limits.h"
#include "dm-store/files.h"

#define FILES_HEX_SIZE 65
#define FILES_PATH_SIZE (NAME_LEN_MAX + 8) /* "files/" and a name */

/* fsync(2) or the end of the process. */
void files_must_sync(struct files *, int fd, const char *what);

/* The last component. */
const char *files_base(const char *name);

/* The directories of a name: "a/b" of "a/b/c", "" of "c". out may be name. */
void files_dir_of(const char *name, char out[static NAME_LEN_MAX + 1]);

/* The directory of files/NAME, opened; ENOENT if it is not there. */
int files_parent(struct files *, const char *name);

#endif
