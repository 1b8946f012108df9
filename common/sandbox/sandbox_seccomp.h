/* SPDX-License-Identifier: ISC */
/*
 * The seccomp filters, built with libseccomp from the tables of
 * sandbox_rules.h. A private part of sandbox.h.
 */
#ifndef COMMON_SANDBOX_SANDBOX_SECCOMP_H
#define COMMON_SANDBOX_SANDBOX_SECCOMP_H

#include <stdint.h>

#include "common/ipc.h"

/*
 * Puts the role's filter in force for all threads of the process. Sets
 * SANDBOX_SECCOMP if it is; 0 without it if the kernel has no seccomp. -1 with
 * errno: it should have worked. Call it once everything is set up: a call that
 * the filter of a child does not list kills the process.
 */
int sandbox_seccomp(enum role, uint32_t *layers);

/* libseccomp's version: major, minor, micro. */
void sandbox_seccomp_version(unsigned int parts[3]);

#endif
