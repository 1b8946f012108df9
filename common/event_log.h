/* SPDX-License-Identifier: ISC */
/* Sends the messages of libevent to log.h. Without this libevent writes them to
 * stderr, unescaped and waiting for a reader. */
#ifndef COMMON_EVENT_LOG_H
#define COMMON_EVENT_LOG_H

/* Before the first event base. An error that libevent calls fatal is fatal().
 */
void event_log_begin(void);

#endif
