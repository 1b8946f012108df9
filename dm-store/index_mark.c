/* SPDX-License-Identifier: ISC */
/* The rest of index.h: the mark that lies beside the index while it is open. */
#include "dm-store/index.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

/* Empty: earlier versions counted in it, and gave the index up at three bytes.
 */
#define MARK "opening"

int
index_mark(int dir_fd)
{
	int fd;

	fd = openat(dir_fd, MARK,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return errno == EEXIST ? 1 : -1;
	close(fd);
	return 0;
}

void
index_settled(int dir_fd)
{
	if (unlinkat(dir_fd, MARK, 0) == -1 && errno != ENOENT &&
	    errno != EROFS) /* told at the start */
		log_warn("cannot remove the mark index/%s: %s: the next start "
			 "checks the index",
		    MARK, strerror(errno));
}
