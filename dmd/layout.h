/* SPDX-License-Identifier: ISC */
/*
 * The files of state_dir with their owners and modes. One table for making them
 * (directories.c), checking them (faults.c) and repairing them (repair.c).
 * Names of owners are for messages. Nothing here changes anything.
 */
#ifndef DMD_LAYOUT_H
#define DMD_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "dmd/users.h"

/* The owner and mode that a file or directory has to have. */
struct owned {
	uid_t uid;
	gid_t gid;
	bool is_group_fixed; /* else any group will do */
	bool is_dir;
	mode_t mode;  /* the mode it is given */
	mode_t must;  /* bits that it needs */
	mode_t never; /* bits that are refused */
};

#define LAYOUT_BELOW 5
struct layout_dir {
	const char *name; /* below state_dir */
	mode_t mode;
	mode_t file_mode; /* of the files in it */
	bool is_group;	  /* the group may read it */
	bool is_top; /* directories below it need not be near each other on the
			disk */
};
/* A directory comes before those in it. */
extern const struct layout_dir layout_below[LAYOUT_BELOW];

/* state_dir itself, a directory below it, the content of that, dmd's own files
 * in state_dir (the lock, the identity key). */
struct owned layout_state(const struct users *);
struct owned layout_dir(const struct users *, const struct layout_dir *);
struct owned layout_inside(
    const struct users *, const struct layout_dir *, bool is_dir);
struct owned layout_own_file(const struct users *);

/* The control socket's directory, and dm-net's empty root in it. */
struct owned layout_run(const struct users *);
struct owned layout_empty(const struct users *);

/* OWNED_* bits, 0 if all is well. */
#define OWNED_KIND 1u  /* not a directory, or not a file */
#define OWNED_OWNER 2u /* the user or the group */
#define OWNED_MODE 4u
unsigned owned_check(const struct owned *, const struct stat *);

/* "user:group", or "user" if any group will do; numbers for those without a
 * name. Returns text. */
#define OWNED_TEXT_MAX 80
const char *owned_text(const struct owned *, char text[static OWNED_TEXT_MAX]);
const char *owned_text_of(
    const struct stat *, char text[static OWNED_TEXT_MAX]);

/* Logs the fault of one file or directory, with the command that corrects it.
 */
void owned_say(const char *path, const struct owned *, const struct stat *);

/* An empty directory of our own counts as new: the administrator made it for
 * us. Not /tmp. fd may be of O_PATH. */
bool owned_is_adoptable(int fd, const struct stat *);
bool owned_is_empty(int fd);

#endif
