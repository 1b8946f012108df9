/* SPDX-License-Identifier: ISC */
/*
 * The users and the group of the processes, from dm.toml(5), looked up once at
 * the start. The result is read by directories.c, spawn.c and control.c.
 * Without root, and if root is the only user (user_map.h), everything belongs
 * to the caller.
 */
#ifndef DMD_USERS_H
#define DMD_USERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/config/config.h"

struct user {
	uid_t uid;
	gid_t gid;
};

struct users {
	bool as_root;
	struct user net;
	struct user store; /* gid: the group */
	struct user resolver;
	uid_t own_uid;
	gid_t group; /* reads files, may use the control socket */
};

/*
 * 0; or a sysexits code after one line about each user or group that is
 * missing, cannot be used, or has an id that this user namespace lacks.
 */
int users_find(const struct config *, struct users *);

#endif
