/* SPDX-License-Identifier: ISC */
/*
 * Tells the service manager how dmd is: sd_notify(3)'s datagrams, written by
 * hand. Owns the socket. Called by daemon.c. Does nothing where no service
 * manager asked for it (NOTIFY_SOCKET).
 */
#ifndef DMD_NOTIFY_H
#define DMD_NOTIFY_H

#include <stdint.h>

struct notify {
	int fd;		      /* -1: nobody listens */
	uint64_t watchdog_us; /* a WATCHDOG=1 is expected this often, 0: no */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and removes them from
 * the environment. */
void notify_open(struct notify *);
void notify_close(struct notify *);

/* "READY=1\nSTATUS=...". Never blocks; what fails is not reported. */
void notify_send(const struct notify *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
