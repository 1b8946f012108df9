/* SPDX-License-Identifier: ISC */
/*
 * Tells the service manager how dmd is: sd_notify(3)'s datagrams, written by
 * hand. Owns the socket. Does nothing if no service manager asked for it
 * (NOTIFY_SOCKET).
 */
#ifndef DMD_NOTIFY_H
#define DMD_NOTIFY_H

#include <stddef.h>
#include <stdint.h>

#define NOTIFY_TEXT_MAX 512
#define NOTIFY_QUEUE_MAX 16

struct notify {
	int fd;		      /* -1: nobody listens */
	uint64_t watchdog_us; /* a WATCHDOG=1 is expected this often, 0: no */
	/* messages that the service manager had no room for, the oldest first
	 */
	char queue[NOTIFY_QUEUE_MAX][NOTIFY_TEXT_MAX];
	size_t n_queued;
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and removes them from
 * the environment. */
void notify_open(struct notify *);
void notify_close(struct notify *);

/*
 * "READY=1
 * STATUS=...". Never blocks. A message without room waits for the next call or
 * notify_flush(), in order; of equal ones in a row one waits, and if all places
 * are taken the oldest is lost. A permanent failure is not reported.
 */
void notify_send(struct notify *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Sends waiting messages, as far as there is room. To be called now and then.
 */
void notify_flush(struct notify *);

#endif
