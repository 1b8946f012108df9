/* SPDX-License-Identifier: ISC */
/*
 * Each role under its seccomp filter alone: what it may not call must kill it,
 * what it needs must work. Arguments are such that a call which gets through
 * to the kernel does no harm.
 */
#include "common/sandbox/sandbox.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/common/forked.h"

#define K FORKED_KILLED
#define BAD ((long)-1) /* a descriptor, pointer or number there is not */
#define MPTCP 262
#define MEMFD_DESCRIPTORS 3

static char here[4096]; /* memory to point to */
static struct timespec moment;

struct attempt {
	const char *what;
	long number;
	long arguments[6];
	int expected[3];    /* net, store, resolver: errno or K */
	bool may_sanitizer; /* the sanitizers need it */
};

#define P(x) ((long)(uintptr_t)(x))

/* clang-format off */
static const struct attempt attempts[] = {
	/* nobody ever */
	{ "execve", SYS_execve, { BAD, 0, 0 }, { K, K, K }, false },
	{ "execveat", SYS_execveat, { BAD, BAD }, { K, K, K }, false },
	{ "fork", SYS_clone, { SIGCHLD, 0 }, { K, K, K }, true },
	{ "thread", SYS_clone, { CLONE_THREAD }, { K, K, K }, true },
	{ "clone3", 435, { BAD, 0 }, { K, K, K }, true },
	{ "ptrace", SYS_ptrace, { BAD, 1 }, { K, K, K }, false },
	{ "read memory", SYS_process_vm_readv, { 1 }, { K, K, K }, false },
	{ "kill init", SYS_kill, { 1, 0 }, { K, K, K }, false },
	{ "kill all", SYS_kill, { BAD, 0 }, { K, K, K }, false },
	{ "kill oneself", SYS_kill, { 0, 0 }, { K, K, K }, false },
	{ "tkill", SYS_tkill, { 1, 0 }, { K, K, K }, false },
	{ "tgkill", SYS_tgkill, { 1, 1, 0 }, { K, K, K }, false },
	{ "sigqueue", SYS_rt_sigqueueinfo, { 1, 0, BAD }, { K, K, K }, false },
	{ "pidfd_open", 434, { 1, 0 }, { K, K, K }, false },
	{ "pidfd signal", 424, { BAD, 0 }, { K, K, K }, false },
	{ "setuid", SYS_setuid, { 0 }, { K, K, K }, false },
	{ "setgroups", SYS_setgroups, { 0, 0 }, { K, K, K }, false },
	{ "capset", SYS_capset, { BAD, BAD }, { K, K, K }, false },
	{ "prctl", SYS_prctl, { PR_GET_DUMPABLE }, { K, K, K }, true },
	{ "seccomp", SYS_seccomp, { BAD, 0, 0 }, { K, K, K }, false },
	{ "landlock", 446, { BAD, 0 }, { K, K, K }, false },
	{ "chroot", SYS_chroot, { BAD }, { K, K, K }, false },
	{ "mount", SYS_mount, { BAD, BAD, BAD }, { K, K, K }, false },
	{ "umount", SYS_umount2, { BAD, 0 }, { K, K, K }, false },
	{ "unshare", SYS_unshare, { BAD }, { K, K, K }, false },
	{ "setns", SYS_setns, { BAD, 0 }, { K, K, K }, false },
	{ "bpf", SYS_bpf, { BAD, BAD, 0 }, { K, K, K }, false },
	{ "perf", SYS_perf_event_open, { BAD }, { K, K, K }, false },
	{ "keyctl", SYS_keyctl, { BAD }, { K, K, K }, false },
	{ "io_uring", 425, { 0, BAD }, { K, K, K }, false },
	{ "userfaultfd", SYS_userfaultfd, { BAD }, { K, K, K }, false },
	{ "personality", SYS_personality, { BAD }, { K, K, K }, false },
	{ "shmget", SYS_shmget, { BAD, 0, 0 }, { K, K, K }, false },
	{ "memfd", SYS_memfd_create, { BAD, 0 }, { K, K, K }, false },
	{ "inotify", SYS_inotify_init1, { BAD }, { K, K, K }, false },
	{ "watch", SYS_inotify_add_watch, { BAD, BAD, 2 },
	    { K, EBADF, K }, false },
	{ "unwatch", SYS_inotify_rm_watch, { BAD, 0 },
	    { K, EBADF, K }, false },
	{ "splice", SYS_splice, { BAD, 0, BAD }, { K, K, K }, false },
	{ "symlink", SYS_symlinkat, { BAD, BAD, BAD }, { K, K, K }, false },
	{ "mknod", SYS_mknodat, { BAD, BAD, BAD }, { K, K, K }, false },
	{ "chown", SYS_fchownat, { BAD, BAD, 0 }, { K, K, K }, false },
	{ "xattr", SYS_fsetxattr, { BAD, BAD }, { K, K, K }, false },
	{ "listen", SYS_listen, { BAD, 1 }, { K, K, K }, false },
	{ "bind TCP", SYS_bind, { BAD, BAD, sizeof(struct sockaddr_in) },
	    { K, K, K }, false },
	{ "socketpair", SYS_socketpair, { BAD, 0 }, { K, K, K }, true },

	/* code that appears later */
	{ "mmap rwx", SYS_mmap, { 0, 4096,
	    PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
	    BAD, 0 }, { K, K, K }, false },
	{ "mmap rx", SYS_mmap, { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE,
	    BAD, 0 }, { K, K, K }, false },
	{ "mprotect rx", SYS_mprotect, { 0, 0, PROT_READ | PROT_EXEC },
	    { K, K, K }, false },
	{ "pkey_mprotect", SYS_pkey_mprotect, { 0, 0, PROT_EXEC },
	    { K, K, K }, false },
	{ "mmap rw", SYS_mmap, { 0, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, BAD, 0 }, { 0, 0, 0 }, false },

	/* sockets */
	{ "TCP", SYS_socket, { AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0 },
	    { 0, K, 0 }, false },
	{ "TCP6", SYS_socket, { AF_INET6, SOCK_STREAM | SOCK_NONBLOCK,
	    IPPROTO_TCP }, { 0, K, 0 }, false },
	{ "UDP", SYS_socket, { AF_INET, SOCK_DGRAM, 0 }, { K, K, 0 }, false },
	{ "UDP6", SYS_socket, { AF_INET6, SOCK_DGRAM, IPPROTO_UDP },
	    { K, K, 0 }, false },
	{ "ping", SYS_socket, { AF_INET, SOCK_DGRAM, IPPROTO_ICMP },
	    { K, K, K }, false },
	{ "raw", SYS_socket, { AF_INET, SOCK_RAW, IPPROTO_ICMP },
	    { K, K, K }, false },
	{ "MPTCP", SYS_socket, { AF_INET, SOCK_STREAM, MPTCP },
	    { K, K, K }, false },
	{ "packet", SYS_socket, { AF_PACKET, SOCK_RAW, 0 },
	    { K, K, K }, false },
	{ "vsock", SYS_socket, { AF_VSOCK, SOCK_STREAM, 0 },
	    { K, K, K }, false },
	{ "unix", SYS_socket, { AF_UNIX, SOCK_STREAM, 0 },
	    { K, K, EAFNOSUPPORT }, false },
	{ "route", SYS_socket, { AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
	    NETLINK_ROUTE }, { K, K, 0 }, false },
	{ "netfilter", SYS_socket, { AF_NETLINK, SOCK_RAW,
	    NETLINK_NETFILTER }, { K, K, K }, false },
	{ "bind netlink", SYS_bind, { BAD, 0, 12 }, { K, K, EBADF }, false },
	{ "connect", SYS_connect, { BAD, 0, 0 }, { EBADF, K, EBADF }, false },
	{ "accept", SYS_accept4, { BAD, 0, 0, 0 }, { EBADF, K, K }, false },
	{ "send", SYS_sendto, { BAD, 0, 0, 0, 0, 0 },
	    { EBADF, EBADF, EBADF }, false },
	{ "send to", SYS_sendto, { BAD, 0, 0, 0, BAD, 16 },
	    { K, K, EBADF }, false },
	{ "nodelay", SYS_setsockopt, { BAD, IPPROTO_TCP, TCP_NODELAY, 0, 0 },
	    { EBADF, K, K }, false },
	{ "bind device", SYS_setsockopt, { BAD, SOL_SOCKET, SO_BINDTODEVICE,
	    0, 0 }, { K, K, K }, false },
	{ "MD5 key", SYS_setsockopt, { BAD, IPPROTO_TCP, TCP_MD5SIG, 0, 0 },
	    { K, K, K }, false },
	{ "send a file", SYS_sendfile, { BAD, BAD, 0, 0 },
	    { EBADF, K, K }, false },
	{ "dup", SYS_dup, { BAD }, { EBADF, EBADF, EBADF }, false },
	{ "dup2", SYS_dup3, { BAD, BAD, 0 }, { K, K, K }, false },
	{ "sendmsg", SYS_sendmsg, { BAD, 0, 0 },
	    { EBADF, EBADF, EBADF }, false },
	{ "recvmsg", SYS_recvmsg, { BAD, 0, 0 },
	    { EBADF, EBADF, EBADF }, false },

	/* files */
	{ "open", SYS_openat, { AT_FDCWD, P("/dev/null"), O_RDONLY },
	    { K, 0, 0 }, true },
	{ "open to write", SYS_openat, { AT_FDCWD, P("/dev/null"), O_WRONLY },
	    { K, 0, K }, true },
	{ "create", SYS_openat, { BAD, P("x"), O_CREAT | O_RDONLY, 0600 },
	    { K, EBADF, K }, true },
	{ "truncate", SYS_openat, { BAD, P("x"), O_TRUNC | O_RDONLY },
	    { K, EBADF, K }, true },
	/* what others could run with the store's rights */
	{ "create a program", SYS_openat, { BAD, P("x"), O_CREAT | O_WRONLY,
	    0755 }, { K, K, K }, true },
	{ "create set-user-id", SYS_openat, { BAD, P("x"),
	    O_CREAT | O_WRONLY, 04644 }, { K, K, K }, true },
	{ "create set-group-id", SYS_openat, { BAD, P("x"),
	    O_CREAT | O_WRONLY, 02644 }, { K, K, K }, true },
	{ "temporary program", SYS_openat, { BAD, P("x"),
	    O_TMPFILE | O_WRONLY, 0700 }, { K, K, K }, true },
	{ "openat2", SYS_openat2, { BAD, 0, 0, 0 }, { K, K, K }, false },
	{ "mkdir set-group-id", SYS_mkdirat, { BAD, P("x"), 02750 },
	    { K, K, K }, false },
	{ "chmod", SYS_fchmod, { BAD, 04755 }, { K, K, K }, false },
	{ "chmodat", SYS_fchmodat, { BAD, P("x"), 0 }, { K, K, K }, false },
	{ "chmodat2", 452, { BAD, P("x"), 04755, 0 }, { K, K, K }, false },
	{ "stat", SYS_newfstatat, { AT_FDCWD, P("/"), P(here), 0 },
	    { K, 0, 0 }, true },
	{ "fstat", SYS_newfstatat, { 0, P(""), P(here), AT_EMPTY_PATH },
	    { 0, 0, 0 }, false },
	{ "rename", SYS_renameat2, { BAD, P("x"), BAD, P("y"), 0 },
	    { K, EBADF, K }, false },
	{ "unlink", SYS_unlinkat, { BAD, P("x"), 0 },
	    { K, EBADF, K }, false },
	{ "mkdir", SYS_mkdirat, { BAD, P("x"), 0 }, { K, EBADF, K }, false },
	{ "ftruncate", SYS_ftruncate, { BAD, 0 }, { K, EBADF, K }, false },
	{ "fsync", SYS_fsync, { BAD }, { K, EBADF, K }, false },
	{ "pread", SYS_pread64, { BAD, 0, 0, 0 },
	    { EBADF, EBADF, EBADF }, false },
	{ "pwrite", SYS_pwrite64, { BAD, 0, 0, 0 }, { K, EBADF, K }, false },
	{ "getdents", SYS_getdents64, { BAD, 0, 0 },
	    { K, EBADF, K }, false },

	/* one call, many powers */
	{ "terminal input", SYS_ioctl, { 0, TIOCSTI, 0 },
	    { K, K, K }, false },
	{ "terminal", SYS_ioctl, { BAD, TCGETS, 0 }, { K, K, K }, false },
	{ "bytes ready", SYS_ioctl, { BAD, FIONREAD, 0 },
	    { EBADF, EBADF, EBADF }, false },
	{ "F_SETOWN", SYS_fcntl, { BAD, F_SETOWN, 1 }, { K, K, K }, false },
	{ "F_SETSIG", SYS_fcntl, { BAD, F_SETSIG, 9 }, { K, K, K }, false },
	{ "F_GETFL", SYS_fcntl, { BAD, F_GETFL },
	    { EBADF, EBADF, EBADF }, false },
	{ "F_SETLK", SYS_fcntl, { BAD, F_SETLK, 0 },
	    { K, EBADF, K }, false },
	{ "set a limit", SYS_prlimit64, { 0, RLIMIT_NOFILE, P(here), 0 },
	    { K, K, K }, false },
	{ "another's limit", SYS_prlimit64, { 1, RLIMIT_NOFILE, 0, 0 },
	    { K, K, K }, false },
	{ "own limit", SYS_prlimit64, { 0, RLIMIT_NOFILE, 0, P(here) },
	    { 0, 0, 0 }, false },

	/* what everything stands on */
	{ "clock", SYS_clock_gettime, { CLOCK_MONOTONIC, P(&moment) },
	    { 0, 0, 0 }, false },
	{ "random", SYS_getrandom, { P(here), 16, 0 }, { 0, 0, 0 }, false },
	{ "epoll", SYS_epoll_create1, { 0 }, { 0, 0, 0 }, false },
	{ "futex", SYS_futex, { P(here), 1, 0 }, { 0, 0, 0 }, false },
};
/* clang-format on */

struct trial {
	enum role role;
	const struct attempt *attempt;
};

static long
call(const struct attempt *a)
{
	return syscall(a->number, a->arguments[0], a->arguments[1],
	    a->arguments[2], a->arguments[3], a->arguments[4], a->arguments[5]);
}

static void
confine(enum role role)
{
	uint32_t layers = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    sandbox_calls(role, &layers) == -1 ||
	    (layers & SANDBOX_SECCOMP) == 0)
		_exit(FORKED_BROKEN);
}

static long
attempt_try(void *arg)
{
	const struct trial *t = arg;

	confine(t->role);
	return call(t->attempt);
}

static void
role_test(enum role role)
{
	bool is_wrong = false;

	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		const struct attempt *a = &attempts[i];
		struct trial t = {role, a};
		int got, expected = a->expected[role - ROLE_NET];

#ifdef DMD_SANITIZER
		if (a->may_sanitizer)
			continue;
#endif
		got = forked(attempt_try, &t);
		if (got == expected)
			continue;
		print_error("%s: %s: %d instead of %d\n", role_name(role),
		    a->what, got, expected);
		is_wrong = true;
	}
	assert_false(is_wrong);
}

static void
test_net(void **state)
{
	role_test(ROLE_NET);
}

static void
test_store(void **state)
{
	role_test(ROLE_STORE);
}

static void
test_resolver(void **state)
{
	role_test(ROLE_RESOLVER);
}

/* The same numbers by another ABI would be other calls: 39 is getpid here. */
static long
attempt_other_abi(void *arg)
{
	confine(*(enum role *)arg);
#if defined(__x86_64__)
	return syscall(0x40000000L + SYS_getpid);
#else
	errno = ENOSYS;
	return -1;
#endif
}

#if defined(__x86_64__)
static long
attempt_i386(void *arg)
{
	long result = 20; /* getpid there, writev here */

	confine(*(enum role *)arg);
	__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "cc");
	return result;
}
#endif

static void
test_other_abi(void **state)
{
#if defined(__x86_64__)
	for (enum role role = ROLE_DMD; role <= ROLE_RESOLVER; role++) {
		int i386 = forked(attempt_i386, &role);

		assert_int_equal(
		    forked(attempt_other_abi, &role), FORKED_KILLED);
		/* the second if the kernel has no such ABI */
		assert_true(
		    i386 == FORKED_KILLED || i386 == FORKED_SIGNAL + SIGSEGV);
	}
#else
	(void)attempt_other_abi;
	skip();
#endif
}

/* abort(3) must be seen as what it is. */
static long
attempt_abort(void *arg)
{
	confine(*(enum role *)arg);
	abort();
}

static void
test_abort(void **state)
{
	for (enum role role = ROLE_NET; role <= ROLE_RESOLVER; role++)
		assert_int_equal(
		    forked(attempt_abort, &role), FORKED_SIGNAL + SIGABRT);
}

struct race {
	int fds[2];
	enum role role;
};

static void *
thread_run(void *arg)
{
	struct race *race = arg;
	char byte;

	/* waits until the filter is there */
	if (read(race->fds[0], &byte, 1) == 1)
		syscall(SYS_kill, 0, 0);
	return NULL;
}

static long
attempt_thread(void *arg)
{
	struct race *race = arg;
	pthread_t thread;

	if (pipe(race->fds) == -1 ||
	    pthread_create(&thread, NULL, thread_run, race) != 0)
		_exit(FORKED_BROKEN);
	confine(race->role);
	if (write(race->fds[1], "x", 1) != 1)
		return -1;
	pthread_join(thread, NULL);
	return 0;
}

/* A thread that was there before is covered too. */
static void
test_threads(void **state)
{
	struct race race = {.role = ROLE_RESOLVER};

	assert_int_equal(forked(attempt_thread, &race), FORKED_KILLED);
}

/* --- dmd -------------------------------------------------------------- */

static const char *const denied[] = {"ptrace", "process_vm_readv",
    "process_vm_writev", "pidfd_getfd", "kcmp", "unshare", "setns", "mount",
    "umount2", "pivot_root", "move_mount", "open_tree", "mount_setattr",
    "fsopen", "fsconfig", "fsmount", "fspick", "open_by_handle_at", "bpf",
    "perf_event_open", "add_key", "request_key", "keyctl", "kexec_load",
    "kexec_file_load", "init_module", "finit_module", "delete_module",
    "io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd",
    "swapon", "reboot", "acct", "settimeofday", "clock_settime", "sethostname"};

static long
attempt_number(void *arg)
{
	confine(ROLE_DMD);
	return syscall(*(long *)arg, BAD, BAD, BAD, BAD, BAD, BAD);
}

static void
test_dmd_denied(void **state)
{
	bool is_wrong = false;
	long number;
	int got;

	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++) {
		number = seccomp_syscall_resolve_name(denied[i]);
		if (number < 0)
			continue;
		got = forked(attempt_number, &number);
		if (got == EPERM)
			continue;
		print_error("dmd: %s: %d\n", denied[i], got);
		is_wrong = true;
	}
	assert_false(is_wrong);
}

/* Each flag alone, made invalid for the kernel by CLONE_THREAD. */
static long
attempt_namespace(void *arg)
{
	confine(ROLE_DMD);
	return syscall(SYS_clone, *(long *)arg | CLONE_THREAD, 0, 0, 0, 0);
}

static void
test_dmd_namespaces(void **state)
{
	static const long flags[] = {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS,
	    CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET};
	long flag, clone3 = 435, all = 0;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		flag = flags[i];
		all |= flag;
		assert_int_equal(forked(attempt_namespace, &flag), EPERM);
	}
	assert_int_equal(forked(attempt_namespace, &all), EPERM);
	flag = 0;
	assert_int_equal(forked(attempt_namespace, &flag), EINVAL);
	assert_int_equal(forked(attempt_number, &clone3), ENOSYS);
}

static long
attempt_exec(void *arg)
{
	execl("/bin/true", "true", (char *)NULL);
	return -1;
}

/* What dmd lives from: children, threads, and their own filters on top. */
static long
attempt_dmd_works(void *arg)
{
	static const struct attempt refused = {
	    "mount", SYS_mount, {BAD, BAD, BAD}, {0, 0, 0}, false};
	static const struct attempt fine = {
	    "random", SYS_getrandom, {P(here), 16, 0}, {0, 0, 0}, false};
	struct trial dead = {ROLE_NET, &refused}, alive = {ROLE_NET, &fine};
	int fd;

	confine(ROLE_DMD);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd == -1 || forked(attempt_exec, NULL) != 0)
		return -1;
	errno = EDOM;
	return forked(attempt_try, &dead) == FORKED_KILLED &&
		       forked(attempt_try, &alive) == 0
		   ? 0
		   : -1;
}

static void
test_dmd_works(void **state)
{
	assert_int_equal(forked(attempt_dmd_works, NULL), 0);
}

/* --- limits ----------------------------------------------------------- */

static long
attempt_limits(void *arg)
{
	enum role role = *(enum role *)arg;
	struct rlimit limit;

	confine(role);
	errno = EDOM;
	if (getrlimit(RLIMIT_CORE, &limit) == -1 || limit.rlim_max != 0)
		return -1;
	if (role == ROLE_DMD)
		return 0;
	if (getrlimit(RLIMIT_NPROC, &limit) == -1 || limit.rlim_max != 0 ||
	    getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_max > 65536 ||
	    limit.rlim_max != limit.rlim_cur)
		return -1;
#ifndef DMD_SANITIZER
	if (getrlimit(RLIMIT_DATA, &limit) == -1 || limit.rlim_max > 1u << 30)
		return -1;
	if (mmap(NULL, (2ul << 30), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		return -1;
	/* the index: large, shared, and of no cost */
	if (mmap(NULL, (64ul << 30), PROT_READ, MAP_SHARED | MAP_NORESERVE,
		MEMFD_DESCRIPTORS, 0) == MAP_FAILED)
		return -1;
#endif
	return 0;
}

static void
test_limits(void **state)
{
	int fd = memfd_create("index", 0);

	assert_int_not_equal(fd, -1);
	if (fd != MEMFD_DESCRIPTORS)
		assert_int_not_equal(dup2(fd, MEMFD_DESCRIPTORS), -1);
	for (enum role role = ROLE_DMD; role <= ROLE_RESOLVER; role++)
		assert_int_equal(forked(attempt_limits, &role), 0);
}

static void
test_names(void **state)
{
	char text[64];

	sandbox_describe(SANDBOX_SECCOMP | SANDBOX_USER, text, sizeof(text));
	assert_string_equal(text, "seccomp user");
	sandbox_describe(0, text, sizeof(text));
	assert_string_equal(text, "");
	sandbox_describe(UINT32_MAX, text, 10);
	assert_string_equal(text, "seccomp l");
	assert_string_equal(sandbox_layer_name(8), "rlimits");
	assert_string_equal(sandbox_layer_name(9), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_net),
	    cmocka_unit_test(test_store),
	    cmocka_unit_test(test_resolver),
	    cmocka_unit_test(test_other_abi),
	    cmocka_unit_test(test_abort),
	    cmocka_unit_test(test_threads),
	    cmocka_unit_test(test_dmd_denied),
	    cmocka_unit_test(test_dmd_namespaces),
	    cmocka_unit_test(test_dmd_works),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
