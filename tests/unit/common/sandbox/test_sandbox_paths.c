/* SPDX-License-Identifier: ISC */
/* Each role under its Landlock rules alone: files, ports, other processes. */
#include "common/sandbox/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <cmocka.h>

#include "tests/unit/common/forked.h"

static struct {
	char path[64]; /* of a directory with kept/ and other/ */
	int dir_fd;
	int kept_fd; /* the one that dm-store is given */
	int other_fd;
	int listen_fd; /* abstract: the name is path */
} world;

static uint32_t
confine(enum role role)
{
	uint32_t layers = 0;

	if (sandbox_paths(role, &world.kept_fd, role == ROLE_STORE ? 1 : 0,
		&layers) == -1)
		_exit(FORKED_BROKEN);
	return layers;
}

static long
layers_try(void *arg)
{
	/* an exit status has room for all layers that are set here */
	_exit((int)confine(*(enum role *)arg));
}

static uint32_t
layers_of(enum role role)
{
	return (uint32_t)forked(layers_try, &role);
}

static void
need(enum role role, uint32_t layer)
{
	if ((layers_of(role) & layer) == 0)
		skip();
}

static int
write_file(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0755);

	if (fd == -1)
		return -1;
	close(fd);
	return 0;
}

static int
setup(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	size_t len;

	strcpy(world.path, "/tmp/sandbox.XXXXXX");
	if (mkdtemp(world.path) == NULL)
		return -1;
	world.dir_fd = open(world.path, O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(world.dir_fd, "kept", 0700) == -1 ||
	    mkdirat(world.dir_fd, "kept/a", 0700) == -1 ||
	    mkdirat(world.dir_fd, "kept/b", 0700) == -1 ||
	    mkdirat(world.dir_fd, "other", 0700) == -1)
		return -1;
	world.kept_fd = openat(world.dir_fd, "kept", O_DIRECTORY | O_CLOEXEC);
	world.other_fd = openat(world.dir_fd, "other", O_DIRECTORY | O_CLOEXEC);
	if (write_file(world.kept_fd, "a/one") == -1 ||
	    write_file(world.other_fd, "two") == -1)
		return -1;
	len = strlen(world.path);
	memcpy(sun.sun_path + 1, world.path, len);
	world.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return bind(world.listen_fd, (struct sockaddr *)&sun,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			       len)) == -1 ||
		       listen(world.listen_fd, 5) == -1
		   ? -1
		   : 0;
}

static int
teardown(void **state)
{
	unlinkat(world.other_fd, "two", 0);
	for (const char *const *name =
		 (const char *const[]){"a/one", "b/one", "a/new", NULL};
	     *name != NULL; name++)
		unlinkat(world.kept_fd, *name, 0);
	unlinkat(world.kept_fd, "a", AT_REMOVEDIR);
	unlinkat(world.kept_fd, "b", AT_REMOVEDIR);
	unlinkat(world.dir_fd, "kept", AT_REMOVEDIR);
	unlinkat(world.dir_fd, "other", AT_REMOVEDIR);
	return rmdir(world.path);
}

/* --- files ------------------------------------------------------------ */

struct file_try {
	enum role role;
	const char *path; /* relative to other/ unless absolute */
	int flags;
};

static long
open_try(void *arg)
{
	const struct file_try *t = arg;

	confine(t->role);
	return openat(world.other_fd, t->path, t->flags | O_CLOEXEC, 0600);
}

static int
open_outcome(enum role role, const char *path, int flags)
{
	struct file_try t = {role, path, flags};

	return forked(open_try, &t);
}

static void
test_net_files(void **state)
{
	need(ROLE_NET, SANDBOX_LANDLOCK_FS);
	assert_int_equal(open_outcome(ROLE_NET, "two", O_RDONLY), EACCES);
	assert_int_equal(open_outcome(ROLE_NET, "two", O_WRONLY), EACCES);
	assert_int_equal(
	    open_outcome(ROLE_NET, "three", O_CREAT | O_WRONLY), EACCES);
	assert_int_equal(open_outcome(ROLE_NET, ".", O_DIRECTORY), EACCES);
	assert_int_equal(open_outcome(ROLE_NET, "/dev/null", O_RDWR), EACCES);
	assert_int_equal(open_outcome(ROLE_NET, "/etc/hosts", 0), EACCES);
	assert_int_equal(open_outcome(ROLE_DMD, "two", O_RDWR), 0);
}

static long
exec_try(void *arg)
{
	confine(*(enum role *)arg);
	execl("/bin/true", "true", (char *)NULL);
	return -1;
}

static void
test_exec(void **state)
{
	for (enum role role = ROLE_NET; role <= ROLE_RESOLVER; role++) {
		need(role, SANDBOX_LANDLOCK_FS);
		assert_int_equal(forked(exec_try, &role), EACCES);
	}
}

static void
test_resolver_files(void **state)
{
	need(ROLE_RESOLVER, SANDBOX_LANDLOCK_FS);
	assert_int_equal(open_outcome(ROLE_RESOLVER, "/etc/hosts", 0), 0);
	assert_int_equal(open_outcome(ROLE_RESOLVER, "/etc/resolv.conf", 0), 0);
	assert_int_equal(
	    open_outcome(ROLE_RESOLVER, "/etc/hosts", O_WRONLY), EACCES);
	assert_int_equal(
	    open_outcome(ROLE_RESOLVER, "/etc/x.dmd", O_CREAT | O_WRONLY),
	    EACCES);
	assert_int_equal(open_outcome(ROLE_RESOLVER, "two", 0), EACCES);
	assert_int_equal(
	    open_outcome(ROLE_RESOLVER, "/proc/self/maps", 0), EACCES);
	assert_int_equal(open_outcome(ROLE_RESOLVER, "/bin/sh", 0), EACCES);
}

/* All that dm-store does in a directory of its own. */
static long
store_try(void *arg)
{
	confine(ROLE_STORE);
	if (openat(world.kept_fd, "a", O_DIRECTORY) == -1 ||
	    openat(world.kept_fd, "a/one", O_RDWR | O_TRUNC) == -1 ||
	    write_file(world.kept_fd, "a/new") == -1 ||
	    linkat(world.kept_fd, "a/new", world.kept_fd, "b/linked", 0) ==
		-1 ||
	    renameat(world.kept_fd, "a/new", world.kept_fd, "b/new") == -1 ||
	    unlinkat(world.kept_fd, "b/new", 0) == -1 ||
	    unlinkat(world.kept_fd, "b/linked", 0) == -1 ||
	    mkdirat(world.kept_fd, "a/sub", 0700) == -1 ||
	    unlinkat(world.kept_fd, "a/sub", AT_REMOVEDIR) == -1)
		return -1;
	return 0;
}

static long
store_symlink_try(void *arg)
{
	confine(ROLE_STORE);
	return symlinkat("/etc", world.kept_fd, "a/link");
}

static long
store_fifo_try(void *arg)
{
	confine(ROLE_STORE);
	return mknodat(world.kept_fd, "a/fifo", S_IFIFO | 0600, 0);
}

static long
store_out_try(void *arg)
{
	confine(ROLE_STORE);
	return renameat(world.kept_fd, "a/one", world.other_fd, "one");
}

static void
test_store_files(void **state)
{
	need(ROLE_STORE, SANDBOX_LANDLOCK_FS);
	assert_int_equal(forked(store_try, NULL), 0);
	assert_int_equal(open_outcome(ROLE_STORE, "two", O_RDONLY), EACCES);
	assert_int_equal(open_outcome(ROLE_STORE, "../kept/a/one", O_RDWR), 0);
	assert_int_equal(open_outcome(ROLE_STORE, "..", O_DIRECTORY), EACCES);
	assert_int_equal(open_outcome(ROLE_STORE, "/etc/hosts", 0), EACCES);
	assert_int_equal(forked(store_symlink_try, NULL), EACCES);
	assert_int_equal(forked(store_fifo_try, NULL), EACCES);
	assert_int_not_equal(forked(store_out_try, NULL), 0);
	assert_int_equal(faccessat(world.kept_fd, "a/one", F_OK, 0), 0);
}

/* --- ports ------------------------------------------------------------ */

struct port_try {
	enum role role;
	bool is_bind;
	uint16_t port;
};

static long
port_try(void *arg)
{
	const struct port_try *t = arg;
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_port = htons(t->port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	confine(t->role);
	if (t->is_bind)
		return bind(fd, (struct sockaddr *)&sin, sizeof(sin));
	return connect(fd, (struct sockaddr *)&sin, sizeof(sin));
}

static int
port_outcome(enum role role, bool is_bind, uint16_t port)
{
	struct port_try t = {role, is_bind, port};

	return forked(port_try, &t);
}

/* A port that nobody listens at: connecting is refused, and so allowed. */
static uint16_t
port_unused(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	close(fd);
	return ntohs(sin.sin_port);
}

static void
test_ports(void **state)
{
	uint16_t port = port_unused();
	int dns;

	need(ROLE_NET, SANDBOX_LANDLOCK_NET);
	for (enum role role = ROLE_NET; role <= ROLE_RESOLVER; role++) {
		assert_int_equal(port_outcome(role, true, port), EACCES);
		assert_int_equal(port_outcome(role, true, 0), EACCES);
	}
	assert_int_equal(port_outcome(ROLE_NET, false, port), ECONNREFUSED);
	assert_int_equal(port_outcome(ROLE_STORE, false, port), EACCES);
	assert_int_equal(port_outcome(ROLE_RESOLVER, false, port), EACCES);
	dns = port_outcome(ROLE_RESOLVER, false, 53);
	assert_true(dns == 0 || dns == ECONNREFUSED);
}

/* --- other processes -------------------------------------------------- */

static long
signal_try(void *arg)
{
	pid_t parent = getppid();

	confine(*(enum role *)arg);
	if (kill(getpid(), 0) == -1)
		return -1;
	return kill(parent, 0);
}

static long
abstract_try(void *arg)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	size_t len = strlen(world.path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(sun.sun_path + 1, world.path, len);
	confine(*(enum role *)arg);
	return connect(fd, (struct sockaddr *)&sun,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len));
}

static void
test_scope(void **state)
{
	enum role dmd = ROLE_DMD;

	need(ROLE_NET, SANDBOX_LANDLOCK_SCOPE);
	assert_int_equal(forked(signal_try, &dmd), 0);
	assert_int_equal(forked(abstract_try, &dmd), 0);
	for (enum role role = ROLE_NET; role <= ROLE_RESOLVER; role++) {
		assert_int_equal(forked(signal_try, &role), EPERM);
		assert_int_equal(forked(abstract_try, &role), EPERM);
	}
}

static long
bad_directory_try(void *arg)
{
	uint32_t layers = 0;
	int fd = -1;

	return sandbox_paths(ROLE_STORE, &fd, 1, &layers);
}

/* A layer that the kernel has and that does not work is no warning. */
static void
test_failure(void **state)
{
	need(ROLE_STORE, SANDBOX_LANDLOCK_FS);
	assert_int_equal(forked(bad_directory_try, NULL), EBADF);
}

/* The kernel that the tests run on tells which layers there must be. */
static void
test_layers(void **state)
{
	long abi = syscall(444, NULL, (size_t)0, 1u);
	uint32_t expected = SANDBOX_NO_NEW_PRIVS;

	assert_int_equal(layers_of(ROLE_DMD), expected);
	if (abi >= 1)
		expected |= SANDBOX_LANDLOCK_FS;
	if (abi >= 4)
		expected |= SANDBOX_LANDLOCK_NET;
	if (abi >= 6)
		expected |= SANDBOX_LANDLOCK_SCOPE;
	assert_int_equal(layers_of(ROLE_NET), expected);
	assert_int_equal(layers_of(ROLE_RESOLVER), expected);
	if (abi == 1)
		expected &= ~SANDBOX_LANDLOCK_FS;
	assert_int_equal(layers_of(ROLE_STORE), expected);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_layers),
	    cmocka_unit_test(test_net_files),
	    cmocka_unit_test(test_exec),
	    cmocka_unit_test(test_resolver_files),
	    cmocka_unit_test(test_store_files),
	    cmocka_unit_test(test_ports),
	    cmocka_unit_test(test_scope),
	    cmocka_unit_test(test_failure),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
