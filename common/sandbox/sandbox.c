/* SPDX-License-Identifier: ISC */
#include "common/sandbox/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "common/sandbox/landlock.h"
#include "common/sandbox/sandbox_seccomp.h"

static const char *const layer_names[SANDBOX_LAYERS] = {"seccomp",
    "landlock-fs", "landlock-net", "landlock-scope", "no-new-privs", "chroot",
    "user", "capabilities", "rlimits"};

/* Descriptors and bytes of private memory; 0: as dmd has it. */
static const struct {
	rlim_t nofile;
	rlim_t data_bytes;
} limits[ROLE_COUNT] = {
    [ROLE_DMD] = {0, 0},
    [ROLE_NET] = {SANDBOX_NET_NOFILE, SANDBOX_NET_DATA_BYTES},
    [ROLE_STORE] = {1024, 1024u << 20},
    [ROLE_RESOLVER] = {64, 64u << 20},
};

const char *
sandbox_layer_name(unsigned bit_index)
{
	return bit_index < SANDBOX_LAYERS ? layer_names[bit_index] : "unknown";
}

void
sandbox_describe(uint32_t layers, char *out, size_t out_size)
{
	size_t len = 0;
	int n;

	if (out_size == 0)
		return;
	out[0] = '\0';
	for (unsigned i = 0; i < SANDBOX_LAYERS && len < out_size; i++) {
		if ((layers & 1u << i) == 0)
			continue;
		n = snprintf(out + len, out_size - len, "%s%s",
		    len > 0 ? " " : "", layer_names[i]);
		len += n > 0 ? (size_t)n : 0;
	}
}

/* Soft and hard alike; a hard limit that is lower already stays. */
static int
limit_set(unsigned resource, rlim_t value)
{
	struct rlimit now, wanted = {value, value};

	if (getrlimit(resource, &now) == -1)
		return -1;
	if (now.rlim_max < value)
		wanted.rlim_cur = wanted.rlim_max = now.rlim_max;
	return setrlimit(resource, &wanted);
}

/*
 * NPROC counts the user's processes, so 0 forbids fork(2) and new threads
 * whatever else that user runs. DATA and not AS: maps of files (the index) are
 * large and cost nothing. A sanitizer's shadow memory is more than any limit.
 */
static int
limits_enter(enum role role, uint32_t *layers)
{
	if (limit_set(RLIMIT_CORE, 0) == -1)
		return -1;
	if (role != ROLE_DMD &&
	    (limit_set(RLIMIT_NPROC, 0) == -1 ||
		limit_set(RLIMIT_NOFILE, limits[role].nofile) == -1))
		return -1;
#ifndef DMD_SANITIZER
	if (role != ROLE_DMD &&
	    limit_set(RLIMIT_DATA, limits[role].data_bytes) == -1)
		return -1;
#endif
	*layers |= SANDBOX_RLIMITS;
	return 0;
}

int
sandbox_paths(enum role role, const int *dirs, size_t n, uint32_t *layers)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -1;
	*layers |= SANDBOX_NO_NEW_PRIVS;
	if (role == ROLE_DMD)
		return 0;
	return landlock_enter(role, dirs, n, layers);
}

int
sandbox_calls(enum role role, uint32_t *layers)
{
	if (limits_enter(role, layers) == -1)
		return -1;
	return sandbox_seccomp(role, layers);
}

int
sandbox_enter(enum role role, const int *dirs, size_t n, uint32_t *layers)
{
	if (sandbox_paths(role, dirs, n, layers) == -1)
		return -1;
	return sandbox_calls(role, layers);
}
