/* SPDX-License-Identifier: ISC */
#include "dmd/listening.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/log.h"
#include "dmd/daemon_state.h"
#include "dmd/own_record.h"

static void
timer_add_s(struct event *timer, time_t s)
{
	struct timeval tv = {.tv_sec = s};

	evtimer_add(timer, &tv);
}

/* A configured interface that is missing is no error, but its name may be
 * misspelt. */
static void
tell_missing(const struct dmd *d, const struct config_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!endpoint_item_is_there(
			netlink_interfaces(d->netlink), list->item[i]))
			log_warn("no interface %s on this machine: dmd listens "
				 "on it as soon as it appears",
			    list->item[i]);
}

void
listening_warn_missing(const struct dmd *d)
{
	tell_missing(d, &d->config->cluster.interfaces);
	tell_missing(d, &d->config->http.interfaces);
}

/* Returns how many sockets could not be had. */
size_t
listening_open(struct dmd *d, int *exit_code)
{
	struct endpoint *wanted =
	    xcalloc(ENDPOINTS_MAX, sizeof(struct endpoint));
	size_t n, failed;

	n = endpoints_wanted(d->config, netlink_interfaces(d->netlink), wanted);
	failed = listen_update(d->listen, wanted, n, exit_code);
	free(wanted);
	return failed;
}

void
listening_send_addresses(struct dmd *d)
{
	struct ipc *net = daemon_net(d);
	static const uint8_t local4[4] = {127, 0, 0, 1};
	const struct interface_address *a;
	struct ipc_own_address msg = {
	    .first = true, .address = bytes_of(local4, 4)};

	if (net == NULL)
		return;
	/* one that is always ours starts the list, so it is never empty */
	ipc_send(net, IPC_OWN_ADDRESS, &msg, -1);
	msg.first = false;
	for (size_t i = 0; (a = interfaces_address(
				netlink_interfaces(d->netlink), i)) != NULL;
	     i++) {
		msg.address = bytes_of(a->bytes, a->len);
		ipc_send(net, IPC_OWN_ADDRESS, &msg, -1);
	}
}

void
listening_update(struct dmd *d)
{
	const struct timeval moment = {.tv_usec = 20000};
	int exit_code;

	if (listening_open(d, &exit_code) > 0)
		timer_add_s(d->listen_timer, 5);
	if (listen_is_held(d->listen))
		evtimer_add(d->listen_timer, &moment);
	own_record_update(d);
}

void
listening_on_timer(evutil_socket_t unused, short what, void *arg)
{
	listening_update(arg);
}

void
listening_on_ended(struct dmd *d)
{
	/* not at once: a compromised dm-net may send this again and again */
	if (!evtimer_pending(d->listen_timer, NULL))
		timer_add_s(d->listen_timer, 1);
}
