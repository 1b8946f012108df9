/* SPDX-License-Identifier: ISC */
#include "dm-store/state_dirs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/hex.h"
#include "common/log.h"
#include "dm-store/disk.h"
#include "dm-store/files_path.h"

#define TMP_RENEWED "tmp-"

static const struct {
	const char *name;
	mode_t mode;
} held[FILES_DIRS] = {{"files", 02750}, {"index", 0700}, {"quarantine", 0700}};

/* --- opening ---------------------------------------------------------- */

/* mkdir(2) does not set the set-group-id bit. */
static int
make_dir(int state_fd, const char *name, mode_t mode)
{
	if (mkdirat(state_fd, name, mode & 0777) == -1)
		return errno == EEXIST ? 0 : -1;
	return fchmodat(state_fd, name, mode, 0);
}

/*
 * At every start, made or not: a start before this one may have ended between
 * the two.
 */
static int
sync_names(int path_fd)
{
	int fd = openat(path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd != -1 ? disk_sync(fd) : -1;

	if (fd != -1)
		close(fd);
	return rc;
}

int
state_dirs_hold(const char *state_dir, bool may_make, int dirs[FILES_DIRS])
{
	int state_fd, n = 0, saved;

	state_fd = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (state_fd == -1)
		return -1;
	for (; n < FILES_DIRS; n++) {
		if (may_make &&
		    make_dir(state_fd, held[n].name, held[n].mode) == -1)
			goto fail;
		dirs[n] = openat(state_fd, held[n].name,
		    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (dirs[n] == -1)
			goto fail;
	}
	if (may_make && sync_names(state_fd) == -1)
		goto fail;
	close(state_fd);
	return 0;
fail:
	saved = errno;
	while (n-- > 0)
		close(dirs[n]);
	close(state_fd);
	errno = saved;
	return -1;
}

static int
open_sub(int dir_fd, const char *name)
{
	if (disk_mkdir(dir_fd, name, 0700) == -1 && errno != EEXIST)
		return -1;
	return disk_open(dir_fd, name, O_RDONLY | O_DIRECTORY, 0);
}

int
state_dirs_open(struct files *f, int dirs[FILES_DIRS])
{
	struct utsname u;
	unsigned major = 0, minor = 0;

	memset(f, 0, sizeof(*f));
	f->old_fd = f->tmp_fd = -1;
	f->files_fd = disk_open(dirs[0], ".", O_RDONLY | O_DIRECTORY, 0);
	f->index_fd = disk_open(dirs[1], ".", O_RDONLY | O_DIRECTORY, 0);
	f->quarantine_fd = disk_open(dirs[2], ".", O_RDONLY | O_DIRECTORY, 0);
	if (f->index_fd != -1) {
		f->old_fd = open_sub(f->index_fd, "old");
		f->tmp_fd = open_sub(f->index_fd, "tmp");
	}
	if (f->files_fd == -1 || f->quarantine_fd == -1 || f->old_fd == -1 ||
	    f->tmp_fd == -1) {
		state_dirs_close(f);
		return -1;
	}
	/* old/ and tmp/ */
	files_must_sync(f, f->index_fd, "index/");
	for (int i = 0; i < FILES_DIRS; i++)
		close(dirs[i]);
	if (uname(&u) == 0 && sscanf(u.release, "%u.%u", &major, &minor) == 2)
		f->can_sync_all = major > 5 || (major == 5 && minor >= 8);
	return 0;
}

static void
close_if(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

void
state_dirs_close(struct files *f)
{
	int saved = errno;

	close_if(&f->files_fd);
	close_if(&f->index_fd);
	close_if(&f->old_fd);
	close_if(&f->tmp_fd);
	close_if(&f->quarantine_fd);
	errno = saved;
}

bool
state_dirs_is_read_only(struct files *f)
{
	struct statvfs st;

	return fstatvfs(f->index_fd, &st) == 0 && (st.f_flag & ST_RDONLY) != 0;
}

/* --- directories ------------------------------------------------------ */

/* A stream over a directory with its own offset. */
static DIR *
dir_stream(int fd)
{
	int copy = disk_open(fd, ".", O_RDONLY | O_DIRECTORY, 0);
	DIR *dir;

	if (copy == -1)
		return NULL;
	dir = fdopendir(copy);
	if (dir == NULL)
		close(copy);
	return dir;
}

static bool
is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A file's name that is the digits of a hash, as hex_encode() writes them. */
static bool
is_hash_name(const char *name, uint8_t hash[static 32])
{
	return hex_decode((const uint8_t *)name, strlen(name), hash, 32);
}

/* keep: NULL, or true for what stays. */
static int
sweep(int fd, const char *path, state_dirs_keep_fn *keep, void *ctx)
{
	DIR *dir = dir_stream(fd);
	uint8_t version[32];
	struct dirent *e;

	if (dir == NULL)
		return -1;
	while ((e = readdir(dir)) != NULL) {
		if (is_dot(e->d_name) ||
		    (keep != NULL && is_hash_name(e->d_name, version) &&
			keep(ctx, version)))
			continue;
		if (disk_unlink(fd, e->d_name) == -1)
			log_warn("cannot remove the left-over file %s%s: %s",
			    path, e->d_name, strerror(errno));
	}
	closedir(dir);
	return 0;
}

/* One that tmp_renew() has made and not renamed. */
static void
sweep_renewed(struct files *f)
{
	DIR *dir = dir_stream(f->index_fd);
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (strncmp(e->d_name, TMP_RENEWED, strlen(TMP_RENEWED)) == 0)
			disk_rmdir(f->index_fd, e->d_name);
	if (dir != NULL)
		closedir(dir);
}

/*
 * ext4 makes a file near its directory, and without a journal it looks there
 * at every inode that was freed in the last minutes before it finds one to
 * use: after many deletions that takes longer than all else. So tmp/, where
 * every file is made, is made anew at each start: dmd has marked index/, so
 * that a directory in it comes to lie where its first name and chance say.
 */
static int
tmp_renew(struct files *f)
{
	char name[64];
	uint64_t now_ns = clock_unix_ns();
	int fd;

	sweep_renewed(f);
	snprintf(name, sizeof(name), TMP_RENEWED "%" PRIu64 ".%09" PRIu64,
	    now_ns / NS_PER_S, now_ns % NS_PER_S);
	if (disk_mkdir(f->index_fd, name, 0700) == -1)
		return 0; /* a full disk: it stays where it is */
	/* what stays in it is not lost for that */
	if (disk_rename(f->index_fd, name, f->index_fd, "tmp") == -1) {
		disk_rmdir(f->index_fd, name);
		return 0;
	}
	fd = disk_open(f->index_fd, "tmp", O_RDONLY | O_DIRECTORY, 0);
	if (fd == -1)
		return -1;
	close(f->tmp_fd);
	f->tmp_fd = fd;
	files_must_sync(f, f->index_fd, "index/");
	return 0;
}

int
state_dirs_sweep(struct files *f, state_dirs_keep_fn *keep, void *ctx)
{
	return sweep(f->tmp_fd, "index/tmp/", keep, ctx) == 0 ? tmp_renew(f)
							      : -1;
}

int
state_dirs_sweep_old(struct files *f)
{
	return sweep(f->old_fd, "index/old/", NULL, NULL);
}

struct state_dirs_list {
	DIR *dir;
	int fd; /* the caller's */
};

struct state_dirs_list *
state_dirs_list_old(struct files *f)
{
	DIR *dir = dir_stream(f->old_fd);
	struct state_dirs_list *l;

	if (dir == NULL) {
		log_warn("cannot read index/old/: %s", strerror(errno));
		return NULL;
	}
	l = xcalloc(1, sizeof(*l));
	l->dir = dir;
	l->fd = f->old_fd;
	return l;
}

void
state_dirs_list_close(struct state_dirs_list *l)
{
	if (l == NULL)
		return;
	closedir(l->dir);
	free(l);
}

bool
state_dirs_list_next(struct state_dirs_list *l, uint8_t sha256[static 32])
{
	struct dirent *e;

	while ((e = readdir(l->dir)) != NULL) {
		if (is_dot(e->d_name))
			continue;
		if (is_hash_name(e->d_name, sha256))
			return true;
		if (disk_unlink(l->fd, e->d_name) == -1 && errno != EISDIR)
			log_warn("cannot remove index/old/%s: %s", e->d_name,
			    strerror(errno));
	}
	return false;
}

static bool
has_any(int fd)
{
	DIR *dir = dir_stream(fd);
	struct dirent *e;
	bool has = false;

	if (dir == NULL)
		return false;
	while (!has && (e = readdir(dir)) != NULL)
		has = !is_dot(e->d_name);
	closedir(dir);
	return has;
}

bool
state_dirs_has_any(struct files *f)
{
	return has_any(f->files_fd) || has_any(f->old_fd);
}
