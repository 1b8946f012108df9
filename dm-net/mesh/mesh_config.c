/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/mesh_config.h"

/* The configuration on its way to the core, and who may be a peer. */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-net/mesh/mesh_address.h"
#include "dm-net/mesh/mesh_turn.h"
#include "dm-net/mesh/peer_conn.h"
#include "dm-net/mesh/perf.h"

void
mesh_config_begin(struct mesh *m, const struct ipc_config_begin *c)
{
	struct sync_config config = {.interval_ns = c->push_pull_interval_ns,
	    .clock_skew_ns = c->max_clock_skew_ns,
	    .file_size_max = c->max_file_size,
	    .peers_max = (size_t)c->max_peers};

	config.has_network = c->network.len == 32;
	if (config.has_network)
		memcpy(config.network, c->network.data, 32);
	m->n_allowed_next = 0;
	m->is_perf_next = c->perf;
	mesh_now(m);
	sync_config_begin(m->sync, &config);
}

void
mesh_config_name(struct mesh *m, const char *pattern)
{
	sync_config_name(m->sync, pattern);
}

bool
mesh_config_bootstrap(struct mesh *m, const char *text)
{
	struct multiaddr addr;
	struct multiaddr_raw raw;
	struct sync_addr out;
	struct netsource source;

	if (multiaddr_from_text(&raw, text, strlen(text)) != MULTIADDR_OK ||
	    multiaddr_parse(&addr, &raw) != MULTIADDR_OK || !addr.has_peer_id)
		return false;
	if (peer_id_equal(&addr.peer_id, p2p_host_peer_id(m->host)))
		return true; /* the same list on every node is fine */
	multiaddr_strip_peer(&raw);
	mesh_address_copy(&out, &raw);
	source = netsource_of_multiaddr(raw.bytes, raw.len);
	admission_know(m->admission, &source);
	sync_config_bootstrap(m->sync, &addr.peer_id, &out);
	return true;
}

bool
mesh_config_allowed(struct mesh *m, const char *text)
{
	struct peer_id id;

	if (!peer_id_parse(&id, text, strlen(text)) ||
	    m->n_allowed_next >= CONFIG_PEERS_MAX)
		return false;
	if (m->allowed_next == NULL)
		m->allowed_next = xcalloc(CONFIG_PEERS_MAX, sizeof(id));
	m->allowed_next[m->n_allowed_next++] = id;
	sync_config_allowed(m->sync, &id);
	return true;
}

bool
mesh_is_allowed(const struct mesh *m, const struct peer_id *peer)
{
	if (m->n_allowed == 0)
		return true;
	for (size_t i = 0; i < m->n_allowed; i++)
		if (peer_id_equal(&m->allowed[i], peer))
			return true;
	return false;
}

/* Peers that may no longer be here are sent away. */
static void
close_unwelcome(struct mesh *m)
{
	struct peer_conn *c;

	LIST_FOREACH(c, &m->conns, next) {
		const struct peer_id *peer = p2p_conn_peer_id(c->p2p);

		if (peer != NULL && !mesh_is_allowed(m, peer))
			p2p_conn_close(c->p2p, 0,
			    "the peer is no longer in allowed_peers");
	}
}

void
mesh_config_commit(struct mesh *m, uint64_t generation)
{
	struct peer_id *old = m->allowed;

	m->allowed = m->allowed_next;
	m->n_allowed = m->n_allowed_next;
	m->allowed_next = old;
	m->n_allowed_next = 0;
	perf_set(m, m->is_perf_next);
	mesh_now(m);
	sync_config_commit(m->sync, generation);
	close_unwelcome(m);
	mesh_kick(m);
}
