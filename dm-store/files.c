/* SPDX-License-Identifier: ISC */
#include "dm-store/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hex.h"
#include "common/limits.h"
#include "common/log.h"
#include "dm-store/disk.h"
#include "dm-store/files_path.h"
#include "dm-store/hashing.h"
#include "dm-store/quarantine.h"

static void
put_name(uint64_t serial, char out[static FILES_HEX_SIZE])
{
	snprintf(out, FILES_HEX_SIZE, "put-%llu", (unsigned long long)serial);
}

/* --- tmp/ ------------------------------------------------------------- */

int
files_put_new(struct files *f, uint64_t *serial)
{
	char name[FILES_HEX_SIZE];

	*serial = ++f->serial;
	put_name(*serial, name);
	return disk_open(f->tmp_fd, name, O_RDWR | O_CREAT | O_EXCL, 0640);
}

void
files_put_drop(struct files *f, uint64_t serial)
{
	char name[FILES_HEX_SIZE];

	put_name(serial, name);
	if (disk_unlink(f->tmp_fd, name) == -1 && errno != ENOENT)
		log_warn(
		    "cannot remove index/tmp/%s: %s", name, strerror(errno));
}

int
files_put_keep(
    struct files *f, uint64_t serial, const uint8_t version[static 32])
{
	char from[FILES_HEX_SIZE], to[FILES_HEX_SIZE];

	put_name(serial, from);
	hex_encode(version, 32, to);
	if (disk_rename(f->tmp_fd, from, f->tmp_fd, to) == -1)
		return -1;
	files_must_sync(f, f->tmp_fd, "tmp/");
	return 0;
}

int
files_stage(struct files *f, const uint8_t version[static 32],
    const void *content, size_t len)
{
	char name[FILES_HEX_SIZE];
	int fd, saved;

	hex_encode(version, 32, name);
	fd = disk_open(f->tmp_fd, name, O_WRONLY | O_CREAT | O_EXCL, 0640);
	if (fd == -1 && errno == EEXIST) {
		/* left by a commit that failed */
		disk_unlink(f->tmp_fd, name);
		fd = disk_open(
		    f->tmp_fd, name, O_WRONLY | O_CREAT | O_EXCL, 0640);
	}
	if (fd == -1)
		return -1;
	if (disk_write(fd, content, len) == -1) {
		saved = errno;
		close(fd);
		disk_unlink(f->tmp_fd, name);
		errno = saved;
		return -1;
	}
	close(fd);
	return 0;
}

static int
read_kept(struct files *f, const char *name, const uint8_t sha256[static 32],
    uint64_t size)
{
	return name != NULL ? files_read(f, name, size)
			    : files_read_old(f, sha256, size);
}

int
files_stage_link(struct files *f, const uint8_t version[static 32],
    const char *name, const uint8_t sha256[static 32], uint64_t size)
{
	char from[FILES_HEX_SIZE], to[FILES_HEX_SIZE];
	int fd = read_kept(f, name, sha256, size), dir_fd, rc;

	if (fd == -1)
		return -1;
	hex_encode(sha256, 32, from);
	hex_encode(version, 32, to);
	files_must_sync(f, fd, "index/old/");
	close(fd);
	disk_unlink(f->tmp_fd, to);
	dir_fd = name != NULL ? files_parent(f, name) : dup(f->old_fd);
	if (dir_fd == -1)
		return -1;
	rc = disk_link(
	    dir_fd, name != NULL ? files_base(name) : from, f->tmp_fd, to);
	close(dir_fd);
	if (rc == 0)
		files_must_sync(f, f->tmp_fd, "tmp/");
	return rc;
}

/* The content is checked by its hash before anything points to it. */
int
files_stage_kept(struct files *f, const uint8_t version[static 32],
    const char *name, const uint8_t sha256[static 32], uint64_t size)
{
	int fd = read_kept(f, name, sha256, size);
	uint8_t hash[32];
	bool is_good;

	if (fd == -1)
		return -1;
	is_good =
	    hashing_whole(fd, size, hash) && memcmp(hash, sha256, 32) == 0;
	close(fd);
	if (is_good)
		return files_stage_link(f, version, name, sha256, size);
	if (name == NULL)
		files_old_remove(f, sha256);
	errno = EBADMSG;
	return -1;
}

void
files_unstage(struct files *f, const uint8_t version[static 32])
{
	char name[FILES_HEX_SIZE];

	hex_encode(version, 32, name);
	if (disk_unlink(f->tmp_fd, name) == -1 && errno != ENOENT)
		log_warn(
		    "cannot remove index/tmp/%s: %s", name, strerror(errno));
}

bool
files_is_staged(struct files *f, const uint8_t version[static 32])
{
	char name[FILES_HEX_SIZE];
	int fd;

	hex_encode(version, 32, name);
	/* a file that may not be read can be moved */
	fd = disk_open(f->tmp_fd, name, O_PATH, 0);
	if (fd != -1)
		close(fd);
	return fd != -1;
}

/* --- files/ ----------------------------------------------------------- */

/* A directory that is not there, durable before anything is moved into it:
 * else what left tmp/ for good could be nowhere. -1 with errno. */
static int
part_make(int dir_fd, const char *part)
{
	int saved;

	if (disk_mkdir(dir_fd, part, 0750) == -1)
		return -1;
	if (disk_sync(dir_fd) == 0)
		return disk_open(dir_fd, part, O_RDONLY | O_DIRECTORY, 0);
	saved = errno;
	disk_rmdir(dir_fd, part);
	errno = saved;
	return -1;
}

/* Opens the directory `part` of dir_fd, and makes it if it is missing. path is
 * the same directory below state_dir. A file in its place goes to
 * quarantine/. */
static int
part_open(struct files *f, int dir_fd, const char *part, const char *path)
{
	int fd = disk_open(dir_fd, part, O_RDONLY | O_DIRECTORY, 0);

	if (fd != -1)
		return fd;
	if (errno == ENOTDIR || errno == ELOOP) {
		if (quarantine_take(f, dir_fd, part, path) == -1)
			return -1;
	} else if (errno != ENOENT) {
		return -1;
	}
	return part_make(dir_fd, part);
}

/*
 * The directory that a name lies in, made as needed. Each new one inherits the
 * group and the set-group-id bit of the one above.
 */
static int
parent_make(struct files *f, const char *name)
{
	char part[NAME_LEN_MAX + 1], path[FILES_PATH_SIZE];
	const char *p = name, *slash;
	int fd, next, saved;

	fd = disk_open(f->files_fd, ".", O_RDONLY | O_DIRECTORY, 0);
	for (; fd != -1 && (slash = strchr(p, '/')) != NULL; p = slash + 1) {
		memcpy(part, p, (size_t)(slash - p));
		part[slash - p] = '\0';
		snprintf(path, sizeof(path), "files/%.*s", (int)(slash - name),
		    name);
		next = part_open(f, fd, part, path);
		saved = errno;
		close(fd);
		errno = saved;
		fd = next;
	}
	return fd;
}

int
files_place(struct files *f, const uint8_t version[static 32], const char *name)
{
	char staged[FILES_HEX_SIZE], path[FILES_PATH_SIZE];
	int dir_fd, rc, saved;

	hex_encode(version, 32, staged);
	snprintf(path, sizeof(path), "files/%s", name);
	dir_fd = files_parent(f, name);
	if (dir_fd == -1)
		dir_fd = parent_make(f, name);
	if (dir_fd == -1)
		return -1;
	rc = disk_rename(f->tmp_fd, staged, dir_fd, files_base(name));
	if (rc == -1 && errno == EISDIR &&
	    quarantine_take(f, dir_fd, files_base(name), path) == 0)
		rc = disk_rename(f->tmp_fd, staged, dir_fd, files_base(name));
	saved = errno;
	close(dir_fd);
	errno = saved;
	return rc;
}

int
files_keep(struct files *f, const char *name, const uint8_t sha256[static 32])
{
	char to[FILES_HEX_SIZE];
	int dir_fd, rc, saved;

	hex_encode(sha256, 32, to);
	dir_fd = files_parent(f, name);
	if (dir_fd == -1)
		return -1;
	rc = disk_link(dir_fd, files_base(name), f->old_fd, to);
	if (rc == -1 && errno == EEXIST)
		rc = 0;
	saved = errno;
	close(dir_fd);
	errno = saved;
	return rc;
}

int
files_keep_staged(struct files *f, const uint8_t version[static 32],
    const uint8_t sha256[static 32])
{
	char from[FILES_HEX_SIZE], to[FILES_HEX_SIZE];

	hex_encode(version, 32, from);
	hex_encode(sha256, 32, to);
	return disk_rename(f->tmp_fd, from, f->old_fd, to);
}

/* From the innermost outwards, until one is not empty. */
static void
prune_above(struct files *f, const char *name)
{
	char dir[NAME_LEN_MAX + 1];
	int fd;

	files_dir_of(name, dir);
	while (dir[0] != '\0') {
		fd = files_parent(f, dir);
		if (fd == -1)
			return;
		if (disk_rmdir(fd, files_base(dir)) == -1) {
			close(fd);
			return;
		}
		close(fd);
		files_dir_of(dir, dir);
	}
}

int
files_remove(struct files *f, const char *name, bool prune)
{
	int dir_fd, rc, saved;

	dir_fd = files_parent(f, name);
	if (dir_fd == -1)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	rc = disk_unlink(dir_fd, files_base(name));
	if (rc == -1 && (errno == ENOENT || errno == EISDIR))
		rc = 0; /* a directory there is not ours */
	saved = errno;
	close(dir_fd);
	if (rc == 0 && prune)
		prune_above(f, name);
	errno = saved;
	return rc;
}

/* Nothing there that could be lost: not an error of a sync. */
static bool
is_nothing(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

/* fsync(2); a failure is the end of the process, or -1. Closes fd. */
static int
sync_opened(struct files *f, int fd, const char *what, bool must)
{
	int rc = 0, saved;

	if (must)
		files_must_sync(f, fd, what);
	else
		rc = disk_sync(fd);
	saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

static int
sync_content(struct files *f, int dir_fd, const char *name, bool must)
{
	int fd = disk_open(dir_fd, name, O_RDONLY | O_NONBLOCK, 0);

	if (fd == -1)
		return is_nothing(errno) ? 0 : -1;
	return sync_opened(f, fd, name, must);
}

/* The directory that the next part of *p names; *p moves past it. -1 with
 * errno, ENOENT if no part is left. */
static int
open_part(int dir_fd, const char **p)
{
	const char *slash = strchr(*p, '/');
	char part[NAME_LEN_MAX + 1];

	if (slash == NULL) {
		errno = ENOENT;
		return -1;
	}
	memcpy(part, *p, (size_t)(slash - *p));
	part[slash - *p] = '\0';
	*p = slash + 1;
	return disk_open(dir_fd, part, O_RDONLY | O_DIRECTORY, 0);
}

/* The outermost first: no name is durable before its directory. */
static int
sync_above(struct files *f, const char *name, bool must)
{
	int fd = dup(f->files_fd), next, error;

	if (fd == -1)
		return -1;
	while (fd != -1) {
		next = open_part(fd, &name);
		error = next != -1 || is_nothing(errno) ? 0 : errno;
		if (sync_opened(f, fd, "files/", must) == -1)
			error = errno;
		fd = next;
		if (error == 0)
			continue;
		if (next != -1)
			close(next);
		errno = error;
		return -1;
	}
	return 0;
}

static int
sync_name(struct files *f, const char *name, bool with_content, bool must)
{
	if (with_content && sync_content(f, f->files_fd, name, must) == -1)
		return -1;
	return sync_above(f, name, must);
}

int
files_sync(struct files *f, const char *name, bool with_content)
{
	return sync_name(f, name, with_content, true);
}

int
files_sync_try(struct files *f, const char *name, bool with_content)
{
	return sync_name(f, name, with_content, false);
}

int
files_sync_all(struct files *f)
{
	if (!f->can_sync_all) {
		errno = ENOSYS;
		return -1;
	}
	return disk_sync_all(f->files_fd);
}

/* --- reading ---------------------------------------------------------- */

static int
read_checked(int dir_fd, const char *path, uint64_t size)
{
	struct stat st;
	int fd;

	/* NONBLOCK: whatever has been put there must not hang us */
	fd = disk_open(dir_fd, path, O_RDONLY | O_NONBLOCK, 0);
	if (fd == -1) {
		if (errno == ENOTDIR || errno == ELOOP)
			errno = ENOENT;
		return -1;
	}
	if (disk_stat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size == size)
		return fd;
	close(fd);
	errno = ESTALE;
	return -1;
}

int
files_read(struct files *f, const char *name, uint64_t size)
{
	return read_checked(f->files_fd, name, size);
}

int
files_read_old(struct files *f, const uint8_t sha256[static 32], uint64_t size)
{
	char name[FILES_HEX_SIZE];

	hex_encode(sha256, 32, name);
	return read_checked(f->old_fd, name, size);
}

void
files_old_remove(struct files *f, const uint8_t sha256[static 32])
{
	char name[FILES_HEX_SIZE];

	hex_encode(sha256, 32, name);
	if (disk_unlink(f->old_fd, name) == -1 && errno != ENOENT)
		log_warn(
		    "cannot remove index/old/%s: %s", name, strerror(errno));
}

int
files_old_write(struct files *f, const uint8_t version[static 32],
    const uint8_t sha256[static 32], const void *content, size_t len)
{
	if (files_stage(f, version, content, len) == -1)
		return -1;
	return files_keep_staged(f, version, sha256);
}

void
files_old_sync(struct files *f, const uint8_t sha256[static 32])
{
	char name[FILES_HEX_SIZE];

	hex_encode(sha256, 32, name);
	sync_content(f, f->old_fd, name, true);
}

int
files_old_sync_try(struct files *f, const uint8_t sha256[static 32])
{
	char name[FILES_HEX_SIZE];

	hex_encode(sha256, 32, name);
	if (sync_content(f, f->old_fd, name, false) == -1)
		return -1;
	return disk_sync(f->old_fd);
}

void
files_old_sync_names(struct files *f)
{
	files_must_sync(f, f->old_fd, "index/old/");
}

uint64_t
files_free(struct files *f)
{
	uint64_t bytes;

	return disk_free(f->files_fd, &bytes) == 0 ? bytes : FILES_FREE_UNKNOWN;
}
