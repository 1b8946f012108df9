/* SPDX-License-Identifier: ISC */
#include "dmd/netlink.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xevent.h"

#define DUMP_TRIES 5
#define DUMP_BUFFER 65536

struct netlink {
	struct event_base *base;
	void (*changed)(void *);
	void *ctx;
	int watch_fd;
	struct event *watch;
	struct event *calm;
	struct interfaces *table;
};

/* -1 with errno. */
static int
netlink_open(unsigned groups, int flags)
{
	struct sockaddr_nl sa = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int fd, saved;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);
	if (fd == -1)
		return -1;
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == -1) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int
dump_ask(int fd, uint16_t type)
{
	struct {
		struct nlmsghdr head;
		struct rtgenmsg family;
	} ask = {
	    .head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)),
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
	    .family = {.rtgen_family = AF_UNSPEC},
	};

	return send(fd, &ask, ask.head.nlmsg_len, 0) == -1 ? -1 : 0;
}

/* For questions; -1 with errno. */
static int
query_open(void)
{
	struct timeval limit = {.tv_sec = 2};
	int fd = netlink_open(0, 0);

	/* the kernel answers at once; this only guards against surprises */
	if (fd != -1)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

/* One datagram, or all of a dump. */
static enum interfaces_step
answer_read(int fd, struct interfaces *t, bool is_dump)
{
	enum interfaces_step step = INTERFACES_MORE;
	struct sockaddr_nl from;
	socklen_t from_len;
	uint8_t *buf = xmalloc(DUMP_BUFFER);
	ssize_t n;

	while (step == INTERFACES_MORE) {
		from_len = sizeof(from);
		n = recvfrom(fd, buf, DUMP_BUFFER, MSG_TRUNC,
		    (struct sockaddr *)&from, &from_len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0 || n > DUMP_BUFFER)
			step = INTERFACES_FAILED;
		else if (from.nl_pid == 0) /* anyone may send to the socket */
			step = interfaces_read(t, buf, (size_t)n);
		if (!is_dump && n > 0 && from.nl_pid == 0)
			break;
	}
	free(buf);
	return step;
}

/* Asks for the route to a distant address. Nothing is sent to it. */
static int
route_ask(int fd, uint8_t family)
{
	/* of a root name server */
	static const uint8_t far4[4] = {198, 41, 0, 4};
	static const uint8_t far6[16] = {
	    0x20, 0x01, 0x05, 0x03, 0xba, 0x3e, [13] = 2, [15] = 0x30};
	size_t len = family == AF_INET ? sizeof(far4) : sizeof(far6);
	struct {
		struct nlmsghdr head;
		struct rtmsg route;
		struct rtattr attr;
		uint8_t to[16];
	} ask = {
	    .head = {.nlmsg_len = (uint32_t)(sizeof(ask) - 16 + len),
		.nlmsg_type = RTM_GETROUTE,
		.nlmsg_flags = NLM_F_REQUEST},
	    .route = {.rtm_family = family, .rtm_dst_len = (uint8_t)(len * 8)},
	    .attr = {.rta_len = (uint16_t)(sizeof(ask.attr) + len),
		.rta_type = RTA_DST},
	};

	memcpy(ask.to, family == AF_INET ? far4 : far6, len);
	return send(fd, &ask, ask.head.nlmsg_len, 0) == -1 ? -1 : 0;
}

/* A missing route is no error. */
static void
routes_read(struct interfaces *t)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	int fd = query_open();

	if (fd == -1)
		return;
	for (size_t i = 0; i < sizeof(families); i++)
		if (route_ask(fd, families[i]) == 0)
			answer_read(fd, t, false);
	close(fd);
}

static enum interfaces_step
dump_both(struct interfaces *t)
{
	static const uint16_t types[] = {RTM_GETLINK, RTM_GETADDR};
	enum interfaces_step step = INTERFACES_FAILED;
	int fd = query_open();

	if (fd == -1)
		return INTERFACES_FAILED;
	for (size_t i = 0; i < 2; i++) {
		step = dump_ask(fd, types[i]) == -1 ? INTERFACES_FAILED
						    : answer_read(fd, t, true);
		if (step != INTERFACES_DONE)
			break;
	}
	close(fd);
	return step;
}

/* NULL if it cannot be read: the old table is better than half a new one. */
static struct interfaces *
dump_table(void)
{
	struct interfaces *t;
	enum interfaces_step step;

	for (int i = 0; i < DUMP_TRIES; i++) {
		t = interfaces_new();
		step = dump_both(t);
		if (step == INTERFACES_DONE) {
			routes_read(t);
			return t;
		}
		interfaces_free(t);
		if (step != INTERFACES_AGAIN)
			break;
	}
	return NULL;
}

static void
on_calm(evutil_socket_t fd, short what, void *arg)
{
	struct netlink *nl = arg;
	struct interfaces *t = dump_table();

	if (t == NULL) {
		log_warn("cannot read the network interfaces: %s; the last "
			 "known ones stay",
		    strerror(errno));
		return;
	}
	if (interfaces_equal(t, nl->table)) {
		interfaces_free(t);
		return;
	}
	interfaces_free(nl->table);
	nl->table = t;
	nl->changed(nl->ctx);
}

/* The content of these messages does not matter, nor the loss of some. */
static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct netlink *nl = arg;
	struct timeval calm = {.tv_usec = NETLINK_CALM_MS * 1000};
	uint8_t buf[8192];
	ssize_t n;

	do
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	while (n > 0 || (n == -1 && (errno == EINTR || errno == ENOBUFS)));
	if (!evtimer_pending(nl->calm, NULL))
		evtimer_add(nl->calm, &calm);
}

struct netlink *
netlink_new(struct event_base *base, void (*changed)(void *), void *ctx)
{
	struct netlink *nl = xcalloc(1, sizeof(*nl));

	nl->base = base;
	nl->changed = changed;
	nl->ctx = ctx;
	/* watching comes first, so that nothing falls between */
	nl->watch_fd =
	    netlink_open(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
		SOCK_NONBLOCK);
	nl->table = dump_table();
	if (nl->watch_fd == -1 || nl->table == NULL)
		log_warn(
		    "cannot watch the network interfaces: %s", strerror(errno));
	if (nl->table == NULL)
		nl->table = interfaces_new();
	nl->calm = xevent(base, -1, 0, on_calm, nl);
	if (nl->watch_fd != -1) {
		nl->watch = xevent(
		    base, nl->watch_fd, EV_READ | EV_PERSIST, on_watch, nl);
		xevent_add(nl->watch, NULL);
	}
	return nl;
}

void
netlink_free(struct netlink *nl)
{
	if (nl == NULL)
		return;
	if (nl->watch != NULL)
		event_free(nl->watch);
	event_free(nl->calm);
	if (nl->watch_fd != -1)
		close(nl->watch_fd);
	interfaces_free(nl->table);
	free(nl);
}

void
netlink_look(struct netlink *nl)
{
	struct interfaces *t = interfaces_new();

	routes_read(t);
	interfaces_take_ways(nl->table, t);
	interfaces_free(t);
}

const struct interfaces *
netlink_interfaces(const struct netlink *nl)
{
	return nl->table;
}
