/* SPDX-License-Identifier: ISC */
/*
 * dm-net: the process that faces the network. It has no file system, no
 * long-lived key and no say in what is stored: it carries bytes between peers,
 * HTTP clients and dm-store. Started by dmd only.
 */
#include <errno.h>
#include <event2/event.h>
#include <protobuf-c/protobuf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/sandbox/sandbox.h"
#include "common/version.h"
#include "common/version_daemon.h"
#include "dm-net/commands.h"
#include "dm-net/http/http2.h"
#include "dm-net/net.h"
#include "dm-net/node_facts.h"
#include "dm-net/reject_relay.h"

static void
net_refused(void *ctx, enum verdict v, const struct entry *e, const char *from)
{
	struct net *net = ctx;

	reject_relay_note(net->refusals, v, e, from);
}

static struct http_server *
new_http(struct net *net)
{
	const struct http_backend backend = {.store = net->store,
	    .ctx = net,
	    .peers = node_facts_peers,
	    .facts = node_facts_read,
	    .is_own_address = node_facts_is_own_address,
	    .metrics = node_facts_metrics,
	    .refused = net_refused,
	    .listener_ended = net_listener_ended,
	    .connections_max = net->descriptors.http,
	    .files_max = net->descriptors.files};

	return http_server_new(net->base, &backend);
}

/* The TLS key's signature is the first thing asked of dmd. */
static void
ask_signature(struct net *net)
{
	uint8_t spki[P2P_SPKI_LEN];
	struct ipc_sign_tls m;

	p2p_tls_key_spki(net->tls_key, spki);
	m.spki = bytes_of(spki, sizeof(spki));
	ipc_send(net->dmd, IPC_SIGN_TLS, &m, -1);
}

/* Shares out the descriptors that the sandbox left. */
static struct descriptors
share_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		fatal("getrlimit: %s", strerror(errno));
	if (limit.rlim_max > SANDBOX_NET_NOFILE)
		limit.rlim_max = SANDBOX_NET_NOFILE;
	return descriptors_share((unsigned)limit.rlim_max);
}

static void
setup(struct net *net)
{
	child_begin(ROLE_NET, &net->settings);
	net->base = event_base_new();
	if (net->base == NULL)
		fatal("cannot create the event loop");
	/* the first key warms up all of OpenSSL that the filter would miss */
	net->tls_key = p2p_tls_key_new();
	if (net->tls_key == NULL)
		fatal("cannot make a TLS key");
	net->descriptors = share_descriptors();
	net->layers = child_confine(ROLE_NET, &net->settings, NULL, 0);
	net->started_ns = clock_unix_ns();
	net->store = store_client_new();
	net->resolve = resolve_new();
	net->refusals = reject_relay_new(net->base, net->store);
	net->http = new_http(net);
	net->control = commands_serve(net);
	net->dmd = net_channel(net, CHILD_FD, ROLE_DMD);
	ask_signature(net);
}

/* Peers are told that we go, as far as their sockets take it. */
static void
teardown(struct net *net)
{
	http_server_free(net->http);
	mesh_free(net->mesh);
	control_server_free(net->control);
	reject_relay_free(net->refusals);
	store_client_free(net->store);
	resolve_free(net->resolve);
	ipc_free(net->store_ipc);
	ipc_free(net->resolver_ipc);
	ipc_free(net->dmd);
	p2p_tls_key_free(net->tls_key);
	event_base_free(net->base);
}

static void
print_version(void)
{
	version_daemon_print("dm-net");
	printf("nghttp2 %s\n", http2_library_version());
	printf("protobuf-c %s\n", protobuf_c_version());
}

int
main(int argc, char **argv)
{
	struct net net = {0};

	if (version_is_asked(argc, argv)) {
		print_version();
		return EX_OK;
	}
	setup(&net);
	event_base_dispatch(net.base);
	teardown(&net);
	return EXIT_SUCCESS;
}
