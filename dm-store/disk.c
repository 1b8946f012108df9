/* SPDX-License-Identifier: ISC */
#include "dm-store/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The error of a symbolic link, whatever openat(2) called it. */
static int
check_link(int dir_fd, const char *name, int fd, int flags)
{
	struct stat st;

	if (fd == -1 && errno == ENOTDIR) {
		if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISLNK(st.st_mode))
			errno = ENOTDIR;
		else
			errno = ELOOP;
	}
	/* O_PATH opens the link itself */
	if (fd != -1 && flags & O_PATH && fstat(fd, &st) == 0 &&
	    S_ISLNK(st.st_mode)) {
		close(fd);
		errno = ELOOP;
		return -1;
	}
	return fd;
}

/* `name` has no slash. */
static int
open_part(int dir_fd, const char *name, int flags, mode_t mode)
{
	int fd;

	if (strcmp(name, "..") == 0) {
		errno = EXDEV;
		return -1;
	}
	do
		fd = openat(dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC,
		    flags & O_CREAT ? mode : 0);
	while (fd == -1 && errno == EINTR);
	return check_link(dir_fd, name, fd, flags);
}

/*
 * Not openat2(2), which would do all of it: its mode is in memory, where the
 * seccomp filter cannot see that it has a set-user-id bit.
 */
int
disk_open(int dir_fd, const char *path, int flags, mode_t mode)
{
	char part[NAME_MAX + 1];
	int above_fd = dir_fd, fd, saved;
	const char *slash;

	for (; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
		if (slash == path || slash - path > NAME_MAX) {
			errno = slash == path ? EXDEV : ENAMETOOLONG;
			fd = -1;
			break;
		}
		memcpy(part, path, (size_t)(slash - path));
		part[slash - path] = '\0';
		fd = open_part(above_fd, part, O_PATH | O_DIRECTORY, 0);
		if (above_fd != dir_fd)
			close(above_fd);
		if (fd == -1)
			return -1;
		above_fd = fd;
	}
	if (slash == NULL)
		fd = open_part(above_fd, path, flags, mode);
	saved = errno;
	if (above_fd != dir_fd)
		close(above_fd);
	errno = saved;
	return fd;
}

int
disk_write(int fd, const void *data, size_t len)
{
	const uint8_t *p = data;
	ssize_t n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t
disk_read(int fd, void *data, size_t len, uint64_t offset)
{
	uint8_t *p = data;
	size_t got = 0;
	ssize_t n;

	while (got < len) {
		n = pread(fd, p + got, len - got, (off_t)(offset + got));
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

int
disk_sync(int fd)
{
	int rc;

	do
		rc = fsync(fd);
	while (rc == -1 && errno == EINTR);
	return rc;
}

int
disk_sync_all(int fd)
{
	return syncfs(fd);
}

int
disk_rename(int from_fd, const char *from, int to_fd, const char *to)
{
	return renameat(from_fd, from, to_fd, to);
}

int
disk_link(int from_fd, const char *from, int to_fd, const char *to)
{
	return linkat(from_fd, from, to_fd, to, 0);
}

int
disk_unlink(int dir_fd, const char *name)
{
	return unlinkat(dir_fd, name, 0);
}

int
disk_mkdir(int dir_fd, const char *name, mode_t mode)
{
	return mkdirat(dir_fd, name, mode);
}

int
disk_rmdir(int dir_fd, const char *name)
{
	return unlinkat(dir_fd, name, AT_REMOVEDIR);
}

int
disk_stat(int fd, struct stat *st)
{
	return fstat(fd, st);
}

int
disk_free(int fd, uint64_t *bytes)
{
	struct statvfs st;

	if (fstatvfs(fd, &st) == -1)
		return -1;
	/* ramfs, and some in user space, have no blocks to count */
	*bytes = st.f_blocks == 0
		     ? DISK_FREE_UNKNOWN
		     : (uint64_t)st.f_bavail * (uint64_t)st.f_frsize;
	return 0;
}

bool
disk_error_is_full(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

static bool
is_at_limit(int fd, uint64_t margin)
{
	struct rlimit limit;
	struct stat st;

	return getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
	       limit.rlim_cur != RLIM_INFINITY && disk_stat(fd, &st) == 0 &&
	       (uint64_t)st.st_size + margin >= limit.rlim_cur;
}

bool
disk_is_nearly_full(int fd, uint64_t margin)
{
	uint64_t bytes;

	return (disk_free(fd, &bytes) == 0 && bytes < margin) ||
	       is_at_limit(fd, margin);
}

bool
disk_is_sealed(int fd, uint64_t size)
{
	const int needed = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	return seals != -1 && (seals & needed) == needed &&
	       disk_stat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == size;
}
