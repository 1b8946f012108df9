/* SPDX-License-Identifier: ISC */
#include "dmd/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/child.h"
#include "common/log.h"
#include "common/signals.h"

#define SPAWN_ENV_MAX 8

struct spawn {
	const struct users *users;
	char *state_dir;
	char *empty_dir;
	enum spawn_log log;
	int null_fd;
	int exec_fd[ROLE_COUNT];
};

/* The variables of one child. */
struct environment {
	char *list[SPAWN_ENV_MAX + 1];
	size_t n;
};

char *
spawn_directory(const char *own_path)
{
	char *dir = directories_dirname(own_path);
	size_t len = strlen(dir) + sizeof("/dm-net");
	char *beside = xmalloc(len);
	bool is_there;

	snprintf(beside, len, "%s/dm-net", dir);
	is_there = access(beside, X_OK) == 0;
	free(beside);
	if (is_there)
		return dir;
	free(dir);
	return xstrdup(DMD_LIBEXECDIR);
}

/* O_PATH: it is executed, never read. */
static int
binary_open(const char *dir, const char *name)
{
	size_t len = strlen(dir) + strlen(name) + 2;
	char *path = xmalloc(len);
	int fd;

	snprintf(path, len, "%s/%s", dir, name);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd == -1)
		log_error("cannot open %s: %s", path, strerror(errno));
	free(path);
	return fd;
}

static bool
binaries_open(struct spawn *s)
{
	char own[PATH_MAX], *dir;
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);

	if (n == -1) {
		log_error("cannot read /proc/self/exe: %s", strerror(errno));
		return false;
	}
	own[n] = '\0';
	dir = spawn_directory(own);
	s->exec_fd[ROLE_NET] = binary_open(dir, "dm-net");
	s->exec_fd[ROLE_STORE] = binary_open(dir, "dm-store");
	s->exec_fd[ROLE_RESOLVER] = binary_open("/proc/self", "exe");
	free(dir);
	return s->exec_fd[ROLE_NET] != -1 && s->exec_fd[ROLE_STORE] != -1 &&
	       s->exec_fd[ROLE_RESOLVER] != -1;
}

struct spawn *
spawn_new(const struct config *config, const struct users *users,
    const struct directories *prepared, enum spawn_log log, int *exit_code)
{
	struct spawn *s = xcalloc(1, sizeof(*s));

	s->users = users;
	s->state_dir = xstrdup(config->state_dir);
	s->empty_dir = xstrdup(prepared->empty_dir);
	s->log = log;
	for (size_t i = 0; i < ROLE_COUNT; i++)
		s->exec_fd[i] = -1;
	s->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (s->null_fd == -1)
		log_error("cannot open /dev/null: %s", strerror(errno));
	if (s->null_fd == -1 || !binaries_open(s)) {
		*exit_code = EX_OSFILE;
		spawn_free(s);
		return NULL;
	}
	return s;
}

void
spawn_free(struct spawn *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (s->exec_fd[i] != -1)
			close(s->exec_fd[i]);
	if (s->null_fd != -1)
		close(s->null_fd);
	free(s->state_dir);
	free(s->empty_dir);
	free(s);
}

static void __attribute__((format(printf, 2, 3)))
env_add(struct environment *env, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (env->n == SPAWN_ENV_MAX || vasprintf(&text, fmt, ap) == -1)
		fatal("out of memory");
	va_end(ap);
	env->list[env->n++] = text;
}

static void
env_add_user(struct environment *env, const struct spawn *s, enum role role)
{
	const struct user *user = role == ROLE_NET     ? &s->users->net
				  : role == ROLE_STORE ? &s->users->store
						       : &s->users->resolver;

	if (!s->users->as_root)
		return;
	env_add(env, "DMD_UID=%lu", (unsigned long)user->uid);
	env_add(env, "DMD_GID=%lu", (unsigned long)user->gid);
	if (role == ROLE_NET)
		env_add(env, "DMD_ROOT=%s", s->empty_dir);
	if (role == ROLE_STORE)
		env_add(env, "DMD_ROOT=%s", s->state_dir);
}

static void
env_make(struct environment *env, const struct spawn *s, enum role role)
{
	static const char *const styles[] = {"stderr", "journal", "syslog"};

	env->n = 0;
	env_add_user(env, s, role);
	if (role == ROLE_STORE)
		env_add(env, "DMD_STATE_DIR=%s", s->state_dir);
	env_add(env, "DMD_PARENT=%ld", (long)getpid());
	env_add(env, "DMD_LOG=%s %s", log_level_name(log_get_level()),
	    styles[s->log]);
#ifdef DMD_SANITIZER
	if (getenv("ASAN_OPTIONS") != NULL)
		env_add(env, "ASAN_OPTIONS=%s", getenv("ASAN_OPTIONS"));
#endif
	env->list[env->n] = NULL;
}

static void
env_clear(struct environment *env)
{
	for (size_t i = 0; i < env->n; i++)
		free(env->list[i]);
}

/* In the child, between fork and exec: nothing may be left to chance. */
static void __attribute__((noreturn))
child_exec(const struct spawn *s, enum role role, int channel_fd, char **env)
{
	static const char *const names[ROLE_COUNT] = {
	    "dmd", "dmd[net]", "dmd[store]", "dmd[resolver]"};
	char *argv[] = {(char *)(uintptr_t)names[role],
	    role == ROLE_RESOLVER ? (char *)(uintptr_t) "--role=resolver"
				  : NULL,
	    NULL};

	/* ignored signals stay ignored over exec: no signal to the group ends a
	 * child before its first line */
	signals_child();
	/* all descriptors are close-on-exec; this makes sure of it */
	(void)syscall(
	    SYS_close_range, CHILD_FD, ~0U, 1U << 2 /* CLOEXEC, 5.11 */);
	if (dup2(s->null_fd, STDIN_FILENO) == -1 ||
	    dup2(s->null_fd, STDOUT_FILENO) == -1 ||
	    /* in the background no process may wait for it to be closed */
	    (s->log == SPAWN_LOG_SYSLOG &&
		dup2(s->null_fd, STDERR_FILENO) == -1) ||
	    (channel_fd == CHILD_FD ? fcntl(CHILD_FD, F_SETFD, 0)
				    : dup2(channel_fd, CHILD_FD)) == -1)
		_exit(EX_OSERR);
	syscall(SYS_execveat, s->exec_fd[role], "", argv, env, AT_EMPTY_PATH);
	log_error("cannot execute %s: %s", role_name(role), strerror(errno));
	_exit(EX_OSERR);
}

pid_t
spawn_child(const struct spawn *s, enum role role, int channel_fd)
{
	struct environment env;
	sigset_t was;
	pid_t pid;

	env_make(&env, s, role);
	signals_block_all(&was);
	pid = fork();
	if (pid == 0)
		child_exec(s, role, channel_fd, env.list);
	sigprocmask(SIG_SETMASK, &was, NULL);
	env_clear(&env);
	return pid;
}
