/* SPDX-License-Identifier: ISC */
/*
 * One end of a channel: a packet is read, each message in it decoded by the
 * table, checked against who may send it, and handed to its handler. What is
 * sent in one turn of the loop is packed: under load most of the time of small
 * messages would go into their system calls. What the socket does not take is
 * queued; requests and credits have fixed numbers outstanding, so the queue is
 * short unless the other side has stopped reading.
 */
#include "common/ipc.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/ipc_socket.h"
#include "common/ipc_table.h"
#include "common/log.h"

#define MESSAGES_PER_TURN 64	    /* and what is left of a packet */
#define PACK_MAX ((size_t)32 << 10) /* sent without waiting for the turn */
#define QUEUE_BYTES_MAX ((size_t)64 << 20) /* of memory, not only of data */
#define QUEUE_FDS_MAX IPC_OPENS_MAX	   /* never more are asked for */
#define MALLOC_OVERHEAD 16
#define SOCKET_BUFFER (1 << 20) /* asked for; the kernel may give less */

struct packet {
	STAILQ_ENTRY(packet) next;
	size_t len;
	size_t cost;
	int fd;
	uint8_t data[];
};

struct ipc {
	struct event_base *base;
	struct ipc_owner owner;
	enum role self;
	enum role peer;
	int fd;
	struct event *read_event;
	struct event *write_event;
	struct event *end_event;
	struct event *flush_event; /* at the end of the turn */
	STAILQ_HEAD(, packet) queue;
	size_t queued_bytes, queued_fds;
	void (*drained)(void *, struct ipc *);
	uint64_t heard_ns;
	uint64_t ping_number;
	bool has_hello;
	bool is_ended;
	bool has_violation;
	char violation[256];
	int depth;	/* handlers of this channel on the stack */
	bool is_doomed; /* freed while depth > 0 */
	uint8_t buf[IPC_MESSAGE_MAX];
	size_t pack_len;
	size_t pack_count; /* messages in it */
	uint8_t pack[PACK_MAX];
};

static uint64_t
monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void
packet_free(struct packet *p)
{
	if (p->fd != -1)
		close(p->fd);
	free(p);
}

static void
drop_queue(struct ipc *ipc)
{
	struct packet *p;

	while ((p = STAILQ_FIRST(&ipc->queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&ipc->queue, next);
		packet_free(p);
	}
	ipc->queued_bytes = ipc->queued_fds = 0;
}

/* Small messages cost more than their bytes: each is counted as if it had a
 * packet for itself, so that who asks without end is found out soon. */
static size_t
packet_cost(size_t len, size_t count)
{
	return count * (sizeof(struct packet) + MALLOC_OVERHEAD) + len;
}

/* Stops all traffic; closed() follows from the loop, never from here. */
static void
end(struct ipc *ipc)
{
	if (ipc->is_ended)
		return;
	ipc->is_ended = true;
	event_del(ipc->read_event);
	event_del(ipc->write_event);
	event_del(ipc->flush_event);
	drop_queue(ipc);
	ipc->pack_len = ipc->pack_count = 0;
	event_active(ipc->end_event, EV_TIMEOUT, 0);
}

void
ipc_violate(struct ipc *ipc, const char *fmt, ...)
{
	va_list ap;

	if (ipc->is_ended)
		return;
	va_start(ap, fmt);
	vsnprintf(ipc->violation, sizeof(ipc->violation), fmt, ap);
	va_end(ap);
	ipc->has_violation = true;
	end(ipc);
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct ipc *ipc = arg;

	(void)fd;
	(void)what;
	ipc->owner.closed(
	    ipc->owner.ctx, ipc, ipc->has_violation ? ipc->violation : NULL);
}

/* --- sending ---------------------------------------------------------- */

static void
enqueue(struct ipc *ipc, const uint8_t *data, size_t len, size_t count, int fd)
{
	size_t cost = packet_cost(len, count);
	struct packet *p;

	if (ipc->queued_bytes + cost > QUEUE_BYTES_MAX ||
	    (fd != -1 && ipc->queued_fds >= QUEUE_FDS_MAX)) {
		if (fd != -1)
			close(fd);
		ipc_violate(
		    ipc, "%s has stopped reading", role_name(ipc->peer));
		return;
	}
	p = xmalloc(sizeof(*p) + len);
	p->len = len;
	p->cost = cost;
	p->fd = fd;
	memcpy(p->data, data, len);
	STAILQ_INSERT_TAIL(&ipc->queue, p, next);
	ipc->queued_bytes += cost;
	ipc->queued_fds += fd != -1;
	event_add(ipc->write_event, NULL);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct ipc *ipc = arg;
	struct packet *p;
	int rc;

	(void)fd;
	(void)what;
	while ((p = STAILQ_FIRST(&ipc->queue)) != NULL) {
		rc = ipc_socket_send(ipc->fd, p->data, p->len, p->fd);
		if (rc == 0) {
			event_add(ipc->write_event, NULL);
			return;
		}
		if (rc == -1) {
			end(ipc);
			return;
		}
		STAILQ_REMOVE_HEAD(&ipc->queue, next);
		ipc->queued_bytes -= p->cost;
		ipc->queued_fds -= p->fd != -1;
		packet_free(p);
	}
	if (ipc->drained != NULL)
		ipc->drained(ipc->owner.ctx, ipc);
}

/* One packet of so many messages, behind what waits. Takes fd. */
static void
transmit(struct ipc *ipc, const uint8_t *data, size_t len, size_t count, int fd)
{
	int rc = STAILQ_EMPTY(&ipc->queue)
		     ? ipc_socket_send(ipc->fd, data, len, fd)
		     : 0;

	if (rc == 0) {
		enqueue(ipc, data, len, count, fd);
		return;
	}
	if (fd != -1)
		close(fd);
	if (rc == -1)
		end(ipc);
}

void
ipc_flush(struct ipc *ipc)
{
	size_t len, count;

	if (ipc == NULL || ipc->pack_len == 0)
		return;
	event_del(ipc->flush_event);
	len = ipc->pack_len;
	count = ipc->pack_count;
	ipc->pack_len = ipc->pack_count = 0;
	transmit(ipc, ipc->pack, len, count, -1);
}

static void
on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ipc_flush(arg);
}

/* One that is too large for that, or has a descriptor, travels alone. */
static void
pack(struct ipc *ipc, const uint8_t *data, size_t len, int fd)
{
	if (fd != -1 || ipc->pack_len + len > sizeof(ipc->pack))
		ipc_flush(ipc);
	if (fd != -1 || len > sizeof(ipc->pack)) {
		transmit(ipc, data, len, 1, fd);
		return;
	}
	if (ipc->pack_len == 0)
		event_active(ipc->flush_event, EV_TIMEOUT, 0);
	memcpy(ipc->pack + ipc->pack_len, data, len);
	ipc->pack_len += len;
	ipc->pack_count++;
}

void
ipc_send(struct ipc *ipc, enum ipc_message m, const void *msg, int fd)
{
	uint8_t buf[IPC_MESSAGE_MAX];
	size_t len;

	if ((ipc_table[m].fd == IPC_ONE_FD) != (fd != -1) &&
	    ipc_table[m].fd != IPC_MAY_FD)
		fatal(
		    "message %s with a wrong descriptor", ipc_message_name(m));
	len = codec_encode(ipc_message_struct(m), m, msg, buf, sizeof(buf));
	if (len == 0)
		fatal("message %s breaks its own table", ipc_message_name(m));
	if (!ipc->is_ended)
		pack(ipc, buf, len, fd);
	else if (fd != -1)
		close(fd);
}

/* --- receiving -------------------------------------------------------- */

/* The descriptor of a received packet in *fd (-1: none). False if the control
 * data is not exactly that. */
static bool
take_fd(struct msghdr *msg, int *fd)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	*fd = -1;
	if (c == NULL)
		return true;
	if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(int)))
		return false;
	memcpy(fd, CMSG_DATA(c), sizeof(int));
	return true;
}

/* Bytes of the packet, 0 at the end, -1 nothing there or violated. */
static ssize_t
receive(struct ipc *ipc, int *fd)
{
	struct iovec iov = {.iov_base = ipc->buf, .iov_len = sizeof(ipc->buf)};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	/* CMSG_LEN, not CMSG_SPACE: the padding would take a second one */
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.space,
	    .msg_controllen = CMSG_LEN(sizeof(int))};
	ssize_t n;

	do
		n = recvmsg(ipc->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1) {
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			end(ipc);
		return -1;
	}
	if (!take_fd(&msg, fd) || (msg.msg_flags & (MSG_CTRUNC | MSG_TRUNC))) {
		if (*fd != -1)
			close(*fd);
		ipc_violate(ipc, "a packet too large or with descriptors "
				 "that do not belong");
		return -1;
	}
	return n;
}

static void
on_hello(struct ipc *ipc, const struct ipc_hello *hello)
{
	uint8_t hash[32];

	if (ipc->has_hello || hello->role != ipc->peer) {
		ipc_violate(ipc, "hello of the wrong role");
		return;
	}
	ipc_table_hash(hash);
	if (memcmp(hash, hello->table_hash, sizeof(hash)) != 0) {
		ipc_violate(ipc,
		    "%s speaks another version: the binaries "
		    "changed, restart dmd",
		    role_name(ipc->peer));
		return;
	}
	ipc->has_hello = true;
	if (ipc->owner.opened != NULL)
		ipc->owner.opened(ipc->owner.ctx, ipc);
}

/* Sender, receiver, phase and descriptor, all from the table. */
static bool
is_legal(const struct ipc *ipc, enum ipc_message m, int fd)
{
	const struct ipc_row *row = &ipc_table[m];

	if (!(row->from & (1u << ipc->peer)) || !(row->to & (1u << ipc->self)))
		return false;
	if (!ipc->has_hello && m != IPC_HELLO)
		return false;
	return row->fd == IPC_MAY_FD || (row->fd == IPC_ONE_FD) == (fd != -1);
}

union any_message {
	uint64_t align;
	uint8_t bytes[1024];
};

static void
deliver(struct ipc *ipc, enum ipc_message m, const void *msg, int fd)
{
	const struct ipc_ping *ping = msg;
	struct ipc_pong pong;
	ipc_handler *handler;

	/* the pulse of every process, a few seconds apart */
	if (m == IPC_PING || m == IPC_PONG)
		log_catch_up();
	if (m == IPC_HELLO) {
		on_hello(ipc, msg);
	} else if (m == IPC_PING) {
		pong.number = ping->number;
		ipc_send(ipc, IPC_PONG, &pong, -1);
	} else if (m != IPC_PONG) {
		handler = ipc->owner.handlers[m];
		if (handler != NULL) {
			handler(ipc->owner.ctx, ipc, msg, fd);
			return;
		}
		ipc_violate(ipc, "%s is not for %s", ipc_message_name(m),
		    role_name(ipc->self));
	}
	if (fd != -1)
		close(fd);
}

/* The first message of these bytes; what it took, 0 if it was refused. */
static size_t
dispatch(struct ipc *ipc, const uint8_t *data, size_t len, int fd)
{
	union any_message msg;
	enum ipc_message m;
	uint64_t number;
	size_t used;

	if (!codec_number(data, len, &number) || number >= IPC_MESSAGE_COUNT) {
		ipc_violate(ipc, "a packet that is no message");
		goto refused;
	}
	m = (enum ipc_message)number;
	if (!is_legal(ipc, m, fd)) {
		ipc_violate(ipc, "%s may not send %s now", role_name(ipc->peer),
		    ipc_message_name(m));
		goto refused;
	}
	if (ipc_message_struct(m)->size > sizeof(msg))
		fatal("message %s is too large", ipc_message_name(m));
	used = codec_take(ipc_message_struct(m), m, &msg, data, len);
	if (used == 0 || (fd != -1 && used < len)) {
		ipc_violate(ipc, "malformed %s", ipc_message_name(m));
		goto refused;
	}
	deliver(ipc, m, &msg, fd);
	return used;
refused:
	if (fd != -1)
		close(fd);
	return 0;
}

static bool
is_over(const struct ipc *ipc)
{
	return ipc->is_ended || ipc->is_doomed;
}

/* All messages of the packet in buf; returns how many. */
static unsigned
unpack(struct ipc *ipc, size_t len, int fd)
{
	size_t at = 0;
	unsigned n = 0;

	ipc->heard_ns = monotonic_ns();
	do {
		at += dispatch(ipc, ipc->buf + at, len - at, fd);
		n++;
	} while (at < len && !is_over(ipc));
	return n;
}

static void
destroy(struct ipc *ipc)
{
	drop_queue(ipc);
	event_free(ipc->read_event);
	event_free(ipc->write_event);
	event_free(ipc->end_event);
	event_free(ipc->flush_event);
	close(ipc->fd);
	free(ipc);
}

static void
on_readable(evutil_socket_t unused, short what, void *arg)
{
	struct ipc *ipc = arg;
	unsigned count = 0;
	ssize_t n;
	int fd;

	(void)unused;
	(void)what;
	ipc->depth++;
	while (count < MESSAGES_PER_TURN && !is_over(ipc)) {
		n = receive(ipc, &fd);
		if (n == -1)
			break;
		if (n == 0) {
			if (fd != -1)
				close(fd);
			end(ipc);
			break;
		}
		count += unpack(ipc, (size_t)n, fd);
	}
	ipc->depth--;
	if (ipc->is_doomed)
		destroy(ipc);
}

/* --- life --- */

struct ipc *
ipc_new(struct event_base *base, int fd, enum role self, enum role peer,
    const struct ipc_owner *owner)
{
	struct ipc *ipc = xcalloc(1, sizeof(*ipc));
	struct ipc_hello hello = {.role = self};
	int size = SOCKET_BUFFER;

	ipc->base = base;
	ipc->owner = *owner;
	ipc->self = self;
	ipc->peer = peer;
	ipc->fd = fd;
	ipc->heard_ns = monotonic_ns();
	STAILQ_INIT(&ipc->queue);
	if (evutil_make_socket_nonblocking(fd) == -1)
		fatal("channel to %s: %s", role_name(peer), strerror(errno));
	/* best effort: a smaller buffer only means more queueing */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	ipc->read_event =
	    event_new(base, fd, EV_READ | EV_PERSIST, on_readable, ipc);
	ipc->write_event = event_new(base, fd, EV_WRITE, on_writable, ipc);
	ipc->end_event = event_new(base, -1, 0, on_end, ipc);
	ipc->flush_event = event_new(base, -1, 0, on_flush, ipc);
	if (ipc->read_event == NULL || ipc->write_event == NULL ||
	    ipc->end_event == NULL || ipc->flush_event == NULL ||
	    event_add(ipc->read_event, NULL) == -1)
		fatal("out of memory");
	ipc_table_hash(hello.table_hash);
	ipc_send(ipc, IPC_HELLO, &hello, -1);
	return ipc;
}

void
ipc_free(struct ipc *ipc)
{
	if (ipc == NULL)
		return;
	if (!is_over(ipc))
		ipc_flush(ipc);
	if (ipc->depth > 0) {
		/* the reading loop still stands on it */
		ipc->is_doomed = true;
		ipc->is_ended = true;
		event_del(ipc->read_event);
		event_del(ipc->write_event);
		event_del(ipc->end_event);
		event_del(ipc->flush_event);
		return;
	}
	destroy(ipc);
}

size_t
ipc_queued(const struct ipc *ipc)
{
	return ipc->queued_bytes;
}

size_t
ipc_queued_fds(const struct ipc *ipc)
{
	return ipc->queued_fds;
}

void
ipc_on_drained(struct ipc *ipc, void (*fn)(void *ctx, struct ipc *))
{
	ipc->drained = fn;
}

void
ipc_ping(struct ipc *ipc)
{
	struct ipc_ping ping = {.number = ++ipc->ping_number};

	ipc_send(ipc, IPC_PING, &ping, -1);
}

uint64_t
ipc_heard_ns(const struct ipc *ipc)
{
	return ipc->heard_ns;
}

enum role
ipc_peer(const struct ipc *ipc)
{
	return ipc->peer;
}

bool
ipc_is_open(const struct ipc *ipc)
{
	return ipc->has_hello && !ipc->is_ended;
}

int
ipc_pair(int fds[static 2])
{
	return socketpair(
	    AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds);
}
