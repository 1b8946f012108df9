/* SPDX-License-Identifier: ISC */
#include "dmd/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/log.h"
#include "dmd/directories.h"
#include "dmd/state_walk.h"

#define FIRST_MAX 256

/* The content of one directory that has one fault. */
struct tally {
	size_t n;
	char first[FIRST_MAX]; /* escaped */
	char is[OWNED_TEXT_MAX];
	char wanted[OWNED_TEXT_MAX];
};

struct report {
	const struct config *config;
	const struct users *users;
	bool is_silent; /* counts only */
	size_t n;
	struct tally owners[LAYOUT_BELOW], modes[LAYOUT_BELOW];
};

/* --- content --- */

static void
tally_add(struct tally *t, const struct state_entry *e)
{
	if (t->n++ > 0)
		return;
	log_escape(e->path, strlen(e->path), t->first, sizeof(t->first));
	owned_text_of(&e->st, t->is);
	owned_text(&e->want, t->wanted);
}

static void
tell_owners(const struct tally *t, const char *dir, const char *name)
{
	if (t->n > 0)
		log_error("%zu files in %s/%s do not belong to %s, the first "
			  "is %s of %s: chown -R %s %s/%s",
		    t->n, dir, name, t->wanted, t->first, t->is, t->wanted, dir,
		    name);
}

static void
tell_modes(const struct tally *t, const char *dir, const struct layout_dir *l)
{
	if (t->n > 0)
		log_error("%zu files in %s/%s have a wrong mode, the first is "
			  "%s: chmod -R %s %s/%s",
		    t->n, dir, l->name, t->first,
		    l->is_group ? "u=rwX,g=rX,o=" : "u=rwX,go=", dir, l->name);
}

static void
note_content(struct report *r, const struct state_entry *e)
{
	size_t i = (size_t)(e->tree - layout_below);
	unsigned wrong = owned_check(&e->want, &e->st);

	/* dm-store names what is neither a file nor a directory */
	if ((wrong & OWNED_OWNER) != 0)
		tally_add(&r->owners[i], e);
	if ((wrong & OWNED_MODE) != 0)
		tally_add(&r->modes[i], e);
	if ((wrong & (OWNED_OWNER | OWNED_MODE)) != 0)
		r->n++;
}

/* --- what the layout names --- */

static void
note(struct report *r, int dir_fd, const char *name, const char *path,
    const struct owned *want, const struct stat *st, bool is_adopted)
{
	int fd;
	bool is_new;

	if (owned_check(want, st) == 0)
		return;
	if (is_adopted && want->is_dir) {
		fd = openat(dir_fd, name,
		    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		is_new = fd != -1 && owned_is_adoptable(fd, st);
		if (fd != -1)
			close(fd);
		if (is_new)
			return;
	}
	r->n++;
	if (!r->is_silent)
		owned_say(path, want, st);
}

static void
on_entry(void *ctx, const struct state_entry *e)
{
	struct report *r = ctx;

	if (e->tree != NULL)
		note_content(r, e);
	else
		note(r, e->dir_fd, e->name, e->path, &e->want, &e->st, true);
}

/* By its whole path, links followed: the administrator has named it. */
static void
note_path(
    struct report *r, const char *path, struct owned want, bool is_adopted)
{
	struct stat st;

	if (stat(path, &st) == 0)
		note(r, AT_FDCWD, path, path, &want, &st, is_adopted);
}

static void
note_run(struct report *r)
{
	char *dir = directories_dirname(r->config->control_socket), *empty;

	note_path(r, dir, layout_run(r->users), false);
	if (r->users->as_root) {
		if (asprintf(&empty, "%s/empty", dir) == -1)
			fatal("out of memory");
		note_path(r, empty, layout_empty(r->users), true);
		free(empty);
	}
	free(dir);
}

/* Returns how many are wrong. */
static size_t
look(struct report *r, bool is_silent, bool is_deep)
{
	const char *dir = r->config->state_dir;
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	r->is_silent = is_silent;
	r->n = 0;
	if (fd != -1) {
		state_walk(fd, r->config, r->users, is_deep, on_entry, r);
		close(fd);
	} else if (errno != ENOENT) {
		r->n++;
		if (!is_silent)
			log_error("cannot open %s: %s", dir, strerror(errno));
	}
	if (state_key_name(r->config) == NULL)
		note_path(r, r->config->cluster.identity_key,
		    layout_own_file(r->users), false);
	note_run(r);
	return r->n;
}

static int
tell(struct report *r)
{
	if (look(r, false, true) == 0)
		return 0;
	for (size_t i = 0; i < LAYOUT_BELOW; i++) {
		tell_owners(
		    &r->owners[i], r->config->state_dir, layout_below[i].name);
		tell_modes(
		    &r->modes[i], r->config->state_dir, &layout_below[i]);
	}
	if (r->users->as_root)
		log_warn("dmd --repair, with the same -f, corrects owners and "
			 "modes of dmd's files in %s",
		    r->config->state_dir);
	return EX_NOPERM;
}

int
faults_of_all(const struct config *config, const struct users *users)
{
	struct report *r = xcalloc(1, sizeof(*r));
	int code;

	r->config = config;
	r->users = users;
	code = tell(r);
	free(r);
	return code;
}

int
faults_at_start(const struct config *config, const struct users *users)
{
	struct report *r = xcalloc(1, sizeof(*r));
	int code = 0;

	r->config = config;
	r->users = users;
	if (look(r, true, false) > 0)
		code = tell(r);
	free(r);
	return code;
}
