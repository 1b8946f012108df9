/* SPDX-License-Identifier: ISC */
/*
 * The destination and the level of the log lines of dmd and its children.
 * syslog_socket.h connects to syslog; each process writes its own lines.
 */
#ifndef DMD_LOGGING_H
#define DMD_LOGGING_H

#include <event2/util.h>

#include "dmd/daemon.h"

/* Gives a connection to syslog to each child that lost its own. */
void logging_send_sinks(struct dmd *);

/* Callback of d->sink_timer, once a second: syslog may have been restarted. */
void logging_on_timer(evutil_socket_t unused, short what, void *arg);

/* The daemon is ready: its lines go to syslog, and the command that started it
 * in the background ends. */
void logging_leave_terminal(struct dmd *);

/* Sets the level here and in the children. */
void logging_set_level(struct dmd *, enum log_level);

#endif
