/* SPDX-License-Identifier: ISC */
/* What dm-net says of itself: to dmctl (peers, status), to /healthz, /metrics
 * and /peers. */
#include <string.h>

#include "common/name.h"
#include "dm-net/net.h"

/* --- for HTTP --- */

void
net_peers(void *ctx, void (*row)(void *, const struct row_peer *), void *arg)
{
	struct net *net = ctx;

	if (net->mesh != NULL)
		mesh_peers(net->mesh, row, arg);
}

void
net_facts(void *ctx, struct http_facts *f)
{
	struct net *net = ctx;
	struct sync_stats stats;

	f->configured = net->is_configured;
	f->config_generation = net->generation;
	f->listening = net->mesh != NULL && mesh_listeners(net->mesh) > 0;
	f->store_ready = store_link_is_up(net->store) && net->is_index_complete;
	f->store_writable = net->store_stats.writable;
	f->files = net->store_stats.files;
	f->records = net->store_stats.records;
	f->store_bytes = net->store_stats.bytes;
	f->free_bytes = net->store_stats.free_bytes;
	memcpy(f->rejected, net->rejected, sizeof(f->rejected));
	f->conflicts = net->store_stats.conflicts;
	f->damaged = net->store_stats.damaged;
	f->quarantined = net->store_stats.quarantined;
	f->healed = net->store_stats.healed;
	f->wanted = net->store_stats.wanted;
	if (net->mesh == NULL)
		return;
	sync_stats(mesh_sync(net->mesh), &stats);
	f->peers_connected = (unsigned)stats.conns_up;
	f->peers_known = (unsigned)stats.peers_known;
	f->peers_ahead = (unsigned)stats.peers_ahead;
}

bool
net_is_own_address(void *ctx, const uint8_t *address, size_t len)
{
	struct net *net = ctx;

	for (size_t i = 0; i < net->n_own; i++)
		if (net->own[i].len == len &&
		    memcmp(net->own[i].bytes, address, len) == 0)
			return true;
	return false;
}

void
net_metrics(void *ctx, struct http_text *out)
{
	struct net *net = ctx;
	struct sync_stats s;

	http_text_printf(out,
	    "# HELP dm_process_restarts_total Processes that ended and were "
	    "started again.\n"
	    "# TYPE dm_process_restarts_total counter\n"
	    "dm_process_restarts_total{process=\"dm-net\"} %llu\n"
	    "dm_process_restarts_total{process=\"dm-store\"} %llu\n"
	    "dm_process_restarts_total{process=\"resolver\"} %llu\n",
	    (unsigned long long)net->restarts.net,
	    (unsigned long long)net->restarts.store,
	    (unsigned long long)net->restarts.resolver);
	if (net->mesh == NULL)
		return;
	sync_stats(mesh_sync(net->mesh), &s);
	http_text_printf(out,
	    "# HELP dm_sync_bytes_total Bytes of sync messages.\n"
	    "# TYPE dm_sync_bytes_total counter\n"
	    "dm_sync_bytes_total{direction=\"in\"} %llu\n"
	    "dm_sync_bytes_total{direction=\"out\"} %llu\n"
	    "# HELP dm_hostile_connections_total Connections of peers that "
	    "broke the protocol.\n"
	    "# TYPE dm_hostile_connections_total counter\n"
	    "dm_hostile_connections_total %llu\n"
	    "# HELP dm_refused_connections_total Connections refused by a "
	    "limit or the list of allowed peers.\n"
	    "# TYPE dm_refused_connections_total counter\n"
	    "dm_refused_connections_total %llu\n",
	    (unsigned long long)s.bytes_in, (unsigned long long)s.bytes_out,
	    (unsigned long long)mesh_hostile(net->mesh),
	    (unsigned long long)mesh_refused(net->mesh));
}

/* --- for dmctl --- */

static void
send_peer(void *arg, const struct row_peer *row)
{
	control_client_row(arg, ROW_PEER, row, -1);
}

static void
status_sync(struct net *net, struct control_client *client)
{
	struct sync_stats s;

	sync_stats(mesh_sync(net->mesh), &s);
	control_client_number(client, "peers_known", 1, s.peers_known);
	control_client_number(client, "peers_connected", 1, s.conns_up);
	control_client_number(client, "peers_synced", 1, s.peers_synced);
	control_client_number(client, "peers_ahead", 1, s.peers_ahead);
	control_client_number(client, "to_fetch", 1, s.wanted);
	control_client_number(client, "fetching", 1, s.fetching);
	control_client_number(client, "sync_bytes_in", 1, s.bytes_in);
	control_client_number(client, "sync_bytes_out", 1, s.bytes_out);
	control_client_number(
	    client, "hostile_connections", 1, mesh_hostile(net->mesh));
	control_client_number(
	    client, "refused_connections", 1, mesh_refused(net->mesh));
}

static void
status(struct net *net, struct control_client *client)
{
	control_client_number(
	    client, "store_connected", 2, store_link_is_up(net->store));
	control_client_number(
	    client, "index_complete", 2, net->is_index_complete);
	control_client_number(
	    client, "http_connections", 1, http_server_connections(net->http));
	control_client_number(client, "peer_listeners", 1,
	    net->mesh != NULL ? mesh_listeners(net->mesh) : 0);
	if (net->mesh != NULL)
		status_sync(net, client);
	control_client_end(client, VERDICT_OK, NULL);
}

/* What the mesh knows of a name that is not here. */
static void
why(struct net *net, struct control_client *client,
    const struct control_why_net *m)
{
	struct sync_want_info want;
	char name[NAME_LEN_MAX + 1];
	struct sync_stats stats;
	size_t cursor = 0;
	uint8_t key[16];

	if (!name_is_valid((const char *)m->name.data, m->name.len) ||
	    !bytes_copy_text(m->name, name, sizeof(name))) {
		control_client_end(client, VERDICT_BAD_NAME, NULL);
		return;
	}
	if (net->mesh == NULL) {
		control_client_end(client, VERDICT_OK, NULL);
		return;
	}
	name_key(name, key);
	sync_stats(mesh_sync(net->mesh), &stats);
	control_client_number(client, "peers_connected", 1, stats.conns_up);
	while (sync_wants(mesh_sync(net->mesh), &cursor, &want)) {
		if (memcmp(want.key, key, sizeof(key)) != 0)
			continue;
		control_client_number(client, "sources", 1, want.sources);
		control_client_number(client, "failures", 1, want.failures);
		control_client_number(client, "fetching", 2, want.is_fetching);
		control_client_number(
		    client, "wanted_signed_at", 4, want.rank.signed_at_ns);
	}
	control_client_end(client, VERDICT_OK, NULL);
}

void
net_answer(void *ctx, struct control_client *client, enum control_command c,
    const void *request, int attached_fd)
{
	struct net *net = ctx;

	(void)attached_fd; /* these commands take none */
	if (c == CONTROL_STATUS_NET) {
		status(net, client);
		return;
	}
	if (c == CONTROL_WHY_NET) {
		why(net, client, request);
		return;
	}
	if (net->mesh != NULL)
		mesh_peers(net->mesh, send_peer, client);
	control_client_end(client, VERDICT_OK, NULL);
}
