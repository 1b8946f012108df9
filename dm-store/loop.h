/* SPDX-License-Identifier: ISC */
/* Work that is done piece by piece, a piece a turn of the loop. */
#ifndef DMSTORE_LOOP_H
#define DMSTORE_LOOP_H

struct event;

/* A timer's next turn is that of the loop, after whatever else waits there:
 * event_active() would come before all of it, as often as it is called. */
void loop_soon(struct event *timer);

#endif
