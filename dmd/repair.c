/* SPDX-License-Identifier: ISC */
#include "dmd/repair.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/log.h"
#include "dmd/directories.h"
#include "dmd/state_walk.h"
#include "dmd/users.h"

#define LINES_MAX 20 /* lines about files that are left as they are */

struct repair {
	dev_t dev; /* of state_dir */
	size_t n_left;
	size_t n_content[LAYOUT_BELOW]; /* set right in each */
};

static void
leave(struct repair *r, const char *path, const char *why)
{
	char safe[512];

	if (++r->n_left <= LINES_MAX)
		log_error("%s is left as it is: %s",
		    log_escape(path, strlen(path), safe, sizeof(safe)), why);
}

/* Judges an open file, which no user can exchange any more: the reason why it
 * may not be touched, or NULL. */
static const char *
refusal(const struct repair *r, const struct owned *want, const struct stat *st)
{
	if ((owned_check(want, st) & OWNED_KIND) != 0)
		return want->is_dir ? "it is not a directory"
				    : "it is not a file";
	if (st->st_dev != r->dev)
		return "it is on another file system";
	if (S_ISREG(st->st_mode) && st->st_nlink > 1)
		return "it has several names (hard links), and one of them may "
		       "not be dmd's: put a copy in its place";
	return NULL;
}

/* chown(2) first: it takes bits of the mode away. */
static bool
set(int fd, const struct owned *want)
{
	return fchown(fd, want->uid,
		   want->is_group_fixed ? want->gid : (gid_t)-1) == 0 &&
	       fchmod(fd, want->mode) == 0;
}

static void
tell_set(struct repair *r, const struct state_entry *e)
{
	char text[OWNED_TEXT_MAX];

	if (e->tree != NULL)
		r->n_content[e->tree - layout_below]++;
	else
		log_info("%s belongs to %s now, with mode %04o", e->path,
		    owned_text(&e->want, text), e->want.mode);
}

static void
on_entry(void *ctx, const struct state_entry *e)
{
	struct repair *r = ctx;
	const char *why;
	struct stat st;
	int fd;

	if (owned_check(&e->want, &e->st) == 0)
		return;
	/* nothing but a file or a directory is opened, by its own name */
	why = refusal(r, &e->want, &e->st);
	if (why != NULL) {
		leave(r, e->path, why);
		return;
	}
	fd = openat(e->dir_fd, e->name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1)
		leave(r, e->path, strerror(errno));
	else if ((why = refusal(r, &e->want, &st)) != NULL)
		leave(r, e->path, why);
	else if (!set(fd, &e->want))
		leave(r, e->path, strerror(errno));
	else
		tell_set(r, e);
	if (fd != -1)
		close(fd);
}

static int
tell_end(const struct repair *r, const char *dir)
{
	for (size_t i = 0; i < LAYOUT_BELOW; i++)
		if (r->n_content[i] > 0)
			log_info("%zu files in %s/%s have their owner and mode "
				 "corrected",
			    r->n_content[i], dir, layout_below[i].name);
	if (r->n_left > LINES_MAX)
		log_error("%zu more files are left as they are",
		    r->n_left - LINES_MAX);
	return r->n_left > 0 ? EX_NOPERM : 0;
}

static int
repair_open(const struct config *config, int *state_fd, struct repair *r)
{
	struct stat st;

	*state_fd = open(config->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*state_fd != -1 && fstat(*state_fd, &st) == 0) {
		r->dev = st.st_dev;
		return 0;
	}
	log_error("cannot open %s: %s", config->state_dir, strerror(errno));
	return EX_NOINPUT;
}

int
repair(const struct config *config)
{
	struct repair r = {0};
	struct users users;
	int state_fd = -1, lock_fd = -1, code;

	if (geteuid() != 0) {
		log_error("--repair sets owners: run it as root");
		return EX_NOPERM;
	}
	code = users_find(config, &users);
	if (code == 0)
		code = repair_open(config, &state_fd, &r);
	if (code == 0)
		code = directories_lock(state_fd, config->state_dir, &lock_fd);
	if (code == 0) {
		state_walk(state_fd, config, &users, true, on_entry, &r);
		code = tell_end(&r, config->state_dir);
	}
	if (lock_fd != -1)
		close(lock_fd);
	if (state_fd != -1)
		close(state_fd);
	return code;
}
