/* SPDX-License-Identifier: ISC */
/*
 * Which system calls each role may make, as data: arrays grouped by purpose, a
 * policy for each role. Read by sandbox_seccomp.c and by the tests. A library
 * that starts to use another call shows in a debug build
 * (sandbox_seccomp.c); the call is then added to the group that it serves.
 */
#ifndef COMMON_SANDBOX_SANDBOX_RULES_H
#define COMMON_SANDBOX_SANDBOX_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ipc.h"

#define SANDBOX_CONDITIONS_MAX 3
#define SANDBOX_GROUPS_MAX 16

/*
 * One system call by name, for arguments that meet all conditions:
 * (argument & mask) == value. A condition with mask 0 is none.
 */
struct sandbox_rule {
	const char *name;
	struct {
		unsigned argument; /* from 0 */
		uint64_t mask;
		uint64_t value;
	} conditions[SANDBOX_CONDITIONS_MAX];
	int error;  /* 0: allowed, else refused with this errno */
	int number; /* if libseccomp does not know the name; 0 */
};

struct sandbox_policy {
	bool is_deny_list; /* calls that are not listed: allowed, else fatal */
	/* arrays that end with a rule without a name; NULL: the end */
	const struct sandbox_rule *groups[SANDBOX_GROUPS_MAX];
};

const struct sandbox_policy *sandbox_policy(enum role);

#endif
