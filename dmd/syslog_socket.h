/* SPDX-License-Identifier: ISC */
/*
 * Connections to the system's log, /dev/log: only dmd can make them, its
 * children get theirs as a descriptor.
 */
#ifndef DMD_SYSLOG_SOCKET_H
#define DMD_SYSLOG_SOCKET_H

/* A connected datagram socket, close-on-exec; -1 if there is no syslog. */
int syslog_socket_connect(void);

#endif
