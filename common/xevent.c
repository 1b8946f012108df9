/* SPDX-License-Identifier: ISC */
#include "common/xevent.h"

#include "common/log.h"

struct event *
xevent(struct event_base *base, evutil_socket_t fd, short what,
    event_callback_fn fn, void *arg)
{
	struct event *e = event_new(base, fd, what, fn, arg);

	if (e == NULL)
		fatal("an event could not be made");
	return e;
}

void
xevent_add(struct event *e, const struct timeval *timeout)
{
	if (event_add(e, timeout) == -1)
		fatal("an event could not be added");
}
