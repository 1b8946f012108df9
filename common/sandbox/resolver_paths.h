/* SPDX-License-Identifier: ISC */
/*
 * The files of the C library's look-ups that its configuration leads to. A rule
 * of Landlock holds for the file or directory that was there when it was made:
 * so the resolver makes its rules of these, and dmd checks that they are still
 * the same files.
 */
#ifndef COMMON_SANDBOX_RESOLVER_PATHS_H
#define COMMON_SANDBOX_RESOLVER_PATHS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define RESOLVER_PATHS 10

/* A directory that holds them, or a file that may be a symbolic link to
 * somewhere else. i below RESOLVER_PATHS. */
const char *resolver_path_name(size_t i);

/*
 * The path that may be read for it: the directory; the file that a link leads
 * to out of /etc; or, since resolv.conf is replaced at any time by those who
 * write it, the directory that this one lies in. False if there is nothing to
 * allow: the path is missing, or lies in /etc, which is another one of these
 * directories.
 */
bool resolver_path_real(size_t i, char out[static PATH_MAX]);

#endif
