/* SPDX-License-Identifier: ISC */
/*
 * The listening sockets: bound here, where the right to is, accepted from in
 * dm-net, which gets a copy of each (message listen) and is told when one is
 * gone (unlisten). Owns the originals, so that connections wait in the backlog
 * while dm-net restarts. It never accepts and never reads.
 *
 * A copy shares its socket with the original, and a change that a dm-net makes
 * to it outlives that dm-net. Of all that dmd hands to children this is the
 * only such thing:
 *   a listening socket	  whether it accepts is looked at again and again, and
 * 		  before each new dm-net gets it; its flags and options
 * 		  are set back
 *   channel, link	  a new pair for each start of a child
 *   log sink		  a socket for each child and start
 *   a control client	  dmd keeps no copy
 *   stdin, stdout	  /dev/null, which has no state
 * stderr shared with the process that started dmd: log.h never relies on its
 * flags
 * binaries O_PATH, closed by execve The lock of state_dir, the control socket
 * and that of sd_notify stay here.
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
 * Binds new endpoints, and again those that were shut down, then closes those
 * that are no longer wanted. An endpoint that clashes with one of the latter is
 * bound after it, as soon as dm-net has closed its copy: listen_is_held().
 * Returns how many could not be bound, each logged in one line when that is
 * new; *exit_code is then the exit code of a start that fails for it (sysexits;
 * 75 for a port in use). The first call waits for ports in use, for up to two
 * seconds. Addresses that are not there yet count as not wanted.
 */
size_t listen_update(
    struct listen *, const struct endpoint *wanted, size_t n, int *exit_code);

/* True if listen_update() is to be called again in a moment. */
bool listen_is_held(const struct listen *);

/* dm-net's channel: gets all sockets now and each later change; NULL: none. */
void listen_attach(struct listen *, struct ipc *net);

/* Endpoint i that could not be bound, and the errno; NULL after the last. */
const struct endpoint *listen_failed(
    const struct listen *, size_t i, int *error);

/* Endpoint i that is bound; NULL after the last. */
const struct endpoint *listen_endpoint(const struct listen *, size_t i);

#endif
