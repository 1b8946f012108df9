/* SPDX-License-Identifier: ISC */
/*
 * Visits the files that the layout names in state_dir and, if asked to, their
 * content. It follows no symbolic link, enters no other file system, and skips
 * files that are missing, that it may not look at, or that the layout does not
 * name.
 */
#ifndef DMD_STATE_WALK_H
#define DMD_STATE_WALK_H

#include <stdbool.h>
#include <sys/stat.h>

#include "common/config/config.h"
#include "dmd/layout.h"

struct state_entry {
	int dir_fd; /* name lies in it; "." is itself */
	const char *name;
	const char *path; /* for messages */
	struct stat st;
	struct owned want;
	const struct layout_dir *tree; /* the directory whose content it is;
					  NULL: the layout names it */
};

typedef void state_visit(void *ctx, const struct state_entry *);

/* state_fd is state_dir. The content of a directory comes before the directory.
 */
void state_walk(int state_fd, const struct config *, const struct users *,
    bool is_deep, state_visit *, void *ctx);

/* The identity key lies in state_dir itself, so it is dmd's own; its name. Else
 * NULL. */
const char *state_key_name(const struct config *);

#endif
