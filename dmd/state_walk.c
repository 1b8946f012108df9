/* SPDX-License-Identifier: ISC */
#include "dmd/state_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/limits.h"
#include "dmd/directories.h"

#define DEPTH_MAX (2 * NAME_DEPTH_MAX) /* dm-store makes no more */

struct walk {
	const struct users *users;
	bool is_deep;
	state_visit *visit;
	void *ctx;
	dev_t dev;
	char path[PATH_MAX];
};

static void inside(struct walk *, int dir_fd, const char *name,
    const struct layout_dir *tree, unsigned depth);

const char *
state_key_name(const struct config *config)
{
	const char *path = config->cluster.identity_key;
	const char *slash = strrchr(path, '/');
	char *dir;
	bool is_inside;

	if (slash == NULL)
		return NULL;
	dir = directories_dirname(path);
	is_inside = strcmp(dir, config->state_dir) == 0;
	free(dir);
	return is_inside ? slash + 1 : NULL;
}

/* Adds "/name" to the path; returns its length before, for path_cut(). */
static size_t
path_add(struct walk *w, const char *name)
{
	size_t len = strlen(w->path);

	snprintf(w->path + len, sizeof(w->path) - len, "/%s", name);
	return len;
}

static void
path_cut(struct walk *w, size_t len)
{
	w->path[len] = '\0';
}

/* --- what the layout names --- */

/* False if it is missing, or may not be looked at. */
static bool
entry_look(struct walk *w, int dir_fd, const char *name, struct state_entry *e)
{
	memset(e, 0, sizeof(*e));
	e->dir_fd = dir_fd;
	e->name = name;
	e->path = w->path;
	return fstatat(dir_fd, name, &e->st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
own_file(struct walk *w, int state_fd, const char *name)
{
	size_t len = path_add(w, name);
	struct state_entry e;

	/* an administrator may have made a link of it */
	if (entry_look(w, state_fd, name, &e) && !S_ISLNK(e.st.st_mode)) {
		e.want = layout_own_file(w->users);
		w->visit(w->ctx, &e);
	}
	path_cut(w, len);
}

/* The directory in which the last part of name lies: to be closed. */
static int
parent_open(int state_fd, const char *name)
{
	const char *slash = strchr(name, '/');
	char first[NAME_MAX + 1];

	snprintf(first, sizeof(first), "%.*s",
	    slash != NULL ? (int)(slash - name) : 1,
	    slash != NULL ? name : ".");
	return openat(
	    state_fd, first, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void
directory(struct walk *w, int state_fd, const struct layout_dir *dir)
{
	const char *slash = strrchr(dir->name, '/');
	const char *name = slash != NULL ? slash + 1 : dir->name;
	int dir_fd = parent_open(state_fd, dir->name);
	size_t len = path_add(w, dir->name);
	struct state_entry e;

	if (dir_fd != -1 && entry_look(w, dir_fd, name, &e)) {
		if (w->is_deep && S_ISDIR(e.st.st_mode))
			inside(w, dir_fd, name, dir, 0);
		e.want = layout_dir(w->users, dir);
		w->visit(w->ctx, &e);
	}
	if (dir_fd != -1)
		close(dir_fd);
	path_cut(w, len);
}

/* --- what is in it --- */

/* index/old, which is visited by itself. */
static bool
is_named(const struct layout_dir *tree, const char *name, unsigned depth)
{
	char path[NAME_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", tree->name, name);
	for (size_t i = 0; depth == 0 && i < LAYOUT_BELOW; i++)
		if (strcmp(layout_below[i].name, path) == 0)
			return true;
	return false;
}

static void
content(struct walk *w, int dir_fd, const char *name,
    const struct layout_dir *tree, unsigned depth)
{
	size_t len = path_add(w, name);
	struct state_entry e;

	if (entry_look(w, dir_fd, name, &e) && e.st.st_dev == w->dev) {
		if (S_ISDIR(e.st.st_mode))
			inside(w, dir_fd, name, tree, depth + 1);
		e.tree = tree;
		e.want = layout_inside(w->users, tree, S_ISDIR(e.st.st_mode));
		w->visit(w->ctx, &e);
	}
	path_cut(w, len);
}

static void
inside(struct walk *w, int dir_fd, const char *name,
    const struct layout_dir *tree, unsigned depth)
{
	int fd = depth < DEPTH_MAX
		     ? openat(dir_fd, name,
			   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
		     : -1;
	DIR *dir = fd != -1 ? fdopendir(fd) : NULL;
	const struct dirent *d;

	if (dir == NULL) {
		if (fd != -1)
			close(fd);
		return;
	}
	while ((d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") != 0 &&
		    strcmp(d->d_name, "..") != 0 &&
		    !is_named(tree, d->d_name, depth))
			content(w, fd, d->d_name, tree, depth);
	closedir(dir);
}

void
state_walk(int state_fd, const struct config *config, const struct users *users,
    bool is_deep, state_visit *visit, void *ctx)
{
	struct walk w = {
	    .users = users, .is_deep = is_deep, .visit = visit, .ctx = ctx};
	const char *key = state_key_name(config);
	struct state_entry e;

	snprintf(w.path, sizeof(w.path), "%s", config->state_dir);
	if (!entry_look(&w, state_fd, ".", &e))
		return;
	w.dev = e.st.st_dev;
	if (key != NULL)
		own_file(&w, state_fd, key);
	own_file(&w, state_fd, "lock");
	for (size_t i = LAYOUT_BELOW; i-- > 0;)
		directory(&w, state_fd, &layout_below[i]);
	e.want = layout_state(users);
	visit(ctx, &e);
}
