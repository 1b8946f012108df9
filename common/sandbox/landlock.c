/* SPDX-License-Identifier: ISC */
#include "common/sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/sandbox/resolver_paths.h"
#include "common/sandbox/sandbox.h"

/* The numbers are the same on every architecture. */
#define CALL_CREATE_RULESET 444
#define CALL_ADD_RULE 445
#define CALL_RESTRICT_SELF 446

#define CREATE_RULESET_VERSION 1u

enum rule_type { RULE_PATH_BENEATH = 1, RULE_NET_PORT = 2 };

/* linux/landlock.h: rights to files, with the ABI that brought them. */
#define FS_EXECUTE (UINT64_C(1) << 0)
#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_REMOVE_DIR (UINT64_C(1) << 4)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_MAKE_CHAR (UINT64_C(1) << 6)
#define FS_MAKE_DIR (UINT64_C(1) << 7)
#define FS_MAKE_REG (UINT64_C(1) << 8)
#define FS_MAKE_SOCK (UINT64_C(1) << 9)
#define FS_MAKE_FIFO (UINT64_C(1) << 10)
#define FS_MAKE_BLOCK (UINT64_C(1) << 11)
#define FS_MAKE_SYM (UINT64_C(1) << 12)
#define FS_REFER (UINT64_C(1) << 13)	 /* 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)	 /* 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* 5 */
#define FS_ABI_1 (FS_REFER - 1)

#define NET_BIND_TCP (UINT64_C(1) << 0)	       /* 4 */
#define NET_CONNECT_TCP (UINT64_C(1) << 1)     /* 4 */
#define SCOPE_ABSTRACT_UNIX (UINT64_C(1) << 0) /* 6 */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)	       /* 6 */

#define ABI_REFER 2
#define ABI_TRUNCATE 3
#define ABI_NET 4
#define ABI_IOCTL_DEV 5
#define ABI_SCOPE 6

struct ruleset_attr {
	uint64_t handled_fs;
	uint64_t handled_net;
	uint64_t scoped;
};

struct path_attr {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

struct port_attr {
	uint64_t allowed;
	uint64_t port;
};

#define DNS_PORT 53

/* The rights that dm-store needs in its directories. */
#define STORE_RIGHTS                                                     \
	(FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_TRUNCATE |      \
	    FS_MAKE_REG | FS_MAKE_DIR | FS_REMOVE_FILE | FS_REMOVE_DIR | \
	    FS_REFER)

/* 0 if this kernel has no Landlock, or it is switched off. */
static int
landlock_abi(void)
{
	long abi = syscall(
	    CALL_CREATE_RULESET, NULL, (size_t)0, CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

static uint64_t
fs_rights_known(int abi)
{
	uint64_t rights = FS_ABI_1;

	if (abi >= ABI_REFER)
		rights |= FS_REFER;
	if (abi >= ABI_TRUNCATE)
		rights |= FS_TRUNCATE;
	if (abi >= ABI_IOCTL_DEV)
		rights |= FS_IOCTL_DEV;
	return rights;
}

static int
path_allow(int ruleset, int fd, uint64_t rights)
{
	const struct path_attr attr = {rights, fd};

	return (int)syscall(
	    CALL_ADD_RULE, ruleset, RULE_PATH_BENEATH, &attr, 0u);
}

/* A path that does not exist is fine: then there is nothing to read. */
static int
path_allow_reading(int ruleset, const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC), rc = -1;
	uint64_t rights = FS_READ_FILE;
	struct stat st;

	if (fd == -1)
		return errno == ENOENT || errno == EACCES || errno == ENOTDIR
			   ? 0
			   : -1;
	if (fstat(fd, &st) == -1)
		goto out;
	if (S_ISDIR(st.st_mode))
		rights |= FS_READ_DIR;
	rc = path_allow(ruleset, fd, rights);
out:
	close(fd);
	return rc;
}

static int
resolver_allow(int ruleset, uint64_t handled_net)
{
	const struct port_attr dns = {NET_CONNECT_TCP, DNS_PORT};
	char path[PATH_MAX];

	for (size_t i = 0; i < RESOLVER_PATHS; i++)
		if (resolver_path_real(i, path) &&
		    path_allow_reading(ruleset, path) == -1)
			return -1;
	if ((handled_net & NET_CONNECT_TCP) == 0)
		return 0;
	return (int)syscall(CALL_ADD_RULE, ruleset, RULE_NET_PORT, &dns, 0u);
}

static int
rules_add(int ruleset, enum role role, const struct ruleset_attr *attr,
    const int *dirs, size_t n)
{
	switch (role) {
	case ROLE_DMD:
	case ROLE_NET:
		return 0;
	case ROLE_STORE:
		/* no rights handled: too old a kernel to have rules */
		for (size_t i = 0; i < n && attr->handled_fs != 0; i++)
			if (path_allow(ruleset, dirs[i],
				STORE_RIGHTS & attr->handled_fs) == -1)
				return -1;
		return 0;
	case ROLE_RESOLVER:
		return resolver_allow(ruleset, attr->handled_net);
	}
	errno = EINVAL;
	return -1;
}

/*
 * Everything that the kernel can refuse is refused, except: under ABI 1 no
 * file can ever be renamed into another directory, which is how dm-store works,
 * so there it goes without; and dm-net connects to whatever port a peer has.
 */
static void
attr_choose(
    enum role role, int abi, struct ruleset_attr *attr, uint32_t *layers)
{
	memset(attr, 0, sizeof(*attr));
	if (role != ROLE_STORE || abi >= ABI_REFER) {
		attr->handled_fs = fs_rights_known(abi);
		*layers |= SANDBOX_LANDLOCK_FS;
	}
	if (abi >= ABI_NET) {
		attr->handled_net = NET_BIND_TCP;
		if (role != ROLE_NET)
			attr->handled_net |= NET_CONNECT_TCP;
		*layers |= SANDBOX_LANDLOCK_NET;
	}
	if (abi >= ABI_SCOPE) {
		attr->scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
		*layers |= SANDBOX_LANDLOCK_SCOPE;
	}
}

int
landlock_enter(enum role role, const int *dirs, size_t n, uint32_t *layers)
{
	struct ruleset_attr attr;
	uint32_t chosen = 0;
	int abi = landlock_abi(), ruleset, rc = -1;

	attr_choose(role, abi, &attr, &chosen);
	if (abi == 0 || chosen == 0)
		return 0;
	ruleset = (int)syscall(CALL_CREATE_RULESET, &attr, sizeof(attr), 0u);
	if (ruleset == -1)
		return -1;
	if (rules_add(ruleset, role, &attr, dirs, n) == -1 ||
	    syscall(CALL_RESTRICT_SELF, ruleset, 0u) == -1)
		goto out;
	*layers |= chosen;
	rc = 0;
out:
	close(ruleset);
	return rc;
}
