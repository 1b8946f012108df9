/* SPDX-License-Identifier: ISC */
#include "common/sandbox/sandbox_rules.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "common/log.h"

/*
 * An int's upper half is left to chance by the calling convention, and the
 * kernel does not look at it: only the lower half is compared.
 */
#define INT_MASK UINT64_C(0xffffffff)
#define WHOLE UINT64_MAX

/* clang-format off */
#define CALL(name)		{ name, { { 0, 0, 0 } }, 0, 0 }
#define CALL_1(name, a, mask, v) \
	{ name, { { a, mask, v } }, 0, 0 }
#define CALL_2(name, a, mask_a, v, b, mask_b, w) \
	{ name, { { a, mask_a, v }, { b, mask_b, w } }, 0, 0 }
#define CALL_3(name, a, mask_a, v, b, mask_b, w, c, mask_c, x) \
	{ name, { { a, mask_a, v }, { b, mask_b, w }, { c, mask_c, x } }, 0, 0 }
#define INT(name, a, v)		CALL_1(name, a, INT_MASK, v)
#define REFUSE(name, error)	{ name, { { 0, 0, 0 } }, error, 0 }
#define REFUSE_NEW(name, error, number)	{ name, { { 0, 0, 0 } }, error, number }
#define REFUSE_1(name, error, a, mask, v) \
	{ name, { { a, mask, v } }, error, 0 }
#define SET_OPTION(level, option) \
	CALL_2("setsockopt", 1, INT_MASK, level, 2, INT_MASK, option)
#define END			{ NULL, { { 0, 0, 0 } }, 0, 0 }

/* --- all children ----------------------------------------------------- */

/* Memory that is never executable: no code appears after the start. */
static const struct sandbox_rule memory[] = {
	CALL("brk"),
	CALL("munmap"),
	CALL("mremap"),
	CALL("madvise"),
	CALL_1("mmap", 2, PROT_EXEC, 0),
	CALL_1("mprotect", 2, PROT_EXEC, 0),
	END
};

/* abort(3) raises SIGABRT by tgkill: sandbox_seccomp.c adds it for the own
 * process only. */
static const struct sandbox_rule process[] = {
	CALL("exit"),
	CALL("exit_group"),
	CALL("rt_sigaction"),
	CALL("rt_sigprocmask"),
	CALL("rt_sigreturn"),
	CALL("restart_syscall"),
	CALL("getpid"),
	CALL("getppid"),
	CALL("gettid"),
	CALL("getuid"),
	CALL("geteuid"),
	CALL("getgid"),
	CALL("getegid"),
	CALL("getrusage"),
	CALL("sysinfo"),
	/* asking for one's own limits, not setting any */
	CALL_2("prlimit64", 0, INT_MASK, 0, 2, WHOLE, 0),
	END
};

static const struct sandbox_rule waiting[] = {
	CALL("futex"),
	CALL("sched_yield"),
	CALL("clock_gettime"),
	CALL("clock_getres"),
	CALL("clock_nanosleep"),
	CALL("nanosleep"),
	CALL("gettimeofday"),
	CALL("time"),
	CALL("getrandom"),
	END
};

static const struct sandbox_rule events[] = {
	CALL("epoll_create"),
	CALL("epoll_create1"),
	CALL("epoll_ctl"),
	CALL("epoll_wait"),
	CALL("epoll_pwait"),
	CALL("epoll_pwait2"),
	CALL("poll"),
	CALL("ppoll"),
	/* libevent's wake-up of itself */
	CALL("pipe2"),
	CALL("eventfd2"),
	END
};

/* Channels and other sockets that came by descriptor; send(2) to the log. */
static const struct sandbox_rule channels[] = {
	CALL("read"),
	CALL("readv"),
	CALL("write"),
	CALL("writev"),
	CALL("close"),
	CALL("dup"),
	CALL("sendmsg"),
	CALL("recvmsg"),
	CALL("recvfrom"),
	CALL_1("sendto", 4, WHOLE, 0),
	CALL("shutdown"),
	CALL("getsockopt"),
	SET_OPTION(SOL_SOCKET, SO_SNDBUF),
	SET_OPTION(SOL_SOCKET, SO_RCVBUF),
	INT("fcntl", 1, F_GETFD),
	INT("fcntl", 1, F_SETFD),
	INT("fcntl", 1, F_GETFL),
	INT("fcntl", 1, F_SETFL),
	INT("fcntl", 1, F_DUPFD_CLOEXEC),
	INT("fcntl", 1, F_GET_SEALS),
	INT("ioctl", 1, FIONREAD),
	INT("ioctl", 1, SIOCOUTQ),
	INT("ioctl", 1, FIONBIO),
	END
};

/* fstat(3) as C libraries spell it; no path is looked up. */
static const struct sandbox_rule stat_of_fd[] = {
	CALL("fstat"),
	INT("newfstatat", 3, AT_EMPTY_PATH),
	CALL_1("statx", 2, AT_EMPTY_PATH, AT_EMPTY_PATH),
	END
};

/* --- dm-net ----------------------------------------------------------- */

#define SOCKET_TYPE (INT_MASK & ~(uint64_t)(SOCK_NONBLOCK | SOCK_CLOEXEC))
#define SOCKET(domain, type, protocol) \
	CALL_3("socket", 0, INT_MASK, domain, 1, SOCKET_TYPE, type, \
	    2, INT_MASK, protocol)

/* TCP out; TCP in only on sockets that dmd has bound. */
static const struct sandbox_rule tcp[] = {
	SOCKET(AF_INET, SOCK_STREAM, 0),
	SOCKET(AF_INET, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(AF_INET6, SOCK_STREAM, 0),
	SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
	CALL("connect"),
	CALL("accept"),
	CALL("accept4"),
	CALL("getsockname"),
	CALL("getpeername"),
	SET_OPTION(SOL_SOCKET, SO_KEEPALIVE),
	SET_OPTION(SOL_SOCKET, SO_LINGER),
	SET_OPTION(IPPROTO_TCP, TCP_NODELAY),
	SET_OPTION(IPPROTO_TCP, TCP_CORK),
	SET_OPTION(IPPROTO_TCP, TCP_KEEPIDLE),
	SET_OPTION(IPPROTO_TCP, TCP_KEEPINTVL),
	SET_OPTION(IPPROTO_TCP, TCP_KEEPCNT),
	SET_OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT),
	SET_OPTION(IPPROTO_TCP, TCP_NOTSENT_LOWAT),
	SET_OPTION(IPPROTO_IPV6, IPV6_V6ONLY),
	END
};

/* Content comes as descriptors of files and goes out as it is. */
static const struct sandbox_rule content_out[] = {
	CALL("sendfile"),
	CALL("pread64"),
	END
};

/* --- dm-store --------------------------------------------------------- */

/* A file made here is no program, and nothing made here has a set-user-id,
 * set-group-id or sticky bit (a directory inherits that of its parent): others
 * who can reach files/ would run it with rights of the store. For the same
 * reason chmod(2) is not here, nor openat2(2), whose mode is in memory. */
#define FILE_MODE_NEVER		UINT64_C(07111)
#define DIRECTORY_MODE_NEVER	UINT64_C(07000)

/* Paths, as far as Landlock and the root directory allow them. */
static const struct sandbox_rule paths[] = {
	CALL_1("open", 2, FILE_MODE_NEVER, 0),
	CALL_1("openat", 3, FILE_MODE_NEVER, 0),
	CALL("newfstatat"),
	CALL("fstat"),
	CALL("statx"),
	CALL_1("mkdirat", 2, DIRECTORY_MODE_NEVER, 0),
	CALL("unlinkat"),
	CALL("renameat"),
	CALL("renameat2"),
	CALL("linkat"),
	CALL("faccessat"),
	CALL("faccessat2"),
	CALL("getdents64"),
	CALL("umask"),
	/* on a descriptor that was made before */
	CALL("inotify_add_watch"),
	CALL("inotify_rm_watch"),
	END
};

static const struct sandbox_rule content[] = {
	CALL("lseek"),
	CALL("pread64"),
	CALL("preadv"),
	CALL("pwrite64"),
	CALL("pwritev"),
	CALL("ftruncate"),
	CALL("fallocate"),
	CALL("fadvise64"),
	CALL("fsync"),
	CALL("fdatasync"),
	CALL("syncfs"),
	CALL("sync_file_range"),
	CALL("copy_file_range"),
	CALL("statfs"),
	CALL("fstatfs"),
	CALL("flock"),
	END
};

/* LMDB: its map, its lock file, and the kernel's age, which it asks for. */
static const struct sandbox_rule database[] = {
	CALL("msync"),
	CALL("mincore"),
	CALL("uname"),
	INT("fcntl", 1, F_GETLK),
	INT("fcntl", 1, F_SETLK),
	INT("fcntl", 1, F_SETLKW),
	INT("fcntl", 1, F_OFD_GETLK),
	INT("fcntl", 1, F_OFD_SETLK),
	INT("fcntl", 1, F_OFD_SETLKW),
	END
};

/* --- resolver --------------------------------------------------------- */

#define READ_ONLY_MASK \
	(uint64_t)(O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND)

/* The calls with which the C library reads the files of a look-up, again
 * whenever they have changed. */
static const struct sandbox_rule lookup_files[] = {
	CALL_1("open", 1, READ_ONLY_MASK, O_RDONLY),
	CALL_1("openat", 2, READ_ONLY_MASK, O_RDONLY),
	CALL("stat"),
	CALL("fstat"),
	CALL("newfstatat"),
	CALL("statx"),
	CALL("lseek"),
	CALL("pread64"),
	CALL("uname"),
	END
};

/*
 * The C library binds its netlink socket, with an address of 12 bytes: too
 * short for any other family that can be had here. The name service cache and
 * its like are AF_UNIX: told that there is no such thing, it does without.
 */
static const struct sandbox_rule lookup_sockets[] = {
	SOCKET(AF_INET, SOCK_DGRAM, 0),
	SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET(AF_INET6, SOCK_DGRAM, 0),
	SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET(AF_INET, SOCK_STREAM, 0),
	SOCKET(AF_INET, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(AF_INET6, SOCK_STREAM, 0),
	SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE),
	SOCKET(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE),
	REFUSE_1("socket", EAFNOSUPPORT, 0, INT_MASK, AF_UNIX),
	INT("bind", 2, sizeof(struct sockaddr_nl)),
	CALL("connect"),
	CALL("getsockname"),
	CALL("getpeername"),
	CALL("sendto"),
	CALL("sendmmsg"),
	CALL("recvmmsg"),
	SET_OPTION(IPPROTO_IP, IP_RECVERR),
	SET_OPTION(IPPROTO_IPV6, IPV6_RECVERR),
	SET_OPTION(IPPROTO_IP, IP_MTU_DISCOVER),
	SET_OPTION(IPPROTO_IPV6, IPV6_MTU_DISCOVER),
	END
};

/* Threads are there before the filter is; the allocator looks how many
 * processors it may use when a thread first needs memory. */
static const struct sandbox_rule threads[] = {
	CALL("sched_getaffinity"),
	CALL("set_robust_list"),
	CALL("rseq"),
	END
};

/* --- sanitizers ------------------------------------------------------- */

#ifdef DMD_SANITIZER
/* Reports: maps and symbols are read if Landlock lets them; no helper program
 * is started, but the attempt must not end the report. */
static const struct sandbox_rule sanitizer[] = {
	CALL("openat"),
	CALL("newfstatat"),
	CALL("readlink"),
	CALL("readlinkat"),
	CALL("lseek"),
	CALL("pread64"),
	CALL("pipe"),
	CALL("prctl"),
	CALL("sigaltstack"),
	CALL("sched_getaffinity"),
	CALL("getrlimit"),
	REFUSE("clone", EPERM),
	REFUSE("clone3", ENOSYS),
	REFUSE("fork", EPERM),
	REFUSE("vfork", EPERM),
	REFUSE("socketpair", EPERM),
	REFUSE("wait4", EPERM),
	END
};
#define SANITIZER , sanitizer
#else
#define SANITIZER
#endif

/* --- dmd -------------------------------------------------------------- */

#define DENY(name)		REFUSE(name, EPERM)
#define DENY_NEW(name, number)	REFUSE_NEW(name, EPERM, number)
/* clone(2) with any of the flags that make a namespace */
#define DENY_CLONE(flag)	REFUSE_1("clone", EPERM, 0, flag, flag)

static const struct sandbox_rule other_processes[] = {
	DENY("ptrace"),
	DENY("process_vm_readv"),
	DENY("process_vm_writev"),
	DENY("process_madvise"),
	DENY("process_mrelease"),
	DENY("pidfd_getfd"),
	DENY("kcmp"),
	DENY("move_pages"),
	DENY("migrate_pages"),
	END
};

/* clone3(2) hides its flags behind a pointer; without it the C library falls
 * back to clone(2). */
static const struct sandbox_rule namespaces[] = {
	DENY("unshare"),
	DENY("setns"),
	REFUSE("clone3", ENOSYS),
	DENY_CLONE(CLONE_NEWNS),
	DENY_CLONE(CLONE_NEWCGROUP),
	DENY_CLONE(CLONE_NEWUTS),
	DENY_CLONE(CLONE_NEWIPC),
	DENY_CLONE(CLONE_NEWUSER),
	DENY_CLONE(CLONE_NEWPID),
	DENY_CLONE(CLONE_NEWNET),
	END
};

static const struct sandbox_rule mounts[] = {
	DENY("mount"),
	DENY("umount"),
	DENY("umount2"),
	DENY("pivot_root"),
	DENY("move_mount"),
	DENY("open_tree"),
	DENY_NEW("open_tree_attr", 467),
	DENY("mount_setattr"),
	DENY("fsopen"),
	DENY("fsconfig"),
	DENY("fsmount"),
	DENY("fspick"),
	DENY("swapon"),
	DENY("swapoff"),
	DENY("quotactl"),
	DENY("quotactl_fd"),
	DENY("name_to_handle_at"),
	DENY("open_by_handle_at"),
	END
};

static const struct sandbox_rule kernel[] = {
	DENY("bpf"),
	DENY("perf_event_open"),
	DENY("add_key"),
	DENY("request_key"),
	DENY("keyctl"),
	DENY("kexec_load"),
	DENY("kexec_file_load"),
	DENY("init_module"),
	DENY("finit_module"),
	DENY("delete_module"),
	DENY("io_uring_setup"),
	DENY("io_uring_enter"),
	DENY("io_uring_register"),
	DENY("userfaultfd"),
	DENY("iopl"),
	DENY("ioperm"),
	DENY("modify_ldt"),
	DENY("reboot"),
	DENY("acct"),
	DENY("syslog"),
	DENY("vhangup"),
	DENY("settimeofday"),
	DENY("clock_settime"),
	DENY("adjtimex"),
	DENY("clock_adjtime"),
	DENY("sethostname"),
	DENY("setdomainname"),
	DENY("uselib"),
	DENY("lookup_dcookie"),
	END
};
/* clang-format on */

static const struct sandbox_policy policies[ROLE_COUNT] = {
    [ROLE_DMD] = {true, {other_processes, namespaces, mounts, kernel}},
    [ROLE_NET] = {false, {memory, process, waiting, events, channels,
			     stat_of_fd, tcp, content_out SANITIZER}},
    [ROLE_STORE] = {false, {memory, process, waiting, events, channels, paths,
			       content, database, threads SANITIZER}},
    [ROLE_RESOLVER] = {false,
	{memory, process, waiting, events, channels, lookup_files,
	    lookup_sockets, threads SANITIZER}},
};

const struct sandbox_policy *
sandbox_policy(enum role role)
{
	if ((unsigned)role >= ROLE_COUNT)
		fatal("sandbox: no role %u", (unsigned)role);
	return &policies[role];
}
