/* SPDX-License-Identifier: ISC */
/*
 * The core's clock and its turn in the event loop.
 */
#ifndef DM_NET_MESH_MESH_TURN_H
#define DM_NET_MESH_MESH_TURN_H

#include "dm-net/mesh/mesh_internal.h"

/* Sets the core's time; the first call of every entry point. Returns mono. */
uint64_t mesh_now(struct mesh *);
/* The core may have actions: they are done before the loop waits. */
void mesh_kick(struct mesh *);
/* How long a timer is to wait, for events of libevent: a little longer than
 * asked, as its clock lags by up to a tick of the kernel and would else call
 * too early, again and again. At most an hour. */
struct timeval mesh_wait(uint64_t now_ns, uint64_t at_ns);

#endif
