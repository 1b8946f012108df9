/* SPDX-License-Identifier: ISC */
/*
 * Limits what each process may do after its start: seccomp filters (through
 * libseccomp), Landlock (by system call), rlimits, no_new_privs. Decided once
 * at the start of a process and never widened; there is no switch that turns it
 * off. A layer that the kernel lacks is reported as missing, never skipped in
 * silence.
 */
#ifndef COMMON_SANDBOX_SANDBOX_H
#define COMMON_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ipc.h"

/* Layers in force, as dmctl status shows them; also the bits of `ready`. */
#define SANDBOX_SECCOMP (1u << 0)
#define SANDBOX_LANDLOCK_FS (1u << 1)
#define SANDBOX_LANDLOCK_NET (1u << 2)	 /* TCP bind refused, ABI 4 */
#define SANDBOX_LANDLOCK_SCOPE (1u << 3) /* signals, abstract, ABI 6 */
#define SANDBOX_NO_NEW_PRIVS (1u << 4)
#define SANDBOX_CHROOT (1u << 5)
#define SANDBOX_USER (1u << 6) /* own user, not root */
#define SANDBOX_CAPS (1u << 7) /* empty or reduced */
#define SANDBOX_RLIMITS (1u << 8)
#define SANDBOX_LAYERS 9
#define SANDBOX_NET_NOFILE 65536	    /* descriptors of dm-net, at most */
#define SANDBOX_NET_DATA_BYTES (512u << 20) /* its private memory, at most */

/* "seccomp", "landlock-fs", ... */
const char *sandbox_layer_name(unsigned bit_index);

/* "seccomp landlock-fs ..." of a mask into out. */
void sandbox_describe(uint32_t layers, char *out, size_t out_size);

/*
 * The last step of a process's start: Landlock, rlimits and seccomp for its
 * role. dirs: descriptors of directories that dm-store keeps (state_dir's
 * sub-directories), n of them; 0 for the others. layers: bits set so far
 * (chroot, user...), completed here. -1 with errno when a layer that the kernel
 * has cannot be put in force: the process must end.
 *
 * ROLE_DMD: after privdrop_reduce(). A deny-list that all children inherit, no
 * core files; no Landlock, which would narrow the children too.
 */
int sandbox_enter(enum role, const int *dirs, size_t n, uint32_t *layers);

/*
 * Its two halves, for a process that makes threads between them: Landlock for
 * this thread and those it starts from here on; then rlimits (after which no
 * thread starts) and seccomp, for all threads.
 */
int sandbox_paths(enum role, const int *dirs, size_t n, uint32_t *layers);
int sandbox_calls(enum role, uint32_t *layers);

#endif
