/* SPDX-License-Identifier: ISC */
/* After privdrop() nothing of root is left and nothing brings it back. As
 * another user than root, what does not take root is tested. */
#include "common/sandbox/privdrop.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "common/sandbox/sandbox.h"
#include "tests/unit/common/forked.h"

#define NOBODY 65534
#define CHECK(condition)                                                     \
	do {                                                                 \
		if (!(condition)) {                                          \
			fprintf(stderr, "not true, line %d: %s\n", __LINE__, \
			    #condition);                                     \
			_exit(FORKED_BROKEN);                                \
		}                                                            \
	} while (0)

static char root_dir[] = "/tmp/privdrop.XXXXXX";

static void
caps_read(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable)
{
	struct __user_cap_header_struct head = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2];

	CHECK(syscall(SYS_capget, &head, d) == 0);
	*effective = (uint64_t)d[1].effective << 32 | d[0].effective;
	*permitted = (uint64_t)d[1].permitted << 32 | d[0].permitted;
	*inheritable = (uint64_t)d[1].inheritable << 32 | d[0].inheritable;
}

static void
check_no_caps(void)
{
	uint64_t e, p, i;

	caps_read(&e, &p, &i);
	CHECK(e == 0 && p == 0 && i == 0);
}

static void
check_common(uint32_t layers)
{
	mode_t mask = umask(0);
	int sig = 0;

	check_no_caps();
	CHECK(mask == 027);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	CHECK(prctl(PR_GET_PDEATHSIG, &sig, 0, 0, 0) == 0 && sig == SIGKILL);
	CHECK((layers & SANDBOX_CAPS) != 0);
	CHECK((layers & SANDBOX_NO_NEW_PRIVS) != 0);
}

static struct privdrop
wanted(const char *dir)
{
	struct privdrop drop = {dir, NOBODY, NOBODY, getppid()};

	return drop;
}

static long
drop_try(void *arg)
{
	struct privdrop drop = wanted(root_dir);
	uint32_t layers = 0;
	uid_t r, e, s;

	/* groups to get rid of */
	CHECK(setgroups(2, (const gid_t[]){0, 10}) == 0);
	if (privdrop(&drop, &layers) == -1)
		return -1;
	check_common(layers);
	CHECK(layers == (SANDBOX_CAPS | SANDBOX_NO_NEW_PRIVS | SANDBOX_USER |
			    SANDBOX_CHROOT));
	CHECK(getresuid(&r, &e, &s) == 0);
	CHECK(r == NOBODY && e == NOBODY && s == NOBODY);
	CHECK(getresgid(&r, &e, &s) == 0);
	CHECK(r == NOBODY && e == NOBODY && s == NOBODY);
	CHECK(getgroups(0, NULL) == 0);
	CHECK(setuid(0) == -1 && seteuid(0) == -1 && setgid(0) == -1);
	CHECK(setgroups(0, NULL) == -1);
	CHECK(chroot("/") == -1);
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != -1; cap++)
		CHECK(prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 0);
	/* inside the root directory, and there is nothing above it */
	CHECK(access("/marker", F_OK) == 0);
	CHECK(access("../../etc/passwd", F_OK) == -1);
	CHECK(access("marker", F_OK) == 0);
	return 0;
}

static void
test_root(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(forked(drop_try, NULL), 0);
}

static long
no_root_dir_try(void *arg)
{
	struct privdrop drop = wanted(NULL);
	uint32_t layers = 0;

	if (privdrop(&drop, &layers) == -1)
		return -1;
	CHECK((layers & SANDBOX_CHROOT) == 0);
	CHECK(access("/etc", F_OK) == 0);
	return 0;
}

static long
missing_root_try(void *arg)
{
	struct privdrop drop = wanted("/tmp/privdrop.does.not.exist");
	uint32_t layers = 0;

	return privdrop(&drop, &layers);
}

static long
stay_root_try(void *arg)
{
	struct privdrop drop = wanted(NULL);
	uint32_t layers = 0;

	if (*(int *)arg == 0)
		drop.uid = 0;
	else
		drop.gid = 0;
	return privdrop(&drop, &layers);
}

static void
test_root_refused(void **state)
{
	int which;

	if (geteuid() != 0)
		skip();
	assert_int_equal(forked(no_root_dir_try, NULL), 0);
	assert_int_equal(forked(missing_root_try, NULL), ENOENT);
	which = 0;
	assert_int_equal(forked(stay_root_try, &which), EINVAL);
	which = 1;
	assert_int_equal(forked(stay_root_try, &which), EINVAL);
}

/* Started by somebody else than root: the same, without user and chroot. */
static long
user_try(void *arg)
{
	struct privdrop drop = wanted(root_dir);
	uint32_t layers = 0;

	if (geteuid() == 0) {
		CHECK(setresgid(NOBODY, NOBODY, NOBODY) == 0);
		CHECK(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	}
	/* a change of user clears it, which would hide that nobody else does */
	CHECK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
	if (privdrop(&drop, &layers) == -1)
		return -1;
	check_common(layers);
	CHECK((layers & (SANDBOX_USER | SANDBOX_CHROOT)) == 0);
	return 0;
}

static void
test_user(void **state)
{
	assert_int_equal(forked(user_try, NULL), 0);
}

static void
map_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	CHECK(fd != -1);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* As `unshare -r`: root, but there is nobody else to become. 77: not here. */
static long
single_user_try(void *arg)
{
	struct privdrop drop = wanted(root_dir);
	char uid[32], gid[32];
	uint32_t layers = 0;

	snprintf(uid, sizeof(uid), "0 %u 1", geteuid());
	snprintf(gid, sizeof(gid), "0 %u 1", getegid());
	if (unshare(CLONE_NEWUSER) == -1)
		_exit(77);
	map_write("/proc/self/setgroups", "deny");
	map_write("/proc/self/uid_map", uid);
	map_write("/proc/self/gid_map", gid);
	CHECK(geteuid() == 0);
	CHECK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
	if (privdrop(&drop, &layers) == -1)
		return -1;
	check_common(layers);
	CHECK((layers & (SANDBOX_USER | SANDBOX_CHROOT)) == 0);
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != -1; cap++)
		CHECK(prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 0);
	CHECK(chroot("/") == -1);
	return 0;
}

static void
test_single_user(void **state)
{
	int result = forked(single_user_try, NULL);

	if (result == 77)
		skip();
	assert_int_equal(result, 0);
}

static long
orphan_try(void *arg)
{
	struct privdrop drop = wanted(NULL);
	uint32_t layers = 0;

	drop.parent++;
	return privdrop(&drop, &layers);
}

static void
test_orphan(void **state)
{
	assert_int_equal(forked(orphan_try, NULL), ESRCH);
}

/* --- dmd -------------------------------------------------------------- */

static const uint64_t kept = UINT64_C(1) << CAP_SETUID |
			     UINT64_C(1) << CAP_SETGID |
			     UINT64_C(1) << CAP_CHOWN;

/* Runs sh, since a capability that exec gives back is not given up. */
static void
check_after_exec(void)
{
	char line[64] = "", expected[64];
	int fds[2], status;
	pid_t pid;

	CHECK(pipe(fds) == 0);
	pid = fork();
	CHECK(pid != -1);
	if (pid == 0) {
		dup2(fds[1], 1);
		execl("/bin/grep", "grep", "-h", "CapPrm", "/proc/self/status",
		    (char *)NULL);
		_exit(1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(read(fds[0], line, sizeof(line) - 1) > 0);
	snprintf(expected, sizeof(expected), "CapPrm:\t%016llx\n",
	    (unsigned long long)kept);
	CHECK(strcmp(line, expected) == 0);
}

static long
reduce_try(void *arg)
{
	uint64_t e, p, i;
	uint32_t layers = 0;

	if (privdrop_reduce(kept, &layers) == -1)
		return -1;
	CHECK(layers == (SANDBOX_CAPS | SANDBOX_NO_NEW_PRIVS));
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	caps_read(&e, &p, &i);
	if (geteuid() != 0) {
		CHECK((e | p | i) == 0);
		return 0;
	}
	CHECK(e == kept && p == kept && i == 0);
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != -1; cap++)
		CHECK(prctl(PR_CAPBSET_READ, cap, 0, 0, 0) ==
		      (int)(kept >> cap & 1));
	CHECK(chroot("/") == -1 && errno == EPERM);
	check_after_exec();
	return setresuid(NOBODY, NOBODY, NOBODY);
}

static void
test_reduce(void **state)
{
	assert_int_equal(forked(reduce_try, NULL), 0);
}

/* A child of a reduced dmd can still give up the rest. */
static long
stacked_try(void *arg)
{
	const uint64_t dmd =
	    kept | UINT64_C(1) << CAP_SETPCAP | UINT64_C(1) << CAP_SYS_CHROOT;
	uint32_t layers = 0;

	if (privdrop_reduce(dmd, &layers) == -1)
		return -1;
	CHECK(forked(drop_try, NULL) == 0);
	return 0;
}

static void
test_stacked(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(forked(stacked_try, NULL), 0);
}

static int
setup(void **state)
{
	char path[64];
	int fd;

	if (mkdtemp(root_dir) == NULL || chmod(root_dir, 0755) == -1)
		return -1;
	snprintf(path, sizeof(path), "%s/marker", root_dir);
	fd = open(path, O_CREAT | O_WRONLY, 0644);
	if (fd == -1)
		return -1;
	return close(fd);
}

static int
teardown(void **state)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/marker", root_dir);
	unlink(path);
	return rmdir(root_dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_root),
	    cmocka_unit_test(test_root_refused),
	    cmocka_unit_test(test_user),
	    cmocka_unit_test(test_single_user),
	    cmocka_unit_test(test_orphan),
	    cmocka_unit_test(test_reduce),
	    cmocka_unit_test(test_stacked),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
