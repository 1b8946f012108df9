/* SPDX-License-Identifier: ISC */
#include "dmd/record.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dmd/advertise.h"
#include "dmd/clock.h"

void
record_send(struct dmd *d)
{
	struct ipc_peer_record msg = {
	    .envelope = bytes_of(d->envelope, d->envelope_len)};
	struct ipc *net = daemon_net(d);

	if (net != NULL && d->envelope_len > 0)
		ipc_send(net, IPC_PEER_RECORD, &msg, -1);
}

static size_t
addresses_now(struct dmd *d, struct multiaddr_raw *out)
{
	struct endpoint *bound =
	    xcalloc(ENDPOINTS_MAX, sizeof(struct endpoint));
	const struct endpoint *e;
	size_t n = 0;

	while ((e = listen_endpoint(d->listen, n)) != NULL)
		bound[n++] = *e;
	n = advertise_addresses(
	    d->config, netlink_interfaces(d->netlink), bound, n, out);
	free(bound);
	return n;
}

void
record_update(struct dmd *d)
{
	struct timeval later = {
	    .tv_sec = (time_t)(IDENTITY_RECORD_NS_MIN / 1000000000)};
	struct multiaddr_raw now[PEER_RECORD_ADDRS_MAX];
	size_t n = addresses_now(d, now), len;

	if (d->envelope_len > 0 &&
	    advertise_equal(now, n, d->addresses, d->naddresses))
		return;
	len = identity_sign_record(
	    d->identity, now, n, clock_unix_ns(), clock_mono_ns(), d->envelope);
	if (len == 0) {
		/* too soon after the last one */
		if (!evtimer_pending(d->record_timer, NULL))
			evtimer_add(d->record_timer, &later);
		return;
	}
	memcpy(d->addresses, now, n * sizeof(now[0]));
	d->naddresses = n;
	d->envelope_len = len;
	record_send(d);
}

void
record_on_timer(int unused, short what, void *arg)
{
	(void)unused;
	(void)what;
	record_update(arg);
}
