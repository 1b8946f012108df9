/* SPDX-License-Identifier: ISC */
/*
 * One packet into the socket of a channel, with its descriptor. Called by
 * ipc.c alone; it neither queues nor closes.
 */
#ifndef COMMON_IPC_SOCKET_H
#define COMMON_IPC_SOCKET_H

#include <stddef.h>
#include <stdint.h>

/* fd: -1 for none. 1 sent, 0 the socket is full, -1 the other end is gone. */
int ipc_socket_send(int socket_fd, const uint8_t *data, size_t len, int fd);

#endif
