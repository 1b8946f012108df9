/* SPDX-License-Identifier: ISC */
/*
 * The directories that dmd needs, made before its children start: state_dir and
 * the directories below it, the control socket's directory and dm-net's empty
 * root in it. It makes missing directories, and refuses those with another
 * owner or with rights for others; it repairs nothing (repair.c does).
 */
#ifndef DMD_DIRECTORIES_H
#define DMD_DIRECTORIES_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/config/config.h"
#include "dmd/users.h"

#define DIRECTORIES_BELOW 3

struct directories {
	int lock_fd;	 /* held as long as dmd lives */
	char *run_dir;	 /* of the control socket */
	char *empty_dir; /* dm-net's root */
	char *lock_path; /* of lock_fd */
	struct {
		bool is_known;
		dev_t dev;
		ino_t ino;
	} below[DIRECTORIES_BELOW]; /* the directories that dm-store holds open
				     */
};

/* 0, or a sysexits code after one line with the fault and its remedy. 75:
 * another dmd runs on this state_dir. */
int directories_prepare(
    const struct config *, const struct users *, struct directories *);
void directories_clear(struct directories *);

/* The first directory that is no longer the one that was prepared, or that
 * dm-store opened: "" for state_dir, else "/" and a name below it. NULL: none.
 */
const char *directories_missing(struct directories *);

/* dm-store starts, and opens the directories that are there now. */
void directories_open_again(struct directories *);

/* Locks state_dir, which no two dmd may use. 0 and *lock_fd, or a code after a
 * line. */
int directories_lock(int state_fd, const char *state_dir, int *lock_fd);

/* dirname(3) without its surprises: a new string. path is absolute. */
char *directories_dirname(const char *path);

#endif
