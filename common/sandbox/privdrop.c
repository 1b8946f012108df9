/* SPDX-License-Identifier: ISC */
#include "common/sandbox/privdrop.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/sandbox/sandbox.h"
#include "common/sandbox/user_map.h"

struct caps {
	uint64_t effective;
	uint64_t permitted;
	uint64_t inheritable;
};

static uint64_t
caps_join(uint32_t low, uint32_t high)
{
	return (uint64_t)high << 32 | low;
}

/* By system call: two calls are no reason to link libcap. */
static int
caps_get(struct caps *caps)
{
	struct __user_cap_header_struct head = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, data) == -1)
		return -1;
	caps->effective = caps_join(data[0].effective, data[1].effective);
	caps->permitted = caps_join(data[0].permitted, data[1].permitted);
	caps->inheritable = caps_join(data[0].inheritable, data[1].inheritable);
	return 0;
}

static int
caps_set(uint64_t mask)
{
	struct __user_cap_header_struct head = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
	    {.effective = (uint32_t)mask, .permitted = (uint32_t)mask},
	    {.effective = (uint32_t)(mask >> 32),
		.permitted = (uint32_t)(mask >> 32)},
	};

	return (int)syscall(SYS_capset, &head, data);
}

/* The kernel may know more capabilities than we: asks until it says EINVAL. */
static int
bounding_reduce(uint64_t keep_mask)
{
	int has;

	for (unsigned cap = 0; cap < 64; cap++) {
		has = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
		if (has == -1)
			return errno == EINVAL ? 0 : -1;
		if (has == 1 && (keep_mask >> cap & 1) == 0 &&
		    prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == -1)
			return -1;
	}
	return 0;
}

/* Kernels before 4.3 have no ambient set, hence nothing to empty. */
static int
ambient_clear(void)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1 &&
	    errno != EINVAL)
		return -1;
	return 0;
}

/* A process that may not drop from the bounding set has no capabilities that it
 * bounds. This comes before the change of user, which takes CAP_SETPCAP away.
 */
static int
bounding_reduce_if_able(uint64_t keep_mask)
{
	struct caps now;

	if (caps_get(&now) == -1)
		return -1;
	if ((now.effective >> CAP_SETPCAP & 1) == 0)
		return 0;
	return bounding_reduce(keep_mask);
}

static int
caps_reduce(uint64_t keep_mask)
{
	struct caps now;

	if (ambient_clear() == -1 || caps_get(&now) == -1 ||
	    caps_set(now.permitted & keep_mask) == -1 || caps_get(&now) == -1)
		return -1;
	if (((now.effective | now.permitted) & ~keep_mask) != 0 ||
	    now.inheritable != 0) {
		errno = EPERM;
		return -1;
	}
	return 0;
}

static int
root_change(const char *root_dir, uint32_t *layers)
{
	if (root_dir == NULL)
		return 0;
	if (chroot(root_dir) == -1 || chdir("/") == -1)
		return -1;
	*layers |= SANDBOX_CHROOT;
	return 0;
}

/* All three ids are the wanted one and root cannot be had again. */
static bool
user_is_changed(uid_t uid, gid_t gid)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	return getresuid(&r, &e, &s) == 0 && r == uid && e == uid && s == uid &&
	       getresgid(&rg, &eg, &sg) == 0 && rg == gid && eg == gid &&
	       sg == gid && getgroups(0, NULL) == 0 &&
	       setresuid((uid_t)-1, 0, (uid_t)-1) == -1 &&
	       setresgid((gid_t)-1, 0, (gid_t)-1) == -1;
}

static int
user_change(uid_t uid, gid_t gid)
{
	if (uid == 0 || gid == 0) {
		errno = EINVAL;
		return -1;
	}
	if (setgroups(0, NULL) == -1 || setresgid(gid, gid, gid) == -1 ||
	    setresuid(uid, uid, uid) == -1)
		return -1;
	return 0;
}

/* After the change of user, which clears both. */
static int
parent_bind(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return -1;
	if (getppid() != parent) {
		/* it died before it was watched */
		errno = ESRCH;
		return -1;
	}
	return 0;
}

int
privdrop(const struct privdrop *drop, uint32_t *layers)
{
	bool as_root = user_map_is_root();

	umask(027);
	if ((as_root ? bounding_reduce(0) : bounding_reduce_if_able(0)) == -1)
		return -1;
	if (as_root) {
		if (root_change(drop->root_dir, layers) == -1 ||
		    user_change(drop->uid, drop->gid) == -1)
			return -1;
	}
	if (caps_reduce(0) == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -1;
	if (as_root) {
		if (!user_is_changed(drop->uid, drop->gid)) {
			errno = EPERM;
			return -1;
		}
		*layers |= SANDBOX_USER;
	}
	*layers |= SANDBOX_CAPS | SANDBOX_NO_NEW_PRIVS;
	return parent_bind(drop->parent);
}

int
privdrop_reduce(uint64_t keep_mask, uint32_t *layers)
{
	if (bounding_reduce_if_able(keep_mask) == -1 ||
	    caps_reduce(keep_mask) == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return -1;
	*layers |= SANDBOX_CAPS | SANDBOX_NO_NEW_PRIVS;
	return 0;
}
