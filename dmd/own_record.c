/* SPDX-License-Identifier: ISC */
#include "dmd/own_record.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "dmd/advertise.h"
#include "dmd/daemon_state.h"

void
own_record_send(struct dmd *d)
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
	size_t n = 0, left_out;

	while ((e = listen_endpoint(d->listen, n)) != NULL)
		bound[n++] = *e;
	n = advertise_addresses(d->config, netlink_interfaces(d->netlink),
	    bound, n, out, &left_out);
	if (left_out > 0 && d->addresses_left_out == 0)
		log_warn("%zu addresses of this node do not fit into its peer "
			 "record: peers learn those that dmctl id shows; name "
			 "the interfaces that matter in dm.toml",
		    left_out);
	d->addresses_left_out = left_out;
	free(bound);
	return n;
}

/*
 * A clock that was set makes the sequence wrong: too far ahead for peers to
 * believe, or below that of an earlier record. And a record of an earlier life
 * of this identity, signed by a clock that was ahead, wins at every peer once
 * its time has come, until a later one is signed.
 */
bool
own_record_is_stale(const struct own_record_clock *signed_at,
    const struct own_record_clock *now)
{
	uint64_t age = now->mono_ns - signed_at->mono_ns;
	uint64_t due = signed_at->unix_ns + age;

	return age >= RECORD_AGE_NS_MAX ||
	       now->unix_ns > due + RECORD_STEP_NS ||
	       now->unix_ns + RECORD_STEP_NS < due;
}

void
own_record_update(struct dmd *d)
{
	struct timeval later = {
	    .tv_sec = (time_t)(IDENTITY_RECORD_NS_MIN / NS_PER_S)};
	struct multiaddr_raw now[PEER_RECORD_ADDRS_MAX];
	const struct own_record_clock clock = {
	    clock_unix_ns(), clock_mono_ns()};
	const struct identity_time time = {
	    clock.unix_ns, clock.mono_ns, d->config->limits.max_clock_skew_ns};
	size_t n = addresses_now(d, now), len;

	if (d->envelope_len > 0 &&
	    !own_record_is_stale(&d->own_record_signed, &clock) &&
	    advertise_equal(now, n, d->addresses, d->naddresses))
		return;
	len = identity_sign_record(d->identity, now, n, &time, d->envelope);
	if (len == 0) {
		/* too soon after the last one */
		if (!evtimer_pending(d->record_timer, NULL))
			evtimer_add(d->record_timer, &later);
		return;
	}
	memcpy(d->addresses, now, n * sizeof(now[0]));
	d->naddresses = n;
	d->own_record_signed = clock;
	d->envelope_len = len;
	own_record_send(d);
}

void
own_record_on_timer(int unused, short what, void *arg)
{
	own_record_update(arg);
}
