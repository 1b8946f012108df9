/* SPDX-License-Identifier: ISC */
/*
 * The listening sockets: bound here, where the right to is, accepted from in
 * dm-net, which gets a copy of each (message listen) and is told when one is
 * gone (unlisten). Owns the originals, so that connections wait in the backlog
 * while dm-net restarts. Called by daemon.c. It never accepts and never reads.
 */
#ifndef DMD_LISTEN_H
#define DMD_LISTEN_H

#include "common/ipc.h"
#include "dmd/endpoint.h"

#define LISTEN_BACKLOG 512

struct listen;

struct listen *listen_new(void);
void listen_free(struct listen *);

/*
 * Closes what is no longer wanted and binds what is new. Returns how many
 * could not be bound, each logged in one line when that is new; *exit_code
 * then says what a start that fails for it exits with (sysexits; 75 for a port
 * in use). The first call waits for ports in use, for up to two seconds.
 * Addresses that are not there yet count as not wanted.
 */
size_t listen_update(
    struct listen *, const struct endpoint *wanted, size_t n, int *exit_code);

/* dm-net's channel: gets all of them now and what changes; NULL: none. */
void listen_attach(struct listen *, struct ipc *net);

/* Endpoint i that is bound; NULL behind the last. */
const struct endpoint *listen_endpoint(const struct listen *, size_t i);

#endif
