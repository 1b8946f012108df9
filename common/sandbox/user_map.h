/* SPDX-License-Identifier: ISC */
/*
 * The ids that this user namespace has, user_namespaces(7): in one that has a
 * single user, as `unshare -r` makes it, root is the only user there is, has
 * the rights of an ordinary one outside, and cannot become anybody else. Asks
 * the kernel, never the environment.
 */
#ifndef COMMON_SANDBOX_USER_MAP_H
#define COMMON_SANDBOX_USER_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USER_MAP_RANGES_MAX 340 /* the kernel's own limit */

struct user_map {
	struct user_map_range {
		uint32_t first; /* as seen in here */
		uint32_t count;
	} range[USER_MAP_RANGES_MAX];
	size_t n;
};

enum user_map_kind { USER_MAP_UIDS, USER_MAP_GIDS };

/* The text of /proc/self/uid_map or gid_map. False if it is not understood. */
bool user_map_parse(const char *text, size_t len, struct user_map *out);

/* The map of this process. False if it cannot be read: then nothing is known,
 * and the first system call that needs an id fails. */
bool user_map_read(enum user_map_kind, struct user_map *out);

bool user_map_has(const struct user_map *, uint32_t id);

/* True if this process is root and may become another user. */
bool user_map_is_root(void);

#endif
