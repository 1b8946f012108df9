/* SPDX-License-Identifier: ISC */
#include "dm-store/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/hex.h"
#include "common/log.h"
#include "common/name.h"
#include "dm-store/disk.h"
#include "dm-store/files_path.h"

int
quarantine_take(struct files *f, int dir_fd, const char *name, const char *path)
{
	char to[64];
	int fd;

	if (disk_rmdir(dir_fd, name) == 0)
		return 0;
	/* a link may not be made elsewhere, and has nothing worth keeping */
	fd = disk_open(dir_fd, name, O_PATH, 0);
	if (fd == -1 && errno == ELOOP && disk_unlink(dir_fd, name) == 0) {
		log_warn("removed the symbolic link %s", path);
		return 0;
	}
	if (fd != -1)
		close(fd);
	snprintf(to, sizeof(to), "content-%lld-%llu", (long long)time(NULL),
	    (unsigned long long)++f->serial);
	if (disk_rename(dir_fd, name, f->quarantine_fd, to) == -1)
		return errno == ENOENT ? 0 : -1;
	f->quarantined++;
	log_warn("%s is not what this node stored: moved it to quarantine/%s",
	    path, to);
	return 0;
}

void
quarantine_old(struct files *f, const uint8_t sha256[static 32])
{
	char name[FILES_HEX_SIZE], path[FILES_HEX_SIZE + 16];

	hex_encode(sha256, 32, name);
	snprintf(path, sizeof(path), "index/old/%s", name);
	if (quarantine_take(f, f->old_fd, name, path) == -1)
		log_error(
		    "cannot move %s to quarantine/: %s", path, strerror(errno));
}

void
quarantine_file(struct files *f, const char *name)
{
	char path[FILES_PATH_SIZE];
	int dir_fd = files_parent(f, name);

	if (dir_fd == -1)
		return;
	snprintf(path, sizeof(path), "files/%s", name);
	if (quarantine_take(f, dir_fd, files_base(name), path) == -1)
		log_error(
		    "cannot move %s to quarantine/: %s", path, strerror(errno));
	close(dir_fd);
}

int
quarantine_index(struct files *f, uint64_t now_s)
{
	static const char *const names[] = {"data.mdb", "lock.mdb"};
	char dir[64];
	int fd;

	snprintf(dir, sizeof(dir), "index-%llu", (unsigned long long)now_s);
	if (disk_mkdir(f->quarantine_fd, dir, 0700) == -1 && errno != EEXIST)
		return -1;
	fd = disk_open(f->quarantine_fd, dir, O_RDONLY | O_DIRECTORY, 0);
	if (fd == -1)
		return -1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (disk_rename(f->index_fd, names[i], fd, names[i]) == -1 &&
		    errno != ENOENT) {
			close(fd);
			return -1;
		}
	}
	files_must_sync(f, fd, "quarantine/");
	files_must_sync(f, f->index_fd, "index/");
	close(fd);
	f->quarantined++;
	return 0;
}

void
quarantine_row(struct files *f, const void *data, size_t len, uint64_t now_s)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "row-%llu-%llu", (unsigned long long)now_s,
	    (unsigned long long)++f->serial);
	fd = disk_open(
	    f->quarantine_fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd == -1 || disk_write(fd, data, len) == -1)
		log_warn(
		    "cannot write quarantine/%s: %s", name, strerror(errno));
	if (fd != -1)
		close(fd);
	f->quarantined++;
}
