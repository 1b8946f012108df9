/* SPDX-License-Identifier: ISC */
#include "dm-net/commands.h"

#include <limits.h>
#include <string.h>

#include "common/clock.h"
#include "common/name.h"
#include "dm-net/mesh/admission.h"
#include "dm-net/net.h"

#define CONTROL_OWNER_NET
#define CONTROL_CONTEXT struct net
#include "common/control_dispatch.h"

static void
send_peer(void *arg, const struct row_peer *row)
{
	control_client_row(arg, ROW_PEER, row, -1);
}

static void
status_sync(struct net *net, struct control_client *client)
{
	char text[LEDGER_WORST_TEXT_SIZE];
	struct ledger_worst worst;
	const struct admission_stats *admission = mesh_admission(net->mesh);
	struct sync_stats s;

	sync_stats(mesh_sync(net->mesh), &s);
	control_client_number(
	    client, "peers_known", VALUE_NUMBER, s.peers_known);
	control_client_number(
	    client, "peers_connected", VALUE_NUMBER, s.conns_up);
	control_client_number(
	    client, "peers_synced", VALUE_NUMBER, s.peers_synced);
	control_client_number(
	    client, "peers_ahead", VALUE_NUMBER, s.peers_ahead);
	control_client_number(client, "to_fetch", VALUE_NUMBER, s.wanted);
	control_client_number(client, "fetching", VALUE_NUMBER, s.fetching);
	control_client_number(client, "sync_bytes_in", VALUE_BYTES, s.bytes_in);
	control_client_number(
	    client, "sync_bytes_out", VALUE_BYTES, s.bytes_out);
	control_client_number(client, "hostile_connections", VALUE_NUMBER,
	    mesh_hostile(net->mesh));
	control_client_number(client, "refused_connections", VALUE_NUMBER,
	    mesh_refused(net->mesh));
	control_client_number(client, "dropped_connections", VALUE_NUMBER,
	    admission->dropped_of_all + admission->dropped_of_source);
	if (ledger_worst(mesh_ledger(net->mesh), clock_mono_ns(), &worst))
		control_client_text(client, "limited_source", "%s",
		    ledger_worst_text(&worst, text));
}

void
net_command_status_net(struct net *net, struct control_client *client,
    const struct control_status_net *m)
{
	control_client_number(client, "store_connected", VALUE_BOOL,
	    store_client_is_up(net->store));
	control_client_number(
	    client, "index_complete", VALUE_BOOL, net->is_index_complete);
	control_client_number(client, "http_connections", VALUE_NUMBER,
	    http_server_connections(net->http));
	control_client_number(client, "peer_listeners", VALUE_NUMBER,
	    net->mesh != NULL ? mesh_listeners(net->mesh) : 0);
	if (net->mesh != NULL)
		status_sync(net, client);
	control_client_end(client, VERDICT_OK, NULL);
}

/* Sends the facts of the mesh about a name that this node does not have. */
void
net_command_why_net(struct net *net, struct control_client *client,
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
	control_client_number(
	    client, "peers_connected", VALUE_NUMBER, stats.conns_up);
	while (sync_wants(mesh_sync(net->mesh), &cursor, &want)) {
		if (memcmp(want.key, key, sizeof(key)) != 0)
			continue;
		control_client_number(
		    client, "sources", VALUE_NUMBER, want.sources);
		control_client_number(
		    client, "failures", VALUE_NUMBER, want.failures);
		control_client_number(
		    client, "fetching", VALUE_BOOL, want.is_fetching);
		control_client_number(client, "wanted_signed_at", VALUE_UNIX_NS,
		    want.rank.signed_at_ns);
	}
	control_client_end(client, VERDICT_OK, NULL);
}

void
net_command_peers(struct net *net, struct control_client *client,
    const struct control_peers *m)
{
	size_t cursor = 0;

	if (net->mesh != NULL)
		mesh_peers(net->mesh, &cursor, UINT_MAX, send_peer, client);
	control_client_end(client, VERDICT_OK, NULL);
}

struct control_server *
commands_serve(struct net *net)
{
	return control_server_new(net->base, ROLE_NET, net_commands, net);
}
