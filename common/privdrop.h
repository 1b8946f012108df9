/* SPDX-License-Identifier: ISC */
/*
 * Giving up root: chroot, groups, user, capabilities, no_new_privs,
 * PDEATHSIG, DUMPABLE. Used by every child at its start, before sandbox.h.
 */
#ifndef COMMON_PRIVDROP_H
#define COMMON_PRIVDROP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct privdrop {
	const char *root_dir;	/* chroot there, NULL: none */
	uid_t uid;
	gid_t gid;
	pid_t parent;		/* checked again after PDEATHSIG */
};

/*
 * As root: chroot, setgroups, setres*id, capability sets and bounding set
 * emptied. Always: no_new_privs, PDEATHSIG, DUMPABLE 0, umask 027. Sets bits
 * of sandbox.h in *layers. -1 with errno: the process must end.
 */
int privdrop(const struct privdrop *, uint32_t *layers);

#endif
