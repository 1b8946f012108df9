/* SPDX-License-Identifier: ISC */
#include "dm-store/loop.h"

#include "common/xevent.h"

void
loop_soon(struct event *timer)
{
	static const struct timeval now = {0, 0};

	xevent_add(timer, &now);
}
