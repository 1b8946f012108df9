/* SPDX-License-Identifier: ISC */
#include "dm-store/files_path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/log.h"
#include "dm-store/disk.h"
#include "dm-store/index.h"

void
files_sync_failed(struct files *f, const char *what, int error)
{
	/* a failing disk is no reason to doubt the index */
	index_settled(f->index_fd);
	fatal("cannot sync %s: %s: check the disk (dmd starts dm-store again)",
	    what, strerror(error));
}

void
files_must_sync(struct files *f, int fd, const char *what)
{
	if (disk_sync(fd) == -1)
		files_sync_failed(f, what, errno);
}

const char *
files_base(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash != NULL ? slash + 1 : name;
}

void
files_dir_of(const char *name, char out[static NAME_LEN_MAX + 1])
{
	size_t n = (size_t)(files_base(name) - name);

	if (n > 0)
		n--;
	memmove(out, name, n); /* may be the same */
	out[n] = '\0';
}

int
files_parent(struct files *f, const char *name)
{
	char dir[NAME_LEN_MAX + 1];

	files_dir_of(name, dir);
	return disk_open(
	    f->files_fd, dir[0] != '\0' ? dir : ".", O_RDONLY | O_DIRECTORY, 0);
}
