/* SPDX-License-Identifier: ISC */
#include "common/ipc_queue.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/ipc_socket.h"
#include "common/log.h"

#define MALLOC_OVERHEAD 16

struct ipc_packet {
	STAILQ_ENTRY(ipc_packet) next;
	size_t len;
	size_t cost;
	int fd;
	uint8_t data[];
};

/* Small messages cost more than their bytes: each counts as a packet of its
 * own, so that a process that asks without end is noticed soon. */
static size_t
packet_cost(size_t len, size_t count)
{
	return count * (sizeof(struct ipc_packet) + MALLOC_OVERHEAD) + len;
}

static void
drop_first(struct ipc_queue *q)
{
	struct ipc_packet *p = STAILQ_FIRST(&q->packets);

	STAILQ_REMOVE_HEAD(&q->packets, next);
	q->bytes -= p->cost;
	q->fds -= p->fd != -1;
	if (p->fd != -1)
		close(p->fd);
	free(p);
}

void
ipc_queue_init(struct ipc_queue *q)
{
	STAILQ_INIT(&q->packets);
	q->bytes = q->fds = 0;
	q->taken = 0;
}

void
ipc_queue_clear(struct ipc_queue *q)
{
	while (!ipc_queue_is_empty(q))
		drop_first(q);
}

bool
ipc_queue_is_empty(const struct ipc_queue *q)
{
	return STAILQ_EMPTY(&q->packets);
}

void
ipc_queue_put(
    struct ipc_queue *q, const uint8_t *data, size_t len, size_t count, int fd)
{
	struct ipc_packet *p = xmalloc(sizeof(*p) + len);

	p->len = len;
	p->cost = packet_cost(len, count);
	p->fd = fd;
	memcpy(p->data, data, len);
	STAILQ_INSERT_TAIL(&q->packets, p, next);
	q->bytes += p->cost;
	q->fds += fd != -1;
}

int
ipc_queue_send(struct ipc_queue *q, int socket_fd)
{
	const struct ipc_packet *p;
	int rc;

	while ((p = STAILQ_FIRST(&q->packets)) != NULL) {
		rc = ipc_socket_send(socket_fd, p->data, p->len, p->fd);
		if (rc <= 0)
			return rc;
		q->taken++;
		drop_first(q);
	}
	return 1;
}
