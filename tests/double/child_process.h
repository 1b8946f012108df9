/* SPDX-License-Identifier: ISC */
/*
 * The real dm-store or dm-net under its sandbox, started as dmd starts it, with
 * a directory of its own under /tmp. The test is dmd: it owns the channel and
 * what comes over it. A failure of the set-up ends the test.
 */
#ifndef TESTS_DOUBLE_CHILD_PROCESS_H
#define TESTS_DOUBLE_CHILD_PROCESS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/ipc.h"

struct child_process {
	enum role role; /* ROLE_STORE or ROLE_NET */
	char program[500];
	char dir[64];
	const char *log; /* DMD_LOG */
	pid_t pid;
};

/* The program in the build directory of the test argv0. A test without its
 * program fails: one that is skipped tells nobody that it never ran. */
void child_process_find(struct child_process *, const char *argv0);

/* A new directory, for dm-store one as dmd prepares it; and its end. */
void child_process_make_dir(struct child_process *);
void child_process_remove_dir(struct child_process *);

/* Returns dmd's end of its channel. */
struct ipc *child_process_start(
    struct child_process *, struct event_base *, const struct ipc_owner *);

/* Sends the first configuration: the signer of d/ and below, and the limits. */
void child_process_configure(struct ipc *dmd, const struct ipc_config_begin *,
    const uint8_t public_key[static 32]);

/* Sends a signal, unless 0, and waits. Returns the status of wait(2). */
int child_process_end(struct child_process *, int sig);

#endif
