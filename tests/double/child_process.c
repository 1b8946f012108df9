/* SPDX-License-Identifier: ISC */
#include "tests/double/child_process.h"

#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"

#define NOBODY 65534

void
child_process_find(struct child_process *c, const char *argv0)
{
	char *self = strdup(argv0), *tests = strstr(self, "tests/unit/");

	if (tests == NULL)
		fatal("%s: run it by its path below the build directory", self);
	*tests = '\0';
	snprintf(c->program, sizeof(c->program), "%s%s%s",
	    *self == '\0' ? "./" : "", self, role_name(c->role));
	free(self);
	if (access(c->program, X_OK) == -1)
		fatal("%s is not built: run make all", c->program);
}

static void
make_dir(const struct child_process *c, const char *name, mode_t mode)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", c->dir, name);
	if (mkdir(path, 0700) == -1 || chown(path, NOBODY, NOBODY) == -1 ||
	    chmod(path, mode) == -1)
		fatal("%s", path);
}

void
child_process_make_dir(struct child_process *c)
{
	strcpy(c->dir, "/tmp/dm-child.XXXXXX");
	if (mkdtemp(c->dir) == NULL)
		fatal("%s", c->dir);
	if (geteuid() != 0 || c->role != ROLE_STORE)
		return;
	if (chown(c->dir, 0, NOBODY) == -1 || chmod(c->dir, 0750) == -1)
		fatal("%s", c->dir);
	make_dir(c, "files", 02750);
	make_dir(c, "index", 0700);
	make_dir(c, "quarantine", 0700);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	return remove(path);
}

void
child_process_remove_dir(struct child_process *c)
{
	nftw(c->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
become(const struct child_process *c, int fd, pid_t parent)
{
	char uid[32], gid[32], state[100], root[100], ppid[32], log[64];
	char *env[8] = {ppid, log, (char *)"ASAN_OPTIONS=detect_leaks=0"};
	char *argv[2] = {(char *)basename((char *)c->program), NULL};
	size_t n = 3;

	snprintf(ppid, sizeof(ppid), "DMD_PARENT=%d", (int)parent);
	snprintf(state, sizeof(state), "DMD_STATE_DIR=%s", c->dir);
	snprintf(log, sizeof(log), "DMD_LOG=%s", c->log);
	snprintf(uid, sizeof(uid), "DMD_UID=%d", NOBODY);
	snprintf(gid, sizeof(gid), "DMD_GID=%d", NOBODY);
	snprintf(root, sizeof(root), "DMD_ROOT=%s", c->dir);
	if (c->role == ROLE_STORE)
		env[n++] = state;
	if (geteuid() == 0) {
		env[n++] = uid;
		env[n++] = gid;
		env[n++] = root;
	}
	if (dup2(fd, 3) == -1 || fcntl(3, F_SETFD, 0) == -1)
		_exit(99);
	fcntl(3, F_SETFL, 0);
	execve(c->program, argv, env);
	_exit(98);
}

struct ipc *
child_process_start(struct child_process *c, struct event_base *base,
    const struct ipc_owner *owner)
{
	pid_t self = getpid();
	int fds[2];

	if (ipc_pair(fds) == -1 || (c->pid = fork()) == -1)
		fatal("%s is not started", c->program);
	if (c->pid == 0)
		become(c, fds[1], self);
	close(fds[1]);
	return ipc_new(base, fds[0], ROLE_DMD, c->role, owner);
}

void
child_process_configure(struct ipc *dmd, const struct ipc_config_begin *limits,
    const uint8_t public_key[static 32])
{
	struct ipc_config_begin begin = *limits;
	struct ipc_config_name name = {
	    bytes_text("d/*"), bytes_of(public_key, 32)};
	struct ipc_config_commit commit = {1};

	begin.generation = 1;
	ipc_send(dmd, IPC_CONFIG_BEGIN, &begin, -1);
	ipc_send(dmd, IPC_CONFIG_NAME, &name, -1);
	ipc_send(dmd, IPC_CONFIG_COMMIT, &commit, -1);
}

int
child_process_end(struct child_process *c, int sig)
{
	int status;

	if (sig != 0)
		kill(c->pid, sig);
	if (waitpid(c->pid, &status, 0) != c->pid)
		fatal("waitpid");
	return status;
}
