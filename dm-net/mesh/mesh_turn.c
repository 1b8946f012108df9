/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/mesh_turn.h"

/* The time, as every part of the mesh tells it to the core, and the core's
 * next turn, as every part asks for it. mesh.c runs the turn. */
#include <event2/event.h>

#include "common/clock.h"
#include "dm-net/mesh/peer_conn.h"

#define CLOCK_LAG_NS (5 * NS_PER_S / 1000)

uint64_t
mesh_now(struct mesh *m)
{
	uint64_t now_ns = clock_mono_ns();

	sync_tick(m->sync, now_ns, clock_unix_ns());
	return now_ns;
}

struct timeval
mesh_wait(uint64_t now_ns, uint64_t at_ns)
{
	uint64_t wait_ns = at_ns > now_ns ? at_ns - now_ns : 0;
	struct timeval tv = {0};

	if (wait_ns > 3600 * NS_PER_S)
		wait_ns = 3600 * NS_PER_S;
	if (wait_ns > 0)
		wait_ns += CLOCK_LAG_NS;
	tv.tv_sec = (time_t)(wait_ns / NS_PER_S);
	tv.tv_usec = (suseconds_t)(wait_ns % NS_PER_S / 1000);
	return tv;
}

void
mesh_kick(struct mesh *m)
{
	event_active(m->turn_event, EV_TIMEOUT, 0);
}
