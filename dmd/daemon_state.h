/* SPDX-License-Identifier: ISC */
/*
 * Whether the daemon serves, can speak to dm-net or is to stop: the state of
 * the daemon as a whole, for the sources that it calls.
 */
#ifndef DMD_DAEMON_STATE_H
#define DMD_DAEMON_STATE_H

#include "dmd/daemon.h"

/* dm-net's channel once its key is signed, from when on it takes messages;
 * else NULL. */
struct ipc *daemon_net(struct dmd *);

/* Serving: all children are ready. */
bool daemon_is_ready(const struct dmd *);

/* Stops in order and leaves the loop. */
void daemon_stop(struct dmd *);

/* Starts the resolver again if the files that it may read were replaced. */
void daemon_check_resolver(struct dmd *);

#endif
