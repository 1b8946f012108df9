/* SPDX-License-Identifier: ISC */
#include "dmd/commands.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/sandbox/sandbox.h"
#include "dmd/daemon_state.h"
#include "dmd/logging.h"
#include "dmd/reload.h"

#define CONTROL_OWNER_DMD
#define CONTROL_CONTEXT struct dmd
#include "common/control_dispatch.h"

static void
row_peer_id(
    struct control_client *client, const char *key, const struct peer_id *id)
{
	char text[PEER_ID_TEXT_SIZE];

	peer_id_format(id, text);
	control_client_text(client, key, "%s", text);
}

static void
row_network(struct control_client *client, const struct config *config)
{
	char text[BASE64_LEN(32) + 1] = "-";

	if (config->has_network)
		base64_encode(config->network, 32, text);
	control_client_text(client, "network", "%s", text);
}

static void
rows_self(struct control_client *client, const struct dmd *d)
{
	char text[256];

	control_client_text(client, "version", "%s", DMD_VERSION);
	control_client_number(client, "pid", VALUE_NUMBER, (uint64_t)getpid());
	control_client_number(
	    client, "uptime", VALUE_NS, clock_mono_ns() - d->started_ns);
	control_client_number(
	    client, "started_at", VALUE_UNIX_NS, d->started_unix_ns);
	control_client_number(client, "ready", VALUE_BOOL, daemon_is_ready(d));
	control_client_text(client, "config", "%s", d->options->config_path);
	control_client_number(
	    client, "config_generation", VALUE_NUMBER, d->generation);
	control_client_text(client, "state_dir", "%s", d->config->state_dir);
	control_client_text(
	    client, "control_socket", "%s", d->config->control_socket);
	control_client_text(
	    client, "log_level", "%s", log_level_name(log_get_level()));
	row_peer_id(client, "peer_id", identity_peer(d->identity));
	row_network(client, d->config);
	control_client_text(
	    client, "user", "%s", d->users.as_root ? "root" : "unprivileged");
	sandbox_describe(d->layers, text, sizeof(text));
	control_client_text(client, "sandbox_dmd", "%s", text);
}

static void
rows_child(
    struct control_client *client, const char *prefix, const struct child *c)
{
	char key[64], text[256];

	snprintf(key, sizeof(key), "%s_state", prefix);
	control_client_text(client, key, "%s", child_state_name(c->state));
	snprintf(key, sizeof(key), "%s_pid", prefix);
	control_client_number(client, key, VALUE_NUMBER, (uint64_t)c->pid);
	snprintf(key, sizeof(key), "%s_uptime", prefix);
	control_client_number(client, key, VALUE_NS,
	    c->pid != 0 ? clock_mono_ns() - c->started_ns : 0);
	snprintf(key, sizeof(key), "%s_restarts", prefix);
	control_client_number(client, key, VALUE_NUMBER, c->restarts);
	snprintf(key, sizeof(key), "%s_sandbox", prefix);
	sandbox_describe(c->layers, text, sizeof(text));
	control_client_text(client, key, "%s", text);
}

static void
rows_waiting(struct control_client *client, const struct dmd *d,
    const struct config_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!endpoint_item_is_there(
			netlink_interfaces(d->netlink), list->item[i]))
			control_client_text(
			    client, "waiting_for", "%s", list->item[i]);
}

static void
rows_listen(struct control_client *client, const struct listen *l)
{
	const struct endpoint *e;
	char text[ENDPOINT_TEXT_MAX];
	int error;

	for (size_t i = 0; (e = listen_endpoint(l, i)) != NULL; i++)
		control_client_text(
		    client, "listen", "%s", endpoint_text(e, text));
	for (size_t i = 0; (e = listen_failed(l, i, &error)) != NULL; i++)
		control_client_text(client, "not_listening", "%s: %s",
		    endpoint_text(e, text), strerror(error));
}

void
dmd_command_status_dmd(struct dmd *d, struct control_client *client,
    const struct control_status_dmd *m)
{
	rows_self(client, d);
	if (d->is_state_gone)
		control_client_number(client, "state_gone", VALUE_BOOL, 1);
	rows_child(client, "dm_net", children_get(d->children, ROLE_NET));
	rows_child(client, "dm_store", children_get(d->children, ROLE_STORE));
	rows_child(
	    client, "resolver", children_get(d->children, ROLE_RESOLVER));
	rows_listen(client, d->listen);
	rows_waiting(client, d, &d->config->cluster.interfaces);
	rows_waiting(client, d, &d->config->http.interfaces);
	control_client_end(client, VERDICT_OK, NULL);
}

void
dmd_command_id(
    struct dmd *d, struct control_client *client, const struct control_id *m)
{
	const struct peer_id *peer = identity_peer(d->identity);
	char key[BASE64_LEN(32) + 1], peer_text[PEER_ID_TEXT_SIZE];
	char address[MULTIADDR_TEXT_SIZE];

	row_peer_id(client, "peer_id", peer);
	base64_encode(peer_id_key(peer), PEER_KEY_BYTES, key);
	control_client_text(client, "public_key", "%s", key);
	row_network(client, d->config);
	peer_id_format(peer, peer_text);
	for (size_t i = 0; i < d->naddresses; i++) {
		multiaddr_to_text(&d->addresses[i], address);
		control_client_text(
		    client, "address", "%s/p2p/%s", address, peer_text);
	}
	control_client_end(client, VERDICT_OK, NULL);
}

void
dmd_command_reload(struct dmd *d, struct control_client *client,
    const struct control_reload *m)
{
	char text[RELOAD_TEXT_MAX];
	enum verdict verdict = reload_now(d, text);

	control_client_end(client, verdict, text);
}

void
dmd_command_log(
    struct dmd *d, struct control_client *client, const struct control_log *m)
{
	enum log_level level = (enum log_level)m->level;

	logging_set_level(d, level);
	log_info("log level is now %s, until a restart", log_level_name(level));
	control_client_end(client, VERDICT_OK, NULL);
}

void
dmd_command_id_rotate(struct dmd *d, struct control_client *client,
    const struct control_id_rotate *m)
{
	struct peer_id new;

	if (!identity_rotate(d->config->cluster.identity_key, &new)) {
		control_client_end(client, VERDICT_IO_ERROR, NULL);
		return;
	}
	log_warn("a new identity key is in %s; it takes effect at the next "
		 "start",
	    d->config->cluster.identity_key);
	row_peer_id(client, "new_peer_id", &new);
	control_client_end(client, VERDICT_OK,
	    "the new key takes effect at the next start; peers that name this "
	    "node need the new peer id");
}

void
dmd_command_stop(
    struct dmd *d, struct control_client *client, const struct control_stop *m)
{
	control_client_end(client, VERDICT_OK, NULL);
	daemon_stop(d);
}

struct control_server *
commands_serve(struct dmd *d)
{
	return control_server_new(d->base, ROLE_DMD, dmd_commands, d);
}
