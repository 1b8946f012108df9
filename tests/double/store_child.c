/* SPDX-License-Identifier: ISC */
#include "tests/double/store_child.h"

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

bool
store_child_find(struct store_child *c, const char *argv0)
{
	char *self = strdup(argv0);

	snprintf(c->program, sizeof(c->program), "%s/../../../dm-store",
	    dirname(self));
	free(self);
	if (access(c->program, X_OK) == 0)
		return true;
	printf("%s is not built: skipped\n", c->program);
	return false;
}

static void
make_dir(const struct store_child *c, const char *name, mode_t mode)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", c->dir, name);
	if (mkdir(path, 0700) == -1 || chown(path, NOBODY, NOBODY) == -1 ||
	    chmod(path, mode) == -1)
		fatal("%s", path);
}

void
store_child_make_dir(struct store_child *c)
{
	strcpy(c->dir, "/tmp/dm-store-child.XXXXXX");
	if (mkdtemp(c->dir) == NULL)
		fatal("%s", c->dir);
	if (geteuid() != 0)
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
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void
store_child_remove_dir(struct store_child *c)
{
	nftw(c->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
become(const struct store_child *c, int fd, pid_t parent)
{
	char uid[32], gid[32], state[100], root[100], ppid[32], log[64];
	char *env[8] = {
	    ppid, state, log, (char *)"ASAN_OPTIONS=detect_leaks=0"};
	char *argv[2] = {(char *)"dm-store", NULL};

	snprintf(ppid, sizeof(ppid), "DMD_PARENT=%d", (int)parent);
	snprintf(state, sizeof(state), "DMD_STATE_DIR=%s", c->dir);
	snprintf(log, sizeof(log), "DMD_LOG=%s", c->log);
	snprintf(uid, sizeof(uid), "DMD_UID=%d", NOBODY);
	snprintf(gid, sizeof(gid), "DMD_GID=%d", NOBODY);
	snprintf(root, sizeof(root), "DMD_ROOT=%s", c->dir);
	if (geteuid() == 0) {
		env[4] = uid;
		env[5] = gid;
		env[6] = root;
	}
	if (dup2(fd, 3) == -1 || fcntl(3, F_SETFD, 0) == -1)
		_exit(99);
	fcntl(3, F_SETFL, 0);
	execve(c->program, argv, env);
	_exit(98);
}

struct ipc *
store_child_start(struct store_child *c, struct event_base *base,
    const struct ipc_owner *owner)
{
	pid_t self = getpid();
	int fds[2];

	if (ipc_pair(fds) == -1 || (c->pid = fork()) == -1)
		fatal("dm-store is not started");
	if (c->pid == 0)
		become(c, fds[1], self);
	close(fds[1]);
	return ipc_new(base, fds[0], ROLE_DMD, ROLE_STORE, owner);
}

void
store_child_configure(struct ipc *dmd, const struct ipc_config_begin *limits,
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
store_child_end(struct store_child *c, int sig)
{
	int status;

	if (sig != 0)
		kill(c->pid, sig);
	if (waitpid(c->pid, &status, 0) != c->pid)
		fatal("waitpid");
	return status;
}
