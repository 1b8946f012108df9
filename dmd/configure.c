/* SPDX-License-Identifier: ISC */
#include "dmd/configure.h"

#include <string.h>

#include "dm-net/libp2p/multiaddr.h"

static bool
multiaddr_ok(const char *text)
{
	struct multiaddr addr;

	return multiaddr_parse_text(&addr, text, strlen(text)) == MULTIADDR_OK;
}

static bool
dialable_ok(const char *text)
{
	struct multiaddr addr;

	return multiaddr_parse_text(&addr, text, strlen(text)) ==
		   MULTIADDR_OK &&
	       addr.has_peer_id && multiaddr_is_dialable(&addr);
}

static bool
peer_id_ok(const char *text)
{
	struct peer_id id;

	return peer_id_parse(&id, text, strlen(text));
}

int
configure_load(
    const char *path, struct config **out, struct config_errors *errors)
{
	const struct config_checks checks = {
	    multiaddr_ok, dialable_ok, peer_id_ok};

	return config_load(path, &checks, out, errors);
}

static void
send_begin(struct ipc *ipc, const struct config *c, uint32_t generation)
{
	struct ipc_config_begin msg = {
	    .generation = generation,
	    .network = bytes_of(c->network, c->has_network ? 32 : 0),
	    .max_file_size = c->limits.max_file_size,
	    .max_clock_skew_ns = c->limits.max_clock_skew_ns,
	    .max_total_size = c->limits.max_total_size,
	    .min_free = c->limits.min_free,
	    .max_files = c->limits.max_files,
	    .max_records_per_signer = c->limits.max_records_per_signer,
	    .history_size = c->limits.history_size,
	    .history_versions = c->limits.history_versions,
	    .push_pull_interval_ns = c->cluster.push_pull_interval_ns,
	    .max_peers = c->cluster.max_peers,
	    .perf = c->cluster.perf,
	    .http_read = c->http.read,
	    .cluster_port = c->cluster.port,
	    .http_port = c->http.port,
	};

	ipc_send(ipc, IPC_CONFIG_BEGIN, &msg, -1);
}

static void
send_names(struct ipc *ipc, const struct config *c)
{
	struct ipc_config_name msg;

	for (size_t i = 0; i < c->nfiles; i++) {
		msg.pattern = bytes_text(c->files[i].pattern);
		msg.signers = bytes_of(c->files[i].signers, c->files[i].n * 32);
		ipc_send(ipc, IPC_CONFIG_NAME, &msg, -1);
	}
}

static void
send_peers(struct ipc *ipc, unsigned kind, const struct config_list *list)
{
	struct ipc_config_peer msg = {.kind = kind};

	for (size_t i = 0; i < list->n; i++) {
		msg.text = bytes_text(list->item[i]);
		ipc_send(ipc, IPC_CONFIG_PEER, &msg, -1);
	}
}

void
configure_send(struct ipc *ipc, enum role role, const struct config *c,
    uint32_t generation)
{
	struct ipc_config_commit commit = {.generation = generation};

	send_begin(ipc, c, generation);
	send_names(ipc, c);
	if (role == ROLE_NET) {
		send_peers(ipc, 0, &c->cluster.bootstrap_peers);
		send_peers(ipc, 1, &c->cluster.allowed_peers);
	}
	ipc_send(ipc, IPC_CONFIG_COMMIT, &commit, -1);
}
