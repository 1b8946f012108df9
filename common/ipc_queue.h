/* SPDX-License-Identifier: ISC */
/*
 * The packets that a channel's socket did not take yet, in order, with their
 * descriptors. It does not decide how much may wait: ipc.c does.
 */
#ifndef COMMON_IPC_QUEUE_H
#define COMMON_IPC_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct ipc_packet;

struct ipc_queue {
	STAILQ_HEAD(, ipc_packet) packets;
	size_t bytes;	/* of memory, not only of data */
	size_t fds;	/* descriptors in it */
	uint64_t taken; /* packets that left it: the other side reads */
};

void ipc_queue_init(struct ipc_queue *);
void ipc_queue_clear(struct ipc_queue *);
bool ipc_queue_is_empty(const struct ipc_queue *);

/* A copy of data, one packet of so many messages. Takes fd (-1: none). */
void ipc_queue_put(
    struct ipc_queue *, const uint8_t *data, size_t len, size_t count, int fd);

/* As much as the socket takes. 1: the queue is empty, 0: the socket is full,
 * -1 with errno. */
int ipc_queue_send(struct ipc_queue *, int socket_fd);

#endif
