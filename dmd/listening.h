/* SPDX-License-Identifier: ISC */
/*
 * Keeps the listening sockets as the configuration and the interfaces want
 * them, and tells dm-net which addresses are this node's own. listen.h owns
 * the sockets.
 */
#ifndef DMD_LISTENING_H
#define DMD_LISTENING_H

#include <event2/util.h>

#include "dmd/daemon.h"

/* Makes the sockets, as listen_update() does. Returns how many could not be
 * had; then *exit_code is for a daemon that ends for want of them. */
size_t listening_open(struct dmd *, int *exit_code);

/* Listens on the configured addresses that are there, and tells dm-net and the
 * peers. While the daemon runs, a port in use is no reason to end it. */
void listening_update(struct dmd *);

/* Callback of d->listen_timer. */
void listening_on_timer(evutil_socket_t unused, short what, void *arg);

/* dm-net says that a listening socket accepts no more. */
void listening_on_ended(struct dmd *);

/* Tells dm-net the addresses of this node. */
void listening_send_addresses(struct dmd *);

/* A line for each interface that is configured and not there. */
void listening_warn_missing(const struct dmd *);

#endif
