/* SPDX-License-Identifier: ISC */
/*
 * Giving up root: chroot, groups, user, capabilities, no_new_privs, PDEATHSIG,
 * DUMPABLE. privdrop() is every child's, at its start, before sandbox.h;
 * privdrop_reduce() is dmd's, which stays root with less. Neither can be
 * undone; both try to get the rights back, to make sure that they are gone.
 */
#ifndef COMMON_SANDBOX_PRIVDROP_H
#define COMMON_SANDBOX_PRIVDROP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct privdrop {
	const char *root_dir; /* chroot there, NULL: none */
	uid_t uid;
	gid_t gid;
	pid_t parent; /* checked again after PDEATHSIG */
};

/*
 * As root that may become another user (user_map.h): chroot, setgroups,
 * setres*id, capability sets and bounding set emptied; root_dir, uid and gid
 * are read only then, and a uid or gid of 0 is EINVAL. Always: no_new_privs,
 * PDEATHSIG, DUMPABLE 0, umask 027. Sets bits of sandbox.h in *layers. -1 with
 * errno (ESRCH: the parent is gone, EPERM: root could be had again): the
 * process must end.
 */
int privdrop(const struct privdrop *, uint32_t *layers);

/*
 * Keeps only the capabilities in keep_mask (1 << CAP_x of linux/capability.h),
 * in every set, for this process and what it executes; the inheritable and
 * ambient sets are emptied. no_new_privs, DUMPABLE 0. Children started later as
 * uid 0 have the kept capabilities and no others. Sets bits in *layers. -1 with
 * errno: the process must end.
 */
int privdrop_reduce(uint64_t keep_mask, uint32_t *layers);

#endif
