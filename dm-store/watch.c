/* SPDX-License-Identifier: ISC */
#include "dm-store/watch.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/log.h"
#include "common/name.h"
#include "common/xevent.h"
#include "dm-store/quarantine.h"
#include "dm-store/suspects.h"
#include "dm-store/unplaced.h"

#define EVENTS                                                                \
	(IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | \
	    IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK)
#define PATH_SIZE 4096
#define OWN_MAX 16384 /* renames of ours whose event has not come yet */
#define OWN_NS (10 * NS_PER_S)
#define EDITS_MAX 256		    /* names that changed a moment ago */
#define EDIT_WAIT_NS (NS_PER_S / 2) /* without another change */
#define EDIT_LONG_NS (10 * NS_PER_S)

struct dir {
	int wd;
	char name[NAME_LEN_MAX + 1]; /* below files/; "" is files/ itself */
};

struct edit {
	char name[NAME_LEN_MAX + 1];
	uint64_t due_ns; /* mono */
	uint64_t late_ns;
};

struct watch {
	int fd;
	struct event *readable;
	char top[PATH_SIZE]; /* of files/ */
	struct dir *dir;
	size_t n_dirs;
	size_t last; /* the one asked for before */
	bool is_full_told;
	/* A ring: own renames in their order, which that of events is too. */
	struct {
		uint64_t hash;
		uint64_t until_ns;
	} own[OWN_MAX];
	size_t own_head, own_n;
	struct edit edit[EDITS_MAX];
	size_t n_edits;
};

struct watch *
watch_new(const char *top)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct watch *w;

	if (fd == -1) {
		log_warn("cannot watch files/ (inotify: %s): only the daily "
			 "scrub notices edits there",
		    strerror(errno));
		return NULL;
	}
	w = xcalloc(1, sizeof(*w));
	w->fd = fd;
	w->dir = xcalloc(WATCH_DIRS_MAX, sizeof(*w->dir));
	if ((size_t)snprintf(w->top, sizeof(w->top), "%s/files", top) >=
	    sizeof(w->top))
		fatal("the path of state_dir is too long: choose a shorter one "
		      "in dm.toml");
	return w;
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	if (w->readable != NULL)
		event_free(w->readable);
	close(w->fd);
	free(w->dir);
	free(w);
}

bool
watch_is_on(const struct store *s)
{
	return s->watch != NULL && s->watch->readable != NULL;
}

/* --- directories --- */

/* The directories of a name: "a/b" of "a/b/c", "" of "c". */
static void
dir_of(const char *name, char out[static NAME_LEN_MAX + 1])
{
	const char *slash = strrchr(name, '/');
	size_t n = slash != NULL ? (size_t)(slash - name) : 0;

	memcpy(out, name, n);
	out[n] = '\0';
}

static bool
is_watched(struct watch *w, const char *dir)
{
	if (w->last < w->n_dirs && strcmp(w->dir[w->last].name, dir) == 0)
		return true;
	for (size_t i = 0; i < w->n_dirs; i++) {
		if (strcmp(w->dir[i].name, dir) != 0)
			continue;
		w->last = i;
		return true;
	}
	return false;
}

static const struct dir *
dir_find(const struct watch *w, int wd)
{
	for (size_t i = 0; i < w->n_dirs; i++)
		if (w->dir[i].wd == wd)
			return &w->dir[i];
	return NULL;
}

static void
dir_add(struct watch *w, const char *dir)
{
	char path[PATH_SIZE + NAME_LEN_MAX + 2];
	struct dir *d = &w->dir[w->n_dirs];
	int wd;

	if (w->n_dirs == WATCH_DIRS_MAX) {
		if (!w->is_full_told)
			log_info("files/ has more than %u directories: in the "
				 "rest only the daily scrub notices edits",
			    WATCH_DIRS_MAX);
		w->is_full_told = true;
		return;
	}
	snprintf(
	    path, sizeof(path), "%s%s%s", w->top, *dir != '\0' ? "/" : "", dir);
	wd = inotify_add_watch(w->fd, path, EVENTS);
	if (wd == -1) {
		if (errno != ENOENT && !w->is_full_told) {
			log_warn("cannot watch %s (inotify: %s): only the "
				 "daily scrub notices edits there",
			    path, strerror(errno));
			w->is_full_told = true;
		}
		return;
	}
	d->wd = wd;
	snprintf(d->name, sizeof(d->name), "%s", dir);
	w->n_dirs++;
}

static void
dir_drop(struct watch *w, int wd)
{
	for (size_t i = 0; i < w->n_dirs; i++)
		if (w->dir[i].wd == wd)
			w->dir[i] = w->dir[--w->n_dirs];
}

/* It was moved away, or another one took its place: what is below it is not
 * what its watches say. */
static void
dir_lost(struct watch *w, const char *dir)
{
	size_t n = strlen(dir);

	for (size_t i = w->n_dirs; i-- > 0;) {
		if (strncmp(w->dir[i].name, dir, n) != 0 ||
		    (w->dir[i].name[n] != '\0' && w->dir[i].name[n] != '/'))
			continue;
		inotify_rm_watch(w->fd, w->dir[i].wd);
		w->dir[i] = w->dir[--w->n_dirs];
	}
}

void
watch_dir_of(struct store *s, const char *name)
{
	char dir[NAME_LEN_MAX + 1];

	if (!watch_is_on(s))
		return;
	dir_of(name, dir);
	if (!is_watched(s->watch, dir))
		dir_add(s->watch, dir);
}

/* --- our own renames --- */

static uint64_t
hash_of(const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	while (*name != '\0')
		h = (h ^ (uint8_t)*name++) * UINT64_C(0x100000001b3);
	return h;
}

void
watch_placed(struct store *s, const char *name)
{
	struct watch *w = s->watch;
	char dir[NAME_LEN_MAX + 1];
	size_t at;

	if (!watch_is_on(s))
		return;
	dir_of(name, dir);
	if (!is_watched(w, dir)) {
		dir_add(w, dir); /* too late to see this one */
		return;
	}
	if (w->own_n == OWN_MAX) {
		/* the oldest is taken for somebody else's: read once more */
		w->own_head = (w->own_head + 1) % OWN_MAX;
		w->own_n--;
	}
	at = (w->own_head + w->own_n++) % OWN_MAX;
	w->own[at].hash = hash_of(name);
	w->own[at].until_ns = s->clock.mono_ns() + OWN_NS;
}

/* Those before it had no event that came: they are over. */
static bool
take_own(struct watch *w, const char *name)
{
	uint64_t hash = hash_of(name);

	for (size_t i = 0; i < w->own_n; i++) {
		if (w->own[(w->own_head + i) % OWN_MAX].hash != hash)
			continue;
		w->own_head = (w->own_head + i + 1) % OWN_MAX;
		w->own_n -= i + 1;
		return true;
	}
	return false;
}

/* --- edits --- */

static void
add_edit(struct store *s, const char *name)
{
	struct watch *w = s->watch;
	uint64_t mono = s->clock.mono_ns();
	struct edit *e;

	for (size_t i = 0; i < w->n_edits; i++) {
		if (strcmp(w->edit[i].name, name) != 0)
			continue;
		w->edit[i].due_ns = mono + EDIT_WAIT_NS;
		return;
	}
	if (w->n_edits == EDITS_MAX) {
		suspects_look_again(s);
		return;
	}
	e = &w->edit[w->n_edits++];
	memcpy(e->name, name, strlen(name) + 1);
	e->due_ns = mono + EDIT_WAIT_NS;
	e->late_ns = mono + EDIT_LONG_NS;
}

/* Is there a file of this name that is to be there? */
static bool
is_shown(struct store *s, const char *name)
{
	struct winner w;
	uint8_t key[16];

	name_key(name, key);
	return table_winner(s->index, VIEW_BATCH, key, &w) == FOUND &&
	       w.state == WINNER_SHOWN && !unplaced_has(s, key);
}

static void
look_at_edit(struct store *s, const char *name)
{
	struct winner w;
	uint8_t key[16];

	name_key(name, key);
	if (unplaced_has(s, key))
		return;
	switch (table_winner(s->index, VIEW_BATCH, key, &w)) {
	case FOUND:
		if (w.state == WINNER_SHOWN)
			suspects_add(s, key);
		if (w.state == WINNER_SHOWN || w.state == WINNER_LOST)
			return;
		break;
	case FOUND_NONE:
		break;
	case FOUND_DAMAGED:
		return;
	}
	/* nobody signed that it is here; it says so itself if it is gone */
	quarantine_file(&s->files, name);
}

void
watch_tick(struct store *s)
{
	struct watch *w = s->watch;
	uint64_t mono = s->clock.mono_ns();

	if (!watch_is_on(s))
		return;
	while (w->own_n > 0 && w->own[w->own_head].until_ns < mono) {
		w->own_head = (w->own_head + 1) % OWN_MAX;
		w->own_n--;
	}
	for (size_t i = w->n_edits; i-- > 0;) {
		struct edit e = w->edit[i];

		if (e.due_ns > mono && e.late_ns > mono)
			continue;
		w->edit[i] = w->edit[--w->n_edits];
		look_at_edit(s, e.name);
	}
}

/* --- events --- */

static void
on_directory(struct store *s, const char *name, uint32_t mask)
{
	/* one of ours is made by mkdir and goes by rmdir */
	if ((mask & (IN_MOVED_FROM | IN_MOVED_TO)) == 0)
		return;
	dir_lost(s->watch, name);
	suspects_look_again(s);
}

static void
on_file(struct store *s, const char *name, uint32_t mask)
{
	if ((mask & IN_MOVED_TO) != 0 && take_own(s->watch, name))
		return;
	/* whoever removes what is not to be there does no harm */
	if ((mask & (IN_DELETE | IN_MOVED_FROM)) != 0 && !is_shown(s, name))
		return;
	add_edit(s, name);
}

static void
on_event(struct store *s, const struct inotify_event *e)
{
	const struct dir *d;
	char name[2 * NAME_LEN_MAX + 2];

	if ((e->mask & IN_Q_OVERFLOW) != 0) {
		s->watch->own_n = 0;
		suspects_look_again(s);
		return;
	}
	if ((e->mask & IN_IGNORED) != 0) {
		dir_drop(s->watch, e->wd);
		return;
	}
	d = dir_find(s->watch, e->wd);
	if (d == NULL || e->len == 0)
		return;
	snprintf(name, sizeof(name), "%s%s%.*s", d->name,
	    d->name[0] != '\0' ? "/" : "", NAME_LEN_MAX, e->name);
	if (!name_is_valid(name, strlen(name)))
		return; /* an editor's, say: none of ours looks like that */
	if ((e->mask & IN_ISDIR) != 0)
		on_directory(s, name, e->mask);
	else
		on_file(s, name, e->mask);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	_Alignas(struct inotify_event) char buf[16384];
	const struct inotify_event *e;
	ssize_t n = read(fd, buf, sizeof(buf));

	for (ssize_t at = 0; n > 0 && at < n;
	     at += (ssize_t)sizeof(*e) + e->len) {
		e = (const struct inotify_event *)(const void *)(buf + at);
		on_event(arg, e);
	}
}

void
watch_start(struct store *s)
{
	struct watch *w = s->watch;

	if (w == NULL || w->readable != NULL)
		return;
	w->readable =
	    xevent(s->base, w->fd, EV_READ | EV_PERSIST, on_readable, s);
	xevent_add(w->readable, NULL);
	dir_add(w, "");
}
