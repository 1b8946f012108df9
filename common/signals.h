/* SPDX-License-Identifier: ISC */
/*
 * The signal state of a process: blocked signals and ignored ones are inherited
 * over exec, so each program sets its own before anything else. Called first
 * thing in each main(), and between fork and exec. The owner of the loop sets
 * the handlers.
 *
 * In all of them a write beyond `ulimit -f` fails with EFBIG (SIGXFSZ is
 * ignored); in the daemon's processes a write that nobody reads fails with
 * EPIPE (SIGPIPE is ignored).
 */
#ifndef COMMON_SIGNALS_H
#define COMMON_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/*
 * dmd: HUP, TERM, INT and CHLD wait (they are blocked, and pending) until
 * signals_release(), when the loop's handlers are there; no other signal is
 * blocked. None of these is lost, and none ends the process.
 */
void signals_hold(void);

/* Delivers the signals that waited; nothing is blocked. */
void signals_release(void);

/* Between signals_hold() and signals_release(): TERM or INT has come. */
bool signals_end_is_asked(void);

/* Sets the signals of a command again: a signal whose default is to end the
 * process does so, and the signals that waited are delivered. */
void signals_default(void);

/*
 * A child of dmd: HUP, INT, TERM, USR1 and USR2 are ignored, since a terminal's
 * ^C and a service manager's SIGTERM reach the whole group: dmd alone acts on
 * them and tells its children (message stop).
 */
void signals_child(void);

/* dmctl: keeps the choices of the shell (nohup; SIGPIPE ends a filter). */
void signals_command(void);

/* Before fork: the new process has the handlers of the old one until exec, so
 * no signal may reach it. The old process restores its mask with
 * sigprocmask(2), the new one calls signals_child(). */
void signals_block_all(sigset_t *was);

#endif
