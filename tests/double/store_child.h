/* SPDX-License-Identifier: ISC */
/*
 * The real dm-store under its sandbox, started as dmd starts it, in a state
 * directory of its own under /tmp. The test is dmd: it owns the channel and
 * what comes over it. What cannot be set up ends the test.
 */
#ifndef TESTS_DOUBLE_STORE_CHILD_H
#define TESTS_DOUBLE_STORE_CHILD_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/ipc.h"

struct store_child {
	char program[500];
	char dir[64];
	const char *log; /* DMD_LOG */
	pid_t pid;
};

/* False, and says so, if it is not built next to the test argv0. */
bool store_child_find(struct store_child *, const char *argv0);

/* A new state directory, as dmd prepares it; and its end. */
void store_child_make_dir(struct store_child *);
void store_child_remove_dir(struct store_child *);

/* Returns dmd's end of its channel. */
struct ipc *store_child_start(
    struct store_child *, struct event_base *, const struct ipc_owner *);

/* Who may sign d/ and below, and the limits; the first generation. */
void store_child_configure(struct ipc *dmd, const struct ipc_config_begin *,
    const uint8_t public_key[static 32]);

/* Sends a signal, unless 0, and waits. Returns the status of wait(2). */
int store_child_end(struct store_child *, int sig);

#endif
