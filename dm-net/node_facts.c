/* SPDX-License-Identifier: ISC */
#include "dm-net/node_facts.h"

#include <string.h>

#include "dm-net/mesh/admission.h"
#include "dm-net/net.h"

bool
node_facts_peers(void *ctx, size_t *cursor, unsigned max,
    void (*row)(void *, const struct row_peer *), void *arg)
{
	struct net *net = ctx;

	return net->mesh != NULL &&
	       mesh_peers(net->mesh, cursor, max, row, arg);
}

void
node_facts_read(void *ctx, struct http_facts *f)
{
	struct net *net = ctx;
	struct sync_stats stats;

	f->configured = net->is_configured;
	f->config_generation = net->generation;
	f->listening = net->mesh != NULL && mesh_listeners(net->mesh) > 0;
	f->store_ready =
	    store_client_is_up(net->store) && net->is_index_complete;
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
node_facts_is_own_address(void *ctx, const uint8_t *address, size_t len)
{
	struct net *net = ctx;

	for (size_t i = 0; i < net->n_own; i++)
		if (net->own[i].len == len &&
		    memcmp(net->own[i].bytes, address, len) == 0)
			return true;
	return false;
}

static void
metrics_ledger(const struct ledger_stats *s, struct http_text *out)
{
	http_text_printf(out,
	    "# HELP dm_source_limited_total Work for peers refused since "
	    "their source owed too much.\n"
	    "# TYPE dm_source_limited_total counter\n");
	for (enum ledger_kind k = 0; k < LEDGER_KINDS; k++)
		http_text_printf(out,
		    "dm_source_limited_total{kind=\"%s\"} %llu\n",
		    ledger_kind_name(k), (unsigned long long)s->refused[k]);
	http_text_printf(out,
	    "# HELP dm_source_cost_seconds_total CPU that was spent for peers "
	    "in vain, about.\n"
	    "# TYPE dm_source_cost_seconds_total counter\n");
	for (enum ledger_kind k = 0; k < LEDGER_KINDS; k++)
		http_text_printf(out,
		    "dm_source_cost_seconds_total{kind=\"%s\"} %.3f\n",
		    ledger_kind_name(k), (double)s->cost_ns[k] / 1e9);
}

static void
metrics_admission(const struct admission_stats *s, struct http_text *out)
{
	http_text_printf(out,
	    "# HELP dm_dropped_connections_total Connections closed before "
	    "their handshake was over, for a new one, by the limit that it "
	    "hit.\n"
	    "# TYPE dm_dropped_connections_total counter\n"
	    "dm_dropped_connections_total{limit=\"all\"} %llu\n"
	    "dm_dropped_connections_total{limit=\"address\"} %llu\n",
	    (unsigned long long)s->dropped_of_all,
	    (unsigned long long)s->dropped_of_source);
}

void
node_facts_metrics(void *ctx, struct http_text *out)
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
	metrics_admission(mesh_admission(net->mesh), out);
	metrics_ledger(ledger_stats(mesh_ledger(net->mesh)), out);
}
