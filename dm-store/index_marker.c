/* SPDX-License-Identifier: ISC */
/* The rest of index.h: the marker that is there while an index is opened. */
#include "dm-store/index.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

#define MARKER "opening"

int
index_attempts(int dir_fd)
{
	struct stat st;
	int fd;

	fd = openat(dir_fd, MARKER,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1 || write(fd, "+", 1) != 1) {
		close(fd);
		return -1;
	}
	close(fd);
	return st.st_size < 1000 ? (int)st.st_size : 1000;
}

void
index_settled(int dir_fd)
{
	if (unlinkat(dir_fd, MARKER, 0) == -1 && errno != ENOENT &&
	    errno != EROFS) /* told at the start */
		log_warn("index/%s: %s", MARKER, strerror(errno));
}

void
index_condemn(int dir_fd)
{
	for (int i = 0; i < INDEX_ATTEMPTS_MAX; i++) {
		if (index_attempts(dir_fd) != -1)
			continue;
		log_error("index/%s: %s", MARKER, strerror(errno));
		return;
	}
}
