/* SPDX-License-Identifier: ISC */
/*
 * struct net: the state of the process dm-net. main.c makes it, handlers.c
 * fills it from the messages of dmd and dm-store, commands.c and node_facts.c
 * show it.
 */
#ifndef DM_NET_NET_H
#define DM_NET_NET_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/child.h"
#include "common/control_serve.h"
#include "common/ipc.h"
#include "common/limits.h"
#include "common/sandbox/sandbox.h"
#include "dm-net/http/http.h"
#include "dm-net/mesh/mesh.h"
#include "dm-net/resolve.h"
#include "dm-net/store/store_client.h"

#define NET_OWN_ADDRESSES_MAX 256
#define NET_INDEX_BYTES_MAX (384u << 20)
#define NET_PEERS_BYTES_MAX (64u << 20) /* all connections of the mesh */
#define NET_REST_BYTES (24u << 20)	/* libraries, channels, tables */
#define NET_PEERS_MAX 512		/* until the configuration says it */

static_assert(NET_INDEX_BYTES_MAX + HTTP_MEMORY_MAX + NET_PEERS_BYTES_MAX +
		      NET_REST_BYTES <=
		  SANDBOX_NET_DATA_BYTES,
    "all that is bounded together fits into what dm-net may have");

struct net_address {
	uint8_t len;
	uint8_t bytes[16];
};

struct net {
	struct event_base *base;
	struct child_settings settings;
	uint32_t layers;
	struct descriptors descriptors;
	struct ipc *dmd;
	struct ipc *store_ipc;
	struct ipc *resolver_ipc;
	struct store_client *store;
	struct resolve *resolve;
	struct reject_relay *refusals;
	struct p2p_tls_key *tls_key;
	struct mesh *mesh; /* NULL before dmd's signature */
	struct http_server *http;
	struct control_server *control;
	struct event *stop_event;
	/* configuration: as begun, as committed */
	struct http_settings http_next;
	uint64_t generation;
	bool is_config_open;
	bool is_configured;
	bool is_index_complete;
	bool is_ready_sent;
	bool is_stopping;
	struct net_address own[NET_OWN_ADDRESSES_MAX];
	size_t n_own;
	struct ipc_store_stats store_stats; /* but for what comes next */
	uint64_t rejected[VERDICT_COUNT];
	struct ipc_restarts restarts;
	uint64_t started_ns;
};

/* handlers.c: channels made with these. */
struct ipc *net_channel(struct net *, int fd, enum role peer);
/* Tells dmd that a listening socket accepts no more. */
void net_listener_ended(void *net);

#endif
