/* SPDX-License-Identifier: ISC */
#include "tests/double/mesh_node.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/keys/keys.h"
#include "common/log.h"
#include "common/name.h"
#include "tests/double/script_peer.h"

void
node_content(uint8_t *out, size_t offset, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)((offset + i + seed) % 251);
}

void
node_entry(
    struct entry *e, const char *name, uint64_t signed_at_ns, size_t size)
{
	memset(e, 0, sizeof(*e));
	e->kind = ENTRY_FILE;
	strncpy(e->name, name, sizeof(e->name) - 1);
	e->signed_at_ns = signed_at_ns;
	e->size = size;
	memset(e->signer, 7, sizeof(e->signer));
}

/* --- the store -------------------------------------------------------- */

static void
on_index_credit(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_index_complete m = {};

	ipc_send(ipc, IPC_INDEX_COMPLETE, &m, -1);
}

static void
on_judge(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_judge *m = msg;
	struct mesh_node *n = ctx;
	struct node_store *s = &n->store;
	struct ipc_verdict v = {.id = m->id, .verdict = VERDICT_FETCH};

	if (s->n_tickets == NODE_TICKETS)
		fatal("more tickets than a test needs");
	entry_decode(&s->tickets[s->n_tickets], m->entry.data, m->entry.len);
	v.ticket = ++s->n_tickets;
	ipc_send(ipc, IPC_VERDICT, &v, -1);
}

static void
put_result(struct mesh_node *n, struct node_put *p, enum verdict v)
{
	struct ipc_put_result m = {.id = p->id, .verdict = v};

	p->is_used = false;
	ipc_send(n->store.ipc, IPC_PUT_RESULT, &m, -1);
}

static void
put_credit(struct mesh_node *n, struct node_put *p, size_t bytes)
{
	struct ipc_put_credit m = {.id = p->id, .bytes = bytes};

	p->is_waiting = n->store.gives_no_credit;
	if (!p->is_waiting)
		ipc_send(n->store.ipc, IPC_PUT_CREDIT, &m, -1);
}

static struct node_put *
put_find(struct mesh_node *n, uint64_t id)
{
	for (size_t i = 0; i < NODE_PUTS; i++)
		if (n->store.puts[i].is_used && n->store.puts[i].id == id)
			return &n->store.puts[i];
	return NULL;
}

static struct node_put *
put_begin(struct mesh_node *n, uint64_t id, uint64_t ticket)
{
	struct node_put *p = n->store.puts;

	while (p->is_used)
		p++;
	memset(p, 0, sizeof(*p));
	p->is_used = true;
	p->id = id;
	if (ticket == 0 || ticket > n->store.n_tickets)
		fatal("a put without a ticket");
	p->entry = n->store.tickets[ticket - 1];
	n->store.begun++;
	return p;
}

static void
on_put_begin(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_put_begin *m = msg;
	struct mesh_node *n = ctx;

	put_credit(n, put_begin(n, m->id, m->ticket), IPC_PUT_WINDOW);
}

static void
take_data(struct mesh_node *n, struct node_put *p, struct bytes data)
{
	uint8_t expected[IPC_CHUNK_MAX];

	node_content(expected, p->got, data.len,
	    (unsigned)(p->entry.signed_at_ns % 251));
	if (data.len > 0)
		n->store.is_content_wrong |=
		    memcmp(expected, data.data, data.len) != 0;
	p->got += data.len;
	n->store.received += data.len;
}

static void
on_put_data(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_put_data *m = msg;
	struct mesh_node *n = ctx;
	struct node_put *p = put_find(n, m->id);

	if (p == NULL)
		return;
	take_data(n, p, m->data);
	if (n->store.refuse_at > 0 && p->got >= n->store.refuse_at)
		put_result(n, p, VERDICT_NOT_NEWER);
	else
		put_credit(n, p, m->data.len);
}

static void
on_put_end(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_put_end *m = msg;
	struct mesh_node *n = ctx;
	struct node_put *p = put_find(n, m->id);
	struct ipc_entry told = {0};
	uint8_t encoded[ENTRY_SIZE_MAX];

	if (p == NULL)
		return;
	n->store.ended++;
	if (p->got != p->entry.size) {
		put_result(n, p, VERDICT_BAD_CONTENT);
		return;
	}
	n->store.stored++;
	told.entry = bytes_of(encoded, entry_encode(&p->entry, encoded));
	ipc_send(ipc, IPC_ENTRY, &told, -1);
	put_result(n, p, VERDICT_CREATED);
}

static void
on_put_whole(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_put_whole *m = msg;
	struct ipc_put_end end = {.id = m->id};
	struct mesh_node *n = ctx;
	struct node_put *p = put_begin(n, m->id, m->ticket);

	take_data(n, p, m->content);
	p->is_whole = true;
	p->is_waiting = n->store.gives_no_credit;
	if (n->store.refuse_at > 0 && p->got >= n->store.refuse_at)
		put_result(n, p, VERDICT_NOT_NEWER);
	else if (!p->is_waiting)
		on_put_end(ctx, ipc, &end, fd);
}

static void
on_put_abort(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_put_abort *m = msg;
	struct mesh_node *n = ctx;
	struct node_put *p = put_find(n, m->id);

	n->store.aborted++;
	if (p != NULL)
		p->is_used = false;
}

static int
served_fd(const struct mesh_node *n)
{
	const struct entry *e = &n->store.served;
	uint8_t *content = xmalloc((size_t)e->size + 1);
	size_t len = (size_t)e->size - n->store.cut;
	int fd = memfd_create("served", MFD_CLOEXEC);

	node_content(content, 0, len, (unsigned)(e->signed_at_ns % 251));
	if (fd == -1 || write(fd, content, len) != (ssize_t)len)
		fatal("memfd: %s", strerror(errno));
	free(content);
	return fd;
}

void
mesh_node_open(struct mesh_node *n)
{
	struct ipc_opened m = {
	    .id = n->store.last_open_id, .verdict = VERDICT_NOT_FOUND};
	uint8_t encoded[ENTRY_SIZE_MAX];
	int fd = -1;

	if (!n->store.has_nothing) {
		m.verdict = VERDICT_OK;
		m.entry =
		    bytes_of(encoded, entry_encode(&n->store.served, encoded));
		fd = served_fd(n);
	}
	ipc_send(n->store.ipc, IPC_OPENED, &m, fd);
}

static void
on_open(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_open *m = msg;
	struct mesh_node *n = ctx;

	n->store.opened++;
	n->store.last_open_id = m->id;
	if (!n->store.opens_nothing)
		mesh_node_open(n);
}

static void
on_ignored(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
}

static ipc_handler *const store_handlers[IPC_MESSAGE_COUNT] = {
    [IPC_INDEX_CREDIT] = on_index_credit,
    [IPC_JUDGE] = on_judge,
    [IPC_PUT_BEGIN] = on_put_begin,
    [IPC_PUT_DATA] = on_put_data,
    [IPC_PUT_END] = on_put_end,
    [IPC_PUT_ABORT] = on_put_abort,
    [IPC_PUT_WHOLE] = on_put_whole,
    [IPC_OPEN] = on_open,
    [IPC_SAVE_PEER] = on_ignored,
    [IPC_SUSPECT] = on_ignored,
    [IPC_DROP_TICKET] = on_ignored,
};

static void
on_store_closed(void *ctx, struct ipc *ipc, const char *violation)
{
	struct mesh_node *n = ctx;

	if (violation != NULL)
		fatal("the store of the test was violated: %s", violation);
	n->store.ipc = NULL;
	ipc_free(ipc);
}

void
mesh_node_credit(struct mesh_node *n)
{
	n->store.gives_no_credit = false;
	for (size_t i = 0; i < NODE_PUTS; i++) {
		struct node_put *p = &n->store.puts[i];
		struct ipc_put_end end = {.id = p->id};

		if (!p->is_used || !p->is_waiting)
			continue;
		if (p->is_whole)
			on_put_end(n, n->store.ipc, &end, -1);
		else
			put_credit(n, p, IPC_PUT_WINDOW);
	}
}

/* --- dm-net's end: what its main.c does ------------------------------- */

#define HANDLER(name, call)                                                   \
	static void name(void *ctx, struct ipc *ipc, const void *msg, int fd) \
	{                                                                     \
		struct mesh_node *n = ctx;                                    \
		call;                                                         \
	}
HANDLER(on_verdict, store_client_on_verdict(n->link, msg))
HANDLER(on_put_credit, store_client_on_put_credit(n->link, msg))
HANDLER(on_put_result, store_client_on_put_result(n->link, msg))
HANDLER(on_opened, store_client_on_opened(n->link, msg, fd))
HANDLER(on_complete, mesh_index_complete(n->mesh); (void)msg)

static void
on_entry(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_entry *m = msg;
	struct mesh_node *n = ctx;
	struct entry e;

	entry_decode(&e, m->entry.data, m->entry.len);
	mesh_entry(n->mesh, &e, m->origin, m->content);
}

static ipc_handler *const net_handlers[IPC_MESSAGE_COUNT] = {
    [IPC_VERDICT] = on_verdict,
    [IPC_PUT_CREDIT] = on_put_credit,
    [IPC_PUT_RESULT] = on_put_result,
    [IPC_OPENED] = on_opened,
    [IPC_INDEX_COMPLETE] = on_complete,
    [IPC_ENTRY] = on_entry,
};

static void
on_net_opened(void *ctx, struct ipc *ipc)
{
	struct ipc_index_credit m = {.messages = IPC_INDEX_WINDOW};
	struct mesh_node *n = ctx;

	store_client_attach(n->link, ipc);
	mesh_store_up(n->mesh);
	ipc_send(ipc, IPC_INDEX_CREDIT, &m, -1);
}

static void
on_net_closed(void *ctx, struct ipc *ipc, const char *violation)
{
	struct mesh_node *n = ctx;

	if (violation != NULL)
		fatal("the mesh was violated: %s", violation);
	mesh_store_lost(n->mesh);
	store_client_detach(n->link);
	ipc_free(ipc);
	n->store_ipc = NULL;
}

static struct ipc *
give_store(void *ctx)
{
	struct mesh_node *n = ctx;

	return store_client_is_up(n->link) ? n->store_ipc : NULL;
}

void
mesh_node_start_store(struct mesh_node *n)
{
	struct ipc_owner ours = {net_handlers, on_net_opened, on_net_closed, n};
	struct ipc_owner theirs = {store_handlers, NULL, on_store_closed, n};
	int fds[2];

	if (ipc_pair(fds) == -1)
		fatal("ipc_pair");
	n->store.ipc = ipc_new(n->base, fds[0], ROLE_STORE, ROLE_NET, &theirs);
	n->store_ipc = ipc_new(n->base, fds[1], ROLE_NET, ROLE_STORE, &ours);
}

void
mesh_node_stop_store(struct mesh_node *n)
{
	ipc_free(n->store.ipc);
	n->store.ipc = NULL;
	memset(n->store.puts, 0, sizeof(n->store.puts));
	while (n->store_ipc != NULL)
		event_base_loop(n->base, EVLOOP_ONCE);
}

void
node_has(struct mesh_node *n, const struct entry *e)
{
	n->store.served = *e;
	mesh_entry(n->mesh, e, false, bytes_of(NULL, 0));
}

/* --- life --- */

void
mesh_node_turn(struct mesh_node *n)
{
	for (int i = 0; i < 6; i++) {
		event_base_loop(n->base, EVLOOP_NONBLOCK);
		peer_drive(&n->peer);
	}
}

bool
mesh_node_until(struct mesh_node *n, bool (*done)(struct mesh_node *))
{
	for (int i = 0; i < 5000; i++) {
		mesh_node_turn(n);
		if (done(n))
			return true;
		poll(NULL, 0, 1); /* timers are awaited in real time */
	}
	return false;
}

static int
listen_somewhere(int *port)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1 || bind(fd, (void *)&sin, sizeof(sin)) == -1 ||
	    listen(fd, 8) == -1 || getsockname(fd, (void *)&sin, &len) == -1)
		fatal("listen: %s", strerror(errno));
	*port = ntohs(sin.sin_port);
	return fd;
}

static struct mesh *
new_mesh(struct mesh_node *n)
{
	uint8_t public_key[32], signature[64];
	struct mesh_settings set = {.base = n->base,
	    .store = n->link,
	    .resolve = n->resolve,
	    .store_ipc = give_store,
	    .ctx = n,
	    .public_key = public_key,
	    .signature = signature,
	    .peers_max = 16,
	    .descriptors = descriptors_share(65536)};
	struct p2p_tls_key *key = peer_key(1, public_key, signature);
	struct mesh *m;

	set.tls_key = key;
	m = mesh_new(&set);
	if (m == NULL)
		fatal("mesh_new");
	p2p_tls_key_free(key);
	return m;
}

static bool
is_connected(struct mesh_node *n)
{
	struct sync_stats stats;

	sync_stats(mesh_sync(n->mesh), &stats);
	return stats.conns_up == 1 &&
	       sync_index_is_complete(mesh_sync(n->mesh));
}

struct mesh_node *
mesh_node_new(void)
{
	struct ipc_config_begin config = {
	    .push_pull_interval_ns = UINT64_C(3600) * 1000000000,
	    .max_clock_skew_ns = 1000000000,
	    .max_file_size = 1 << 30,
	    .max_peers = 16};
	struct mesh_node *n = xcalloc(1, sizeof(*n));

	n->base = event_base_new();
	n->link = store_client_new();
	n->resolve = resolve_new();
	n->store.tickets = xcalloc(NODE_TICKETS, sizeof(struct entry));
	n->mesh = new_mesh(n);
	mesh_config_begin(n->mesh, &config);
	mesh_config_name(n->mesh, "f/*");
	mesh_config_commit(n->mesh, 1);
	mesh_listen(n->mesh, 1, listen_somewhere(&n->port));
	mesh_node_start_store(n);
	peer_connect(&n->peer, n->port, mesh_peer_id(n->mesh));
	if (!mesh_node_until(n, is_connected))
		fatal("the peer of the test does not connect");
	return n;
}

void
mesh_node_free(struct mesh_node *n)
{
	peer_clear(&n->peer);
	mesh_free(n->mesh);
	store_client_detach(n->link);
	store_client_free(n->link);
	resolve_free(n->resolve);
	ipc_free(n->store_ipc);
	ipc_free(n->store.ipc);
	event_base_free(n->base);
	free(n->store.tickets);
	free(n);
}
