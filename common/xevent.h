/* SPDX-License-Identifier: ISC */
/*
 * Events of libevent that cannot fail to be made, as xcalloc() cannot fail to
 * give memory: a process that cannot be told of its sockets and timers ends.
 */
#ifndef COMMON_XEVENT_H
#define COMMON_XEVENT_H

#include <event2/event.h>

/* As event_new(); fatal() if it fails. For a timer, fd is -1 and what is 0; a
 * signal has its number and EV_SIGNAL. The caller ends it with event_free(). */
struct event *xevent(struct event_base *, evutil_socket_t fd, short what,
    event_callback_fn, void *arg);

/* As event_add(); fatal() if it fails. */
void xevent_add(struct event *, const struct timeval *timeout);

#endif
