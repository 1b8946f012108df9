/* SPDX-License-Identifier: ISC */
/*
 * One packet into the socket of a channel, or out of it, with its descriptor.
 * It does not queue.
 */
#ifndef COMMON_IPC_SOCKET_H
#define COMMON_IPC_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* fd: -1 for none. 1 sent, 0 the socket is full, -1 the other end is gone. */
int ipc_socket_send(int socket_fd, const uint8_t *data, size_t len, int fd);

/*
 * Bytes of a packet, 0 at the end; its descriptor in *fd (-1: none), which the
 * caller owns. -1 with errno: EAGAIN if nothing is there, EBADMSG if the packet
 * is longer than size or has other control data than one descriptor.
 */
ssize_t ipc_socket_receive(int socket_fd, uint8_t *buf, size_t size, int *fd);

/* Bytes of memory that the other end has not read yet; 0 if that is not known.
 */
int ipc_socket_unread(int socket_fd);

#endif
