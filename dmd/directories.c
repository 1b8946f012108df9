/* SPDX-License-Identifier: ISC */
#include "dmd/directories.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/log.h"
#include "dmd/layout.h"

/* The owner and mode of a directory, and how it is made. */
struct want {
	struct owned owned;
	bool is_adopted; /* an empty one of ours counts as new */
	bool is_top; /* directories below it need not be near each other on the
			disk */
};

char *
directories_dirname(const char *path)
{
	const char *end = path + strlen(path);
	char *out;
	size_t len;

	while (end > path + 1 && end[-1] == '/')
		end--;
	while (end > path + 1 && end[-1] != '/')
		end--;
	while (end > path + 1 && end[-1] == '/')
		end--;
	len = (size_t)(end - path);
	out = xmalloc(len + 1);
	memcpy(out, path, len);
	out[len] = '\0';
	return out;
}

/* faults.c has reported what it could look at; a file that has changed since,
 * or could not be seen then, is refused here. */
static int
dir_check(const struct stat *st, const char *path, const struct want *want)
{
	if (owned_check(&want->owned, st) == 0)
		return 0;
	owned_say(path, &want->owned, st);
	return EX_NOPERM;
}

/* The administrator's paths may be links, the names below them may not. */
static int
dir_descriptor(int dir_fd, const char *name)
{
	int flags = O_DIRECTORY | O_CLOEXEC | O_NONBLOCK |
		    (dir_fd == AT_FDCWD ? 0 : O_NOFOLLOW);
	int fd = openat(dir_fd, name, O_RDONLY | flags);

	if (fd == -1 && errno == EACCES)
		/* it belongs to the store: a look is enough */
		fd = openat(dir_fd, name, O_PATH | flags);
	return fd;
}

/*
 * ext4 keeps what is near to each other in the tree near on the disk too. Here
 * that is in the way: without a journal, a sync of the index also writes what
 * has changed in the inodes beside its own, and a new file's inode is looked
 * for among all that were freed around it lately. Other file systems do not
 * know the mark, and need not.
 */
static void
dir_mark_top(int fd)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == -1)
		return;
	flags |= FS_TOPDIR_FL;
	(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

/*
 * Gives a new directory its owner and mode, or checks an old one. An empty one
 * (not /tmp) may count as new: the administrator made it for us. chmod, then
 * chown: that needs no right besides CAP_CHOWN. *fd_out (may be NULL) is a
 * descriptor of it.
 */
static int
dir_settle(int dir_fd, const char *name, const char *path,
    const struct want *want, bool is_new, int *fd_out)
{
	int fd = dir_descriptor(dir_fd, name), code = 0;
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1) {
		log_error("cannot open %s: %s", path, strerror(errno));
		if (fd != -1)
			close(fd);
		return EX_NOPERM;
	}
	if (!is_new && want->is_adopted && owned_is_adoptable(fd, &st))
		is_new = true;
	if (is_new && want->is_top)
		dir_mark_top(fd);
	if (!is_new) {
		code = dir_check(&st, path, want);
	} else if (fchmod(fd, want->owned.mode) == -1 ||
		   fchown(fd, want->owned.uid,
		       want->owned.is_group_fixed ? want->owned.gid
						  : (gid_t)-1) == -1) {
		log_error("cannot set the owner and mode of %s: %s", path,
		    strerror(errno));
		code = EX_CANTCREAT;
	}
	if (code != 0 || fd_out == NULL)
		close(fd);
	else
		*fd_out = fd;
	return code;
}

/* 0 and *is_new, or a code. */
static int
dir_make(int dir_fd, const char *name, const char *path, bool *is_new)
{
	*is_new = mkdirat(dir_fd, name, 0700) == 0;
	if (*is_new || errno == EEXIST)
		return 0;
	log_error("cannot make %s: %s", path, strerror(errno));
	return EX_CANTCREAT;
}

static int
dir_open(int dir_fd, const char *name, const char *path,
    const struct want *want, int *fd_out)
{
	bool is_new;
	int code = dir_make(dir_fd, name, path, &is_new);

	if (code != 0)
		return code;
	return dir_settle(dir_fd, name, path, want, is_new, fd_out);
}

/* A lock that cannot be had for another reason than that it is taken. */
static int
lock_failed(const char *state_dir)
{
	bool is_remote = errno == ENOLCK || errno == EOPNOTSUPP ||
			 errno == ENOSYS || errno == EIO;

	if (errno == EWOULDBLOCK) {
		log_error("another dmd is running on %s", state_dir);
		return EX_TEMPFAIL;
	}
	log_error("cannot lock %s/lock: %s%s", state_dir, strerror(errno),
	    is_remote ? " (if the file system or its server has no locks, name "
			"a state_dir on another one)"
		      : "");
	return EX_OSERR;
}

int
directories_lock(int state_fd, const char *state_dir, int *lock_fd)
{
	int fd = openat(
	    state_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int code;

	/* the files can still be served */
	if (fd == -1 && errno == EROFS)
		fd =
		    openat(state_fd, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd == -1) {
		log_error(
		    "cannot open %s/lock: %s", state_dir, strerror(errno));
		return EX_CANTCREAT;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		code = lock_failed(state_dir);
		close(fd);
		return code;
	}
	*lock_fd = fd;
	return 0;
}

/*
 * All are made before any is given away: without CAP_DAC_OVERRIDE root cannot
 * look into index/ afterwards. If it was given away at an earlier start,
 * dm-store makes the directories in it.
 */
static int
below_prepare(int state_fd, const char *state_dir, const struct users *users)
{
	bool is_new[LAYOUT_BELOW], is_hidden[LAYOUT_BELOW];
	struct want want;
	char path[4096];
	int code;

	for (size_t i = 0; i < LAYOUT_BELOW; i++) {
		snprintf(path, sizeof(path), "%s/%s", state_dir,
		    layout_below[i].name);
		is_hidden[i] =
		    strchr(layout_below[i].name, '/') != NULL &&
		    faccessat(state_fd, "index", W_OK | X_OK, AT_EACCESS) == -1;
		if (is_hidden[i])
			continue;
		code =
		    dir_make(state_fd, layout_below[i].name, path, &is_new[i]);
		if (code != 0)
			return code;
	}
	for (size_t i = LAYOUT_BELOW; i-- > 0;) {
		if (is_hidden[i])
			continue;
		snprintf(path, sizeof(path), "%s/%s", state_dir,
		    layout_below[i].name);
		want = (struct want){layout_dir(users, &layout_below[i]), true,
		    layout_below[i].is_top};
		code = dir_settle(state_fd, layout_below[i].name, path, &want,
		    is_new[i], NULL);
		if (code != 0)
			return code;
	}
	/* the store's files are only as durable as the way to them */
	if (fsync(state_fd) == -1) {
		log_error("cannot sync %s: %s", state_dir, strerror(errno));
		return EX_IOERR;
	}
	return 0;
}

static int
state_prepare(
    const struct config *config, const struct users *users, int *lock_fd)
{
	const struct want want = {layout_state(users), true, true};
	int fd = -1, code;

	code = dir_open(
	    AT_FDCWD, config->state_dir, config->state_dir, &want, &fd);
	if (code != 0)
		return code;
	/* the lock first: the directories may belong to another dmd */
	code = directories_lock(fd, config->state_dir, lock_fd);
	if (code == 0)
		code = below_prepare(fd, config->state_dir, users);
	close(fd);
	return code;
}

static int
run_prepare(const struct config *config, const struct users *users,
    struct directories *out)
{
	const struct want run = {layout_run(users), false, false};
	const struct want empty = {layout_empty(users), true, false};
	int fd = -1, empty_fd = -1, code;
	size_t len;

	out->run_dir = directories_dirname(config->control_socket);
	len = strlen(out->run_dir) + sizeof("/empty");
	out->empty_dir = xmalloc(len);
	snprintf(out->empty_dir, len, "%s/empty", out->run_dir);
	code = dir_open(AT_FDCWD, out->run_dir, out->run_dir, &run, &fd);
	if (code != 0)
		return code;
	if (users->as_root)
		code = dir_open(fd, "empty", out->empty_dir, &empty, &empty_fd);
	if (code == 0 && users->as_root && !owned_is_empty(empty_fd)) {
		log_error("%s must be empty: it is dm-net's root directory",
		    out->empty_dir);
		code = EX_CONFIG;
	}
	if (empty_fd != -1)
		close(empty_fd);
	close(fd);
	return code;
}

int
directories_prepare(const struct config *config, const struct users *users,
    struct directories *out)
{
	int code;

	memset(out, 0, sizeof(*out));
	out->lock_fd = -1;
	code = state_prepare(config, users, &out->lock_fd);
	out->lock_path = xmalloc(strlen(config->state_dir) + sizeof("/lock"));
	strcpy(out->lock_path, config->state_dir);
	strcat(out->lock_path, "/lock");
	if (code == 0)
		code = run_prepare(config, users, out);
	if (code != 0)
		directories_clear(out);
	return code;
}

static const char *const below[DIRECTORIES_BELOW] = {
    "/files", "/index", "/quarantine"};

/* A directory that cannot be looked at now counts as unchanged. */
static bool
is_gone(const char *path, dev_t dev, ino_t ino)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return errno == ENOENT || errno == ENOTDIR;
	return st.st_dev != dev || st.st_ino != ino;
}

static void
path_below(const struct directories *p, size_t i, char path[static PATH_MAX])
{
	size_t len = strlen(p->lock_path) - strlen("/lock");

	snprintf(path, PATH_MAX, "%.*s%s", (int)len, p->lock_path, below[i]);
}

/* Remembers the directories that are there. */
static void
below_know(struct directories *p, size_t i)
{
	char path[PATH_MAX];
	struct stat st;

	path_below(p, i, path);
	if (stat(path, &st) == -1)
		return;
	p->below[i].is_known = true;
	p->below[i].dev = st.st_dev;
	p->below[i].ino = st.st_ino;
}

const char *
directories_missing(struct directories *p)
{
	char path[PATH_MAX];
	struct stat held;

	if (fstat(p->lock_fd, &held) == 0 &&
	    is_gone(p->lock_path, held.st_dev, held.st_ino))
		return "";
	for (size_t i = 0; i < DIRECTORIES_BELOW; i++) {
		path_below(p, i, path);
		/* without root dm-store makes them: later than it starts */
		if (!p->below[i].is_known)
			below_know(p, i);
		else if (is_gone(path, p->below[i].dev, p->below[i].ino))
			return below[i];
	}
	return NULL;
}

void
directories_open_again(struct directories *p)
{
	for (size_t i = 0; i < DIRECTORIES_BELOW; i++)
		below_know(p, i);
}

void
directories_clear(struct directories *p)
{
	if (p->lock_fd != -1)
		close(p->lock_fd);
	free(p->run_dir);
	free(p->empty_dir);
	free(p->lock_path);
	p->lock_fd = -1;
	p->run_dir = p->empty_dir = p->lock_path = NULL;
}
