/* SPDX-License-Identifier: ISC */
/*
 * The start of every child of dmd, the same for all: descriptor 3 is the
 * channel to dmd, everything from 4 on is closed, and its settings come in the
 * environment that dmd made (which holds nothing else):
 *
 *   DMD_UID, DMD_GID     user and group to become (absent when not root)
 *   DMD_ROOT             directory to chroot into (absent when not root)
 *   DMD_STATE_DIR        dm-store: path of state_dir
 *   DMD_PARENT           pid of dmd
 *   DMD_LOG              level, and "journal", "stderr" or "syslog", with one
 *                        space between; "syslog" is stderr until the message
 *                        log_sink comes
 */
#ifndef COMMON_CHILD_H
#define COMMON_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/ipc.h"

struct child_settings {
	uid_t uid;
	gid_t gid;
	bool as_root;	       /* started by root: chroot and change user */
	const char *root_dir;  /* NULL: none; kept for the process's life */
	const char *state_dir; /* dm-store only, likewise */
	pid_t parent;
};

#define CHILD_FD 3

/*
 * Reads the environment (then clears it), closes stray descriptors, sets up
 * log.h, signals (PIPE, HUP, INT, TERM, USR1, USR2 ignored: dmd decides) and
 * the OpenSSL library without its configuration file. Ends the process with
 * EX_USAGE and a sentence when it was not started by dmd.
 */
void child_begin(enum role, struct child_settings *);

/* privdrop() and sandbox_enter(); fatal() if a layer cannot be put in force.
 * Logs missing layers as a warning. Returns the layers for `ready`. */
uint32_t child_confine(
    enum role, const struct child_settings *, const int *dirs, size_t n);

/*
 * The same in two steps, for a process with threads: they are created between
 * the two, so that they have Landlock, which only new threads inherit; the
 * second step covers all threads. layers goes from one to the other.
 */
uint32_t child_confine_begin(
    enum role, const struct child_settings *, const int *dirs, size_t n);
uint32_t child_confine_end(
    enum role, const struct child_settings *, uint32_t layers);

#endif
