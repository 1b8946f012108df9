/* SPDX-License-Identifier: ISC */
/* What libevent has to say goes where all lines go: by itself it would write to
 * stderr, as it is and at its leisure. */
#ifndef COMMON_EVENT_LOG_H
#define COMMON_EVENT_LOG_H

/* Before the first event base. An error that libevent calls fatal is fatal().
 */
void event_log_begin(void);

#endif
