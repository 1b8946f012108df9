/* SPDX-License-Identifier: ISC */
#include "dmd/resolver.h"

#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/child.h"
#include "common/log.h"
#include "common/xevent.h"
#include "dmd/lookup_threads.h"

/* In the C library, without a prototype in its headers. */
int __nss_configure_lookup(const char *database, const char *services);

struct resolver {
	struct event_base *base;
	struct ipc *dmd;
	struct ipc *net; /* NULL: no link at the moment */
	uint64_t link;	 /* which one; answers for older ones are dropped */
	bool told_lost;	 /* dmd knows that the log's reader is gone */
	struct lookup_threads *lookups;
	struct event *done;
};

#define IPC_RECEIVER_RESOLVER
#define IPC_CONTEXT struct resolver
#include "common/ipc_dispatch.h"

static void
answer(struct resolver *r, const struct lookup *l)
{
	struct ipc_resolved msg = {.id = l->id,
	    .error = bytes_text(l->error),
	    .addresses = bytes_of(l->addresses, l->addresses_len)};

	if (r->net != NULL && l->link == r->link)
		ipc_send(r->net, IPC_RESOLVED, &msg, -1);
}

static void
answer_error(struct resolver *r, uint32_t id, const char *error)
{
	struct lookup l = {.link = r->link, .id = id};

	snprintf(l.error, sizeof(l.error), "%s", error);
	answer(r, &l);
}

void
resolver_on_resolve(
    struct resolver *r, struct ipc *ipc, const struct ipc_resolve *msg)
{
	struct lookup l = {.link = r->link,
	    .id = (uint32_t)msg->id,
	    .family = (unsigned)msg->family};

	if (msg->family != 0 && msg->family != 4 && msg->family != 6) {
		ipc_violate(ipc, "resolve: family %u", l.family);
		return;
	}
	if (!bytes_copy_text(msg->host, l.host, sizeof(l.host)) ||
	    !lookup_threads_host_is_valid(l.host))
		answer_error(r, l.id, "not a host name");
	else if (!lookup_threads_ask(r->lookups, &l))
		answer_error(r, l.id, "too many look-ups at once");
}

static void
on_done(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *r = arg;
	struct lookup l;

	while (lookup_threads_take(r->lookups, &l)) {
		if (l.error[0] != '\0')
			log_debug("%s: %s", l.host, l.error);
		answer(r, &l);
	}
	if (log_sink_is_lost() && !r->told_lost) {
		r->told_lost = true;
		ipc_send(r->dmd, IPC_LOG_SINK_LOST, NULL, -1);
	}
}

static void
on_net_closed(void *ctx, struct ipc *ipc, const char *violation)
{
	struct resolver *r = ctx;
	struct ipc_violated msg = {.role = ROLE_NET};

	if (violation != NULL) {
		msg.reason = bytes_text(violation);
		if (msg.reason.len > 200)
			msg.reason.len = 200;
		ipc_send(r->dmd, IPC_VIOLATED, &msg, -1);
	}
	ipc_free(ipc);
	r->net = NULL;
}

/* End of file is how children learn that dmd is gone. */
static void
on_dmd_closed(void *ctx, struct ipc *ipc, const char *violation)
{
	struct resolver *r = ctx;

	if (violation != NULL)
		log_error("the channel to dmd is broken: %s", violation);
	event_base_loopbreak(r->base);
}

void
resolver_on_link(
    struct resolver *r, struct ipc *ipc, const struct ipc_link *msg, int fd)
{
	const struct ipc_owner owner = {
	    .handlers = resolver_handlers, .closed = on_net_closed, .ctx = r};

	if (msg->role != ROLE_NET) {
		ipc_violate(ipc, "the resolver is only linked to dm-net");
		close(fd);
		return;
	}
	ipc_free(r->net);
	r->link++;
	r->net = ipc_new(r->base, fd, ROLE_RESOLVER, ROLE_NET, &owner);
}

void
resolver_on_stop(
    struct resolver *r, struct ipc *ipc, const struct ipc_stop *msg)
{
	event_base_loopbreak(r->base);
}

void
resolver_on_log_level(
    struct resolver *r, struct ipc *ipc, const struct ipc_log_level *msg)
{
	log_set_level((enum log_level)msg->level);
}

void
resolver_on_log_sink(
    struct resolver *r, struct ipc *ipc, const struct ipc_log_sink *msg, int fd)
{
	log_set_sink(fd);
	r->told_lost = false;
}

/* No LDAP, no systemd, no mDNS: their modules talk to other daemons. Three
 * dead servers take 28 s instead of minutes. */
static void
lookup_threads_configure(void)
{
	struct addrinfo *list = NULL;

	if (setenv("RES_OPTIONS", "timeout:2 attempts:2", 1) == -1)
		fatal("out of memory");
	if (__nss_configure_lookup("hosts", "files dns") == -1)
		log_warn("cannot choose files and dns: %s", strerror(errno));
	/* makes the library load now what it loads on its first use */
	if (getaddrinfo("localhost", NULL, NULL, &list) == 0)
		freeaddrinfo(list);
}

int
resolver_main(void)
{
	struct ipc_owner owner = {
	    .handlers = resolver_handlers, .closed = on_dmd_closed};
	struct child_settings settings;
	struct resolver r = {0};
	struct ipc_ready ready;
	uint32_t layers;

	child_begin(ROLE_RESOLVER, &settings);
	prctl(PR_SET_NAME, "dmd[resolver]");
	lookup_threads_configure();
	owner.ctx = &r;
	r.base = event_base_new();
	if (r.base == NULL)
		fatal("libevent does not start");
	layers = child_confine_begin(ROLE_RESOLVER, &settings, NULL, 0);
	r.lookups = lookup_threads_new();
	layers = child_confine_end(ROLE_RESOLVER, &settings, layers);
	r.dmd = ipc_new(r.base, CHILD_FD, ROLE_RESOLVER, ROLE_DMD, &owner);
	r.done = xevent(r.base, lookup_threads_fd(r.lookups),
	    EV_READ | EV_PERSIST, on_done, &r);
	xevent_add(r.done, NULL);
	ready.layers = layers;
	ipc_send(r.dmd, IPC_READY, &ready, -1);
	event_base_dispatch(r.base);
	/* threads may be in the middle of a look-up */
	_exit(0);
}
