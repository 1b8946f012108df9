/* SPDX-License-Identifier: ISC */
/*
 * One handler for each message to dm-net. Those of dmd that need the mesh wait
 * until dmd has signed the TLS key; the store's go to store_link, the mesh and
 * HTTP.
 */
#include <endian.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/entry.h"
#include "common/log.h"
#include "common/name.h"
#include "common/sha256.h"
#include "dm-net/net.h"

#define IPC_RECEIVER_NET
#define IPC_CONTEXT struct net
#include "common/ipc_dispatch.h"

/* The first credit starts the stream of the index: only once there is a mesh
 * that keeps it. */
static void
ask_index(struct net *net)
{
	struct ipc_index_credit credit = {.messages = IPC_INDEX_WINDOW};

	if (net->mesh == NULL || !store_client_is_up(net->store))
		return;
	mesh_store_up(net->mesh);
	ipc_send(net->store_ipc, IPC_INDEX_CREDIT, &credit, -1);
}

static void
on_opened(void *ctx, struct ipc *ipc)
{
	struct net *net = ctx;

	if (ipc_peer(ipc) != ROLE_STORE)
		return;
	store_client_attach(net->store, ipc);
	ask_index(net);
}

static void
drop_store(struct net *net)
{
	net->is_index_complete = false;
	if (net->mesh != NULL)
		mesh_store_lost(net->mesh);
	store_client_detach(net->store);
	ipc_free(net->store_ipc);
	net->store_ipc = NULL;
}

static void
drop_resolver(struct net *net)
{
	resolve_attach(net->resolve, NULL);
	ipc_free(net->resolver_ipc);
	net->resolver_ipc = NULL;
}

static void
on_closed(void *ctx, struct ipc *ipc, const char *violation)
{
	struct net *net = ctx;
	struct ipc_violated m = {.role = ipc_peer(ipc)};

	if (ipc_peer(ipc) == ROLE_DMD) {
		if (violation != NULL)
			log_error("dmd broke the protocol of its channel: %s",
			    violation);
		event_base_loopbreak(net->base);
		return;
	}
	if (violation != NULL) {
		m.reason = bytes_of(violation, strnlen(violation, 200));
		ipc_send(net->dmd, IPC_VIOLATED, &m, -1);
	}
	if (ipc == net->store_ipc)
		drop_store(net);
	else if (ipc == net->resolver_ipc)
		drop_resolver(net);
}

struct ipc *
net_channel(struct net *net, int fd, enum role peer)
{
	const struct ipc_owner owner = {
	    net_handlers, on_opened, on_closed, net};

	return ipc_new(net->base, fd, ROLE_NET, peer, &owner);
}

/* Tells dmd once all that serving needs is there. */
static void
net_check_ready(struct net *net)
{
	struct ipc_ready m = {.layers = net->layers};

	if (net->is_ready_sent || net->mesh == NULL || !net->is_configured ||
	    !net->is_index_complete)
		return;
	net->is_ready_sent = true;
	ipc_send(net->dmd, IPC_READY, &m, -1);
}

/* --- from dmd: life --- */

void
net_on_stop(struct net *net, struct ipc *ipc, const struct ipc_stop *m)
{
	net->is_stopping = true;
	event_base_loopbreak(net->base);
}

void
net_on_log_level(
    struct net *net, struct ipc *ipc, const struct ipc_log_level *m)
{
	log_set_level((enum log_level)m->level);
}

void
net_on_log_sink(
    struct net *net, struct ipc *ipc, const struct ipc_log_sink *m, int fd)
{
	log_set_sink(fd);
}

void
net_on_link(struct net *net, struct ipc *ipc, const struct ipc_link *m, int fd)
{
	if (m->role == ROLE_STORE) {
		if (net->store_ipc != NULL)
			drop_store(net);
		net->store_ipc = net_channel(net, fd, ROLE_STORE);
	} else if (m->role == ROLE_RESOLVER) {
		if (net->resolver_ipc != NULL)
			drop_resolver(net);
		net->resolver_ipc = net_channel(net, fd, ROLE_RESOLVER);
		resolve_attach(net->resolve, net->resolver_ipc);
	} else {
		close(fd);
		ipc_violate(ipc, "a channel to a wrong role");
	}
}

void
net_on_client(
    struct net *net, struct ipc *ipc, const struct ipc_client *m, int fd)
{
	control_server_take(
	    net->control, fd, m->header, m->uid, m->gid, m->privileged);
}

static struct ipc *
store_channel(void *ctx)
{
	struct net *net = ctx;

	return store_client_is_up(net->store) ? net->store_ipc : NULL;
}

/* Once dmd has signed the TLS key. False if the signature is wrong. */
static bool
net_make_mesh(struct net *net, const uint8_t public_key[static 32],
    const uint8_t signature[static 64])
{
	const struct mesh_settings settings = {.base = net->base,
	    .store = net->store,
	    .resolve = net->resolve,
	    .refusals = net->refusals,
	    .store_ipc = store_channel,
	    .listener_ended = net_listener_ended,
	    .ctx = net,
	    .tls_key = net->tls_key,
	    .public_key = public_key,
	    .signature = signature,
	    .peers_max = NET_PEERS_MAX,
	    .descriptors = net->descriptors};

	net->mesh = mesh_new(&settings);
	return net->mesh != NULL;
}

/* --- from dmd: what the mesh is made of --- */

void
net_on_signature(
    struct net *net, struct ipc *ipc, const struct ipc_signature *m)
{
	if (net->mesh != NULL) {
		ipc_violate(ipc, "a second signature");
		return;
	}
	if (!net_make_mesh(net, m->public_key, m->signature)) {
		ipc_violate(ipc, "a signature that does not verify");
		return;
	}
	ask_index(net);
}

void
net_on_config_begin(
    struct net *net, struct ipc *ipc, const struct ipc_config_begin *m)
{
	if (net->mesh == NULL)
		return; /* a reload at our start: it all comes again */
	net->is_config_open = true;
	net->http_next.read = (enum config_read)m->http_read;
	net->http_next.max_file_size = m->max_file_size;
	net->http_next.max_clock_skew_ns = m->max_clock_skew_ns;
	net->http_next.has_network = m->network.len == 32;
	if (m->network.len == 32)
		memcpy(net->http_next.network, m->network.data, 32);
	mesh_config_begin(net->mesh, m);
}

void
net_on_config_name(
    struct net *net, struct ipc *ipc, const struct ipc_config_name *m)
{
	char pattern[NAME_LEN_MAX + 1];

	if (net->mesh == NULL)
		return;
	if (!net->is_config_open ||
	    !bytes_copy_text(m->pattern, pattern, sizeof(pattern)) ||
	    !name_pattern_is_valid(pattern, m->pattern.len)) {
		ipc_violate(ipc, "a bad config_name");
		return;
	}
	mesh_config_name(net->mesh, pattern);
}

void
net_on_config_peer(
    struct net *net, struct ipc *ipc, const struct ipc_config_peer *m)
{
	char text[513];
	bool ok;

	if (net->mesh == NULL)
		return;
	if (!net->is_config_open ||
	    !bytes_copy_text(m->text, text, sizeof(text))) {
		ipc_violate(ipc, "a bad config_peer");
		return;
	}
	ok = m->kind == 0 ? mesh_config_bootstrap(net->mesh, text)
			  : mesh_config_allowed(net->mesh, text);
	if (!ok)
		log_warn("ignored peer %s of dm.toml: not a valid address or "
			 "id, or one of too many",
		    text);
}

void
net_on_config_commit(
    struct net *net, struct ipc *ipc, const struct ipc_config_commit *m)
{
	if (net->mesh == NULL)
		return;
	if (!net->is_config_open) {
		ipc_violate(ipc, "a configuration commit without a begin");
		return;
	}
	net->is_config_open = false;
	net->is_configured = true;
	net->generation = m->generation;
	mesh_config_commit(net->mesh, m->generation);
	http_server_configure(net->http, &net->http_next);
	net_check_ready(net);
}

void
net_on_listen(
    struct net *net, struct ipc *ipc, const struct ipc_listen *m, int fd)
{
	if (net->mesh == NULL) {
		close(fd);
		ipc_violate(ipc, "a listener before the signature");
		return;
	}
	if (m->kind == 0) {
		mesh_listen(net->mesh, m->id, fd);
	} else {
		http_server_listen(net->http, fd, m->id);
	}
}

void
net_listener_ended(void *ctx)
{
	struct net *net = ctx;

	log_warn("a listening socket was shut down: dmd opens a new one");
	ipc_send(net->dmd, IPC_LISTENER_ENDED, NULL, -1);
}

void
net_on_unlisten(struct net *net, struct ipc *ipc, const struct ipc_unlisten *m)
{
	http_server_unlisten(net->http, m->id);
	if (net->mesh != NULL)
		mesh_unlisten(net->mesh, m->id);
}

void
net_on_restarts(struct net *net, struct ipc *ipc, const struct ipc_restarts *m)
{
	net->restarts = *m;
}

void
net_on_own_address(
    struct net *net, struct ipc *ipc, const struct ipc_own_address *m)
{
	struct net_address *a;

	if (m->first) {
		net->n_own = 0;
		if (net->mesh != NULL)
			mesh_network_changed(net->mesh);
	}
	if (m->address.len == 0)
		return; /* none at all */
	if (m->address.len != 4 && m->address.len != 16) {
		ipc_violate(ipc, "a bad own_address");
		return;
	}
	if (net->n_own == NET_OWN_ADDRESSES_MAX)
		return;
	a = &net->own[net->n_own++];
	a->len = (uint8_t)m->address.len;
	memcpy(a->bytes, m->address.data, m->address.len);
}

void
net_on_peer_record(
    struct net *net, struct ipc *ipc, const struct ipc_peer_record *m)
{
	if (net->mesh != NULL &&
	    !mesh_own_record(net->mesh, m->envelope.data, m->envelope.len))
		ipc_violate(ipc, "a bad peer record");
}

/* --- from the resolver --- */

void
net_on_resolved(struct net *net, struct ipc *ipc, const struct ipc_resolved *m)
{
	resolve_on_resolved(net->resolve, m);
}

/* --- from the store: answers --- */

void
net_on_verdict(struct net *net, struct ipc *ipc, const struct ipc_verdict *m)
{
	store_client_on_verdict(net->store, m);
}

void
net_on_suspect_credit(
    struct net *net, struct ipc *ipc, const struct ipc_suspect_credit *m)
{
	store_client_on_suspect_credit(net->store, m);
}

void
net_on_put_credit(
    struct net *net, struct ipc *ipc, const struct ipc_put_credit *m)
{
	store_client_on_put_credit(net->store, m);
}

void
net_on_put_result(
    struct net *net, struct ipc *ipc, const struct ipc_put_result *m)
{
	store_client_on_put_result(net->store, m);
}

void
net_on_opened(
    struct net *net, struct ipc *ipc, const struct ipc_opened *m, int fd)
{
	store_client_on_opened(net->store, m, fd);
}

void
net_on_entry_read(
    struct net *net, struct ipc *ipc, const struct ipc_entry_read *m)
{
	store_client_on_entry_read(net->store, m);
}

void
net_on_list_row(struct net *net, struct ipc *ipc, const struct ipc_list_row *m)
{
	store_client_on_list_row(net->store, m);
}

void
net_on_list_end(struct net *net, struct ipc *ipc, const struct ipc_list_end *m)
{
	store_client_on_list_end(net->store, m);
}

/* --- from the store: the replica --- */

/* Memory is bounded: the store cannot make us keep more. */
static bool
is_index_too_large(struct net *net, struct ipc *ipc)
{
	if (net->mesh == NULL ||
	    sync_index_bytes(mesh_sync(net->mesh)) <= NET_INDEX_BYTES_MAX)
		return false;
	ipc_violate(ipc, "more names than there is memory for: %zu",
	    sync_index_count(mesh_sync(net->mesh)));
	return true;
}

void
net_on_index_rows(
    struct net *net, struct ipc *ipc, const struct ipc_index_rows *m)
{
	struct ipc_index_credit credit = {.messages = 1};

	if (net->mesh == NULL || net->is_index_complete) {
		ipc_violate(ipc, "index rows that were not asked for");
		return;
	}
	if (!mesh_index_rows(net->mesh, m->rows)) {
		ipc_violate(ipc, "malformed index rows");
		return;
	}
	if (!is_index_too_large(net, ipc))
		ipc_send(ipc, IPC_INDEX_CREDIT, &credit, -1);
}

void
net_on_index_complete(
    struct net *net, struct ipc *ipc, const struct ipc_index_complete *m)
{
	if (net->mesh == NULL || net->is_index_complete) {
		ipc_violate(ipc, "the end of an index that was not asked for");
		return;
	}
	net->is_index_complete = true;
	mesh_index_complete(net->mesh);
	net_check_ready(net);
}

/* False (and the channel ends) unless it is one whole entry. */
static bool
take_entry(struct ipc *ipc, struct bytes in, struct entry *out)
{
	if (in.len > 0 && entry_decode(out, in.data, in.len) == in.len)
		return true;
	ipc_violate(ipc, "a malformed entry");
	return false;
}

/* True if the content that comes with an entry has its signed hash. */
static bool
is_its_content(const struct entry *e, const struct ipc_entry *m)
{
	uint8_t hash[32];

	if (!m->origin || e->kind != ENTRY_FILE || m->content.len != e->size)
		return false;
	sha256_hash(m->content.data, m->content.len, hash);
	return memcmp(hash, e->sha256, sizeof(hash)) == 0;
}

void
net_on_entry(struct net *net, struct ipc *ipc, const struct ipc_entry *m)
{
	struct entry entry;

	if (!take_entry(ipc, m->entry, &entry))
		return;
	if (m->content.len > 0 && !is_its_content(&entry, m)) {
		ipc_violate(
		    ipc, "an entry with content that does not match its hash");
		return;
	}
	http_on_entry(net->http, &entry);
	if (net->mesh != NULL)
		mesh_entry(net->mesh, &entry, m->origin, m->content);
	is_index_too_large(net, ipc);
}

void
net_on_retract(struct net *net, struct ipc *ipc, const struct ipc_retract *m)
{
	http_on_retract(net->http, m->key);
	if (net->mesh != NULL)
		mesh_retract(net->mesh, m->key);
}

void
net_on_want(struct net *net, struct ipc *ipc, const struct ipc_want *m)
{
	struct entry entry;

	if (!take_entry(ipc, m->entry, &entry))
		return;
	if (net->mesh != NULL)
		mesh_want(net->mesh, &entry, m->ticket);
}

void
net_on_configured(
    struct net *net, struct ipc *ipc, const struct ipc_configured *m)
{
	if (net->mesh != NULL)
		mesh_store_configured(net->mesh);
}

void
net_on_peer_hint(
    struct net *net, struct ipc *ipc, const struct ipc_peer_hint *m)
{
	/* an old one that no longer parses is no one's fault */
	if (net->mesh != NULL)
		mesh_hint(net->mesh, m);
}

void
net_on_store_stats(
    struct net *net, struct ipc *ipc, const struct ipc_store_stats *m)
{
	uint64_t n;

	if (m->rejected.len != 0 && m->rejected.len != VERDICT_COUNT * 8) {
		ipc_violate(ipc, "refusals of %zu bytes", m->rejected.len);
		return;
	}
	for (size_t v = 0; v < m->rejected.len / 8; v++) {
		memcpy(&n, m->rejected.data + 8 * v, sizeof(n));
		net->rejected[v] = be64toh(n);
	}
	net->store_stats = *m;
	net->store_stats.rejected = bytes_of(NULL, 0);
}
