/* SPDX-License-Identifier: ISC */
/*
 * One end of a channel: a packet is read, each message in it decoded by the
 * table, checked against the roles that may send it, and handed to its handler.
 * Messages that are sent in one turn of the loop share a packet: under load
 * most of the time of small messages would go into their system calls. Packets
 * that the socket does not take are queued; requests and credits have fixed
 * numbers outstanding, so the queue is short unless the other side is busy, or
 * has stopped reading. While much waits nothing more is read from it, so that
 * it cannot make the queue longer; it has stopped once it has taken nothing for
 * as long as our patience lasts.
 */
#include "common/ipc.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/ipc_queue.h"
#include "common/ipc_socket.h"
#include "common/ipc_table.h"
#include "common/log.h"
#include "common/xevent.h"

#define MESSAGES_PER_TURN 64	    /* and for the rest of a packet */
#define PACK_MAX ((size_t)32 << 10) /* sent without waiting for the turn */
#define QUEUE_BYTES_MAX ((size_t)64 << 20) /* more: nothing is read */
#define QUEUE_FDS_MAX IPC_OPENS_MAX	   /* never more are asked for */
#define SOCKET_BUFFER (1 << 20) /* asked for; the kernel may give less */

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
	struct event *stall_event; /* while is_paused */
	struct ipc_queue queue;
	uint64_t stall_taken; /* queue.taken when stall_event was set */
	int stall_unread;     /* and what was in the socket */
	bool is_paused;	      /* not reading, since too much waits */
	void (*ponged)(void *, struct ipc *, uint64_t number);
	uint64_t patience_ns;
	uint64_t heard; /* packets */
	/* as of the last ipc_is_active() */
	uint64_t seen_heard, seen_taken;
	int seen_unread;
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
	event_del(ipc->stall_event);
	ipc_queue_clear(&ipc->queue);
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

	ipc->owner.closed(
	    ipc->owner.ctx, ipc, ipc->has_violation ? ipc->violation : NULL);
}

/* --- sending ---------------------------------------------------------- */

static void
stall_watch(struct ipc *ipc)
{
	uint64_t ns = ipc->patience_ns;
	struct timeval tv = {
	    (time_t)(ns / NS_PER_S), (suseconds_t)(ns % NS_PER_S / 1000)};

	ipc->stall_taken = ipc->queue.taken;
	ipc->stall_unread = ipc_socket_unread(ipc->fd);
	event_add(ipc->stall_event, &tv);
}

static void
on_stall(evutil_socket_t fd, short what, void *arg)
{
	struct ipc *ipc = arg;

	/* the socket takes more only when it is nearly empty */
	if (ipc->queue.taken != ipc->stall_taken ||
	    ipc_socket_unread(ipc->fd) < ipc->stall_unread)
		stall_watch(ipc);
	else
		ipc_violate(ipc, "%s has stopped reading: nothing for %llu s",
		    role_name(ipc->peer),
		    (unsigned long long)(ipc->patience_ns / NS_PER_S));
}

static void
pause_reading(struct ipc *ipc)
{
	ipc->is_paused = true;
	event_del(ipc->read_event);
	stall_watch(ipc);
}

static void
resume_reading(struct ipc *ipc)
{
	ipc->is_paused = false;
	event_del(ipc->stall_event);
	event_add(ipc->read_event, NULL);
}

static void
enqueue(struct ipc *ipc, const uint8_t *data, size_t len, size_t count, int fd)
{
	if (fd != -1 && ipc->queue.fds >= QUEUE_FDS_MAX) {
		close(fd);
		ipc_violate(
		    ipc, "%s has stopped reading", role_name(ipc->peer));
		return;
	}
	ipc_queue_put(&ipc->queue, data, len, count, fd);
	event_add(ipc->write_event, NULL);
	if (ipc->queue.bytes > QUEUE_BYTES_MAX && !ipc->is_paused)
		pause_reading(ipc);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct ipc *ipc = arg;
	int rc = ipc_queue_send(&ipc->queue, ipc->fd);

	if (rc == -1) {
		end(ipc);
		return;
	}
	if (ipc->is_paused && ipc->queue.bytes <= QUEUE_BYTES_MAX / 2)
		resume_reading(ipc);
	if (rc == 0)
		event_add(ipc->write_event, NULL);
}

/* Queues one packet of so many messages, after those that wait. Takes fd. */
static void
transmit(struct ipc *ipc, const uint8_t *data, size_t len, size_t count, int fd)
{
	int rc = ipc_queue_is_empty(&ipc->queue)
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

/* Bytes of the packet, 0 at the end, -1 nothing there or violated. */
static ssize_t
receive(struct ipc *ipc, int *fd)
{
	ssize_t n = ipc_socket_receive(ipc->fd, ipc->buf, sizeof(ipc->buf), fd);

	if (n == -1 && errno == EBADMSG)
		ipc_violate(
		    ipc, "a packet is too large or has unexpected descriptors");
	else if (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK)
		end(ipc);
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
	const struct ipc_pong *answer = msg;
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
	} else if (m == IPC_PONG) {
		if (ipc->ponged != NULL)
			ipc->ponged(ipc->owner.ctx, ipc, answer->number);
	} else {
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

/* Handles the first message of these bytes. Returns its length, 0 if it was
 * refused. */
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

	ipc->heard++;
	do {
		at += dispatch(ipc, ipc->buf + at, len - at, fd);
		n++;
	} while (at < len && !is_over(ipc));
	return n;
}

static void
destroy(struct ipc *ipc)
{
	ipc_queue_clear(&ipc->queue);
	event_free(ipc->read_event);
	event_free(ipc->write_event);
	event_free(ipc->end_event);
	event_free(ipc->flush_event);
	event_free(ipc->stall_event);
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

	ipc->depth++;
	while (count < MESSAGES_PER_TURN && !is_over(ipc) && !ipc->is_paused) {
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
	ipc_queue_init(&ipc->queue);
	ipc->patience_ns = IPC_SILENT_NS_MAX;
	if (evutil_make_socket_nonblocking(fd) == -1)
		fatal("channel to %s: %s", role_name(peer), strerror(errno));
	/* best effort: a smaller buffer only means more queueing */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	ipc->read_event =
	    xevent(base, fd, EV_READ | EV_PERSIST, on_readable, ipc);
	ipc->write_event = xevent(base, fd, EV_WRITE, on_writable, ipc);
	ipc->end_event = xevent(base, -1, 0, on_end, ipc);
	ipc->flush_event = xevent(base, -1, 0, on_flush, ipc);
	ipc->stall_event = xevent(base, -1, 0, on_stall, ipc);
	xevent_add(ipc->read_event, NULL);
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
		event_del(ipc->stall_event);
		return;
	}
	destroy(ipc);
}

size_t
ipc_queued(const struct ipc *ipc)
{
	return ipc->queue.bytes;
}

size_t
ipc_queued_fds(const struct ipc *ipc)
{
	return ipc->queue.fds;
}

void
ipc_set_patience(struct ipc *ipc, uint64_t ns)
{
	ipc->patience_ns = ns;
}

void
ipc_on_pong(
    struct ipc *ipc, void (*fn)(void *ctx, struct ipc *, uint64_t number))
{
	ipc->ponged = fn;
}

uint64_t
ipc_ping(struct ipc *ipc)
{
	struct ipc_ping ping = {.number = ++ipc->ping_number};

	ipc_send(ipc, IPC_PING, &ping, -1);
	return ping.number;
}

bool
ipc_is_active(struct ipc *ipc)
{
	int unread = ipc_socket_unread(ipc->fd);
	bool is_active = ipc->heard != ipc->seen_heard ||
			 ipc->queue.taken != ipc->seen_taken ||
			 unread < ipc->seen_unread;

	ipc->seen_heard = ipc->heard;
	ipc->seen_taken = ipc->queue.taken;
	ipc->seen_unread = unread;
	return is_active;
}

enum role
ipc_peer(const struct ipc *ipc)
{
	return ipc->peer;
}

int
ipc_pair(int fds[static 2])
{
	return socketpair(
	    AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds);
}
