/* SPDX-License-Identifier: ISC */
/*
 * Notices changes of others in files/ at once, by inotify(7): the file is read
 * soon (suspects.h), and a file that does not belong there goes to quarantine.
 * Owns the watches, one a directory and at most WATCH_DIRS_MAX, and knows our
 * own renames from those of others. It is a convenience: the scrub finds the
 * changes that it misses. Made by main.c before the sandbox; NULL where there
 * is no inotify, and in tests: all functions take that.
 */
#ifndef DMSTORE_WATCH_H
#define DMSTORE_WATCH_H

#include "dm-store/store.h"

#define WATCH_DIRS_MAX 1024

struct watch;

/* top: the state directory as this process will see it, "" below its root. */
struct watch *watch_new(const char *top);
void watch_free(struct watch *);

/* Once the configuration is in force. */
void watch_start(struct store *);

/* Changes in the directory of this name, which exists, are of interest. */
void watch_dir_of(struct store *, const char *name);

/* files/NAME was put in its place by us, just now. */
void watch_placed(struct store *, const char *name);

/* Once a second: what changed a moment ago is looked at. */
void watch_tick(struct store *);

bool watch_is_on(const struct store *);

#endif
