/* SPDX-License-Identifier: ISC */
#include "dmd/resolver_watch.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#ifndef STATX_BTIME
/* A C library without statx(2), as musl 1.2.3: the kernel's own. */
#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
statx(int dir_fd, const char *path, int flags, unsigned mask, struct statx *st)
{
	return (int)syscall(SYS_statx, dir_fd, path, flags, mask, st);
}
#endif

static struct file_identity
look(size_t i)
{
	struct file_identity out = {.is_there = false};
	char real[PATH_MAX];
	struct statx st;

	if (!resolver_path_real(i, real) ||
	    statx(AT_FDCWD, real, 0, STATX_INO | STATX_BTIME, &st) == -1)
		return out;
	out.is_there = true;
	out.device = makedev(st.stx_dev_major, st.stx_dev_minor);
	out.inode = st.stx_ino;
	/* an inode's number may come again */
	if ((st.stx_mask & STATX_BTIME) != 0) {
		out.born_s = st.stx_btime.tv_sec;
		out.born_ns = st.stx_btime.tv_nsec;
	}
	return out;
}

static bool
is_same(const struct file_identity *a, const struct file_identity *b)
{
	return a->is_there == b->is_there && a->device == b->device &&
	       a->inode == b->inode && a->born_s == b->born_s &&
	       a->born_ns == b->born_ns;
}

void
resolver_watch_take(struct resolver_watch *w)
{
	for (size_t i = 0; i < RESOLVER_PATHS; i++)
		w->seen[i] = look(i);
}

const char *
resolver_watch_news(const struct resolver_watch *w)
{
	for (size_t i = 0; i < RESOLVER_PATHS; i++) {
		struct file_identity now = look(i);

		if (now.is_there && !is_same(&now, &w->seen[i]))
			return resolver_path_name(i);
	}
	return NULL;
}
