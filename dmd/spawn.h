/* SPDX-License-Identifier: ISC */
/*
 * Starts one child: fork, then execveat(2) of a binary that was opened when dmd
 * started, so that a package upgrade cannot mix versions. Owns those
 * descriptors and the environment that a child gets (child.h), which holds
 * nothing else.
 */
#ifndef DMD_SPAWN_H
#define DMD_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/config/config.h"
#include "common/ipc.h"
#include "dmd/directories.h"
#include "dmd/users.h"

struct spawn;

/* The log of the children: DMD_LOG in child.h. With SYSLOG their stderr is
 * /dev/null. */
enum spawn_log { SPAWN_LOG_STDERR, SPAWN_LOG_JOURNAL, SPAWN_LOG_SYSLOG };

/*
 * Opens dm-net and dm-store: beside this program's own file if dm-net lies
 * there (a build tree), else in LIBEXECDIR/dmd; and that own file for the
 * resolver. NULL: logged, *exit_code is set.
 */
struct spawn *spawn_new(const struct config *, const struct users *,
    const struct directories *, enum spawn_log, int *exit_code);
void spawn_free(struct spawn *);

/* Its end of the channel becomes descriptor 3 of the child; the caller closes
 * channel_fd. Returns the pid, -1 with errno. */
pid_t spawn_child(const struct spawn *, enum role, int channel_fd);

/* The directory of the children's binaries: own_path is the target of
 * /proc/self/exe. The result is a new string without a name at its end. */
char *spawn_directory(const char *own_path);

#endif
