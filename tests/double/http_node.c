/* SPDX-License-Identifier: ISC */
#include "tests/double/http_node.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/ipc.h"
#include "common/log.h"
#include "dm-net/http/conn_io.h"
#include "dm-net/http/connection.h"
#include "dm-net/http/events.h"
#include "dm-net/http/server.h"
#include "dm-net/store/store_client.h"

/* Takes the store's messages as dm-net's main.c does. */
#define HANDLER(name, call)                                                   \
	static void name(void *ctx, struct ipc *ipc, const void *msg, int fd) \
	{                                                                     \
		struct http_node *n = ctx;                                    \
		call;                                                         \
	}
HANDLER(on_verdict, store_client_on_verdict(n->link, msg))
HANDLER(on_put_credit, store_client_on_put_credit(n->link, msg))
HANDLER(on_put_result, store_client_on_put_result(n->link, msg))
HANDLER(on_opened, store_client_on_opened(n->link, msg, fd))
HANDLER(on_entry_read, store_client_on_entry_read(n->link, msg))
HANDLER(on_list_row, store_client_on_list_row(n->link, msg))
HANDLER(on_list_end, store_client_on_list_end(n->link, msg))

static void
on_entry(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_entry *m = msg;
	struct http_node *n = ctx;
	struct entry e;

	if (entry_decode(&e, m->entry.data, m->entry.len) != 0)
		http_on_entry(n->http, &e);
}

static ipc_handler *const handlers[IPC_MESSAGE_COUNT] = {
    [IPC_VERDICT] = on_verdict,
    [IPC_PUT_CREDIT] = on_put_credit,
    [IPC_PUT_RESULT] = on_put_result,
    [IPC_OPENED] = on_opened,
    [IPC_ENTRY_READ] = on_entry_read,
    [IPC_LIST_ROW] = on_list_row,
    [IPC_LIST_END] = on_list_end,
    [IPC_ENTRY] = on_entry,
};

static void
on_closed(void *ctx, struct ipc *ipc, const char *violation)
{
	struct http_node *n = ctx;

	n->is_violated = violation != NULL;
	store_client_detach(n->link);
	ipc_free(ipc);
	n->net_end = NULL;
}

void
http_node_start_store(struct http_node *n)
{
	struct ipc_owner owner = {handlers, NULL, on_closed, n};
	int fds[2];

	if (ipc_pair(fds) == -1)
		fatal("ipc_pair");
	n->store = fake_store_new(n->base, fds[0]);
	n->net_end = ipc_new(n->base, fds[1], ROLE_NET, ROLE_STORE, &owner);
	store_client_attach(n->link, n->net_end);
	http_node_run(n);
}

void
http_node_stop_store(struct http_node *n)
{
	fake_store_free(n->store);
	n->store = NULL;
	while (n->net_end != NULL)
		event_base_loop(n->base, EVLOOP_ONCE);
}

void
http_node_run(struct http_node *n)
{
	alarm(30);
	/* The channels take a few turns to say hello, ask and answer. */
	for (int i = 0; i < 8; i++)
		event_base_loop(n->base, EVLOOP_NONBLOCK);
	alarm(0);
}

static bool
give_peers(void *ctx, size_t *cursor, unsigned max,
    void (*row)(void *, const struct row_peer *), void *arg)
{
	struct http_node *n = ctx;
	struct row_peer p = {.peer = bytes_text("12D3KooWpeer"),
	    .address = bytes_text("/ip4/192.0.2.7/tcp/7946"),
	    .direction = 2,
	    .state = bytes_text("connected"),
	    .since_ns = UINT64_C(1775831000000000000),
	    .rtt_ns = 1500000,
	    .synced = true,
	    .agent =
		bytes_text("a \"strange\"\nagent gr\xc3\xbc\xc3\x9ft \xff"),
	    .last_error = bytes_text("")};

	if (*cursor > 0)
		p.rtt_ns = 0;
	for (; max > 0 && *cursor < n->n_peers; max--, (*cursor)++) {
		row(arg, &p);
		p.rtt_ns = 0; /* the others were not measured yet */
	}
	return max == 0;
}

static void
give_facts(void *ctx, struct http_facts *out)
{
	*out = ((struct http_node *)ctx)->facts;
}

static bool
is_own(void *ctx, const uint8_t *address, size_t len)
{
	struct http_node *n = ctx;

	return len == 4 && memcmp(address, n->own_address, 4) == 0;
}

struct http_node *
http_node_new(void)
{
	struct http_node *n = http_node_unconfigured();

	n->facts.configured = true;
	http_server_configure(n->http, &n->settings);
	return n;
}

struct http_node *
http_node_unconfigured(void)
{
	struct http_node *n = xcalloc(1, sizeof(*n));
	struct http_backend backend = {.ctx = n,
	    .peers = give_peers,
	    .facts = give_facts,
	    .is_own_address = is_own};

	signal(SIGPIPE, SIG_IGN); /* as every child of dmd does */
	n->base = event_base_new();
	n->link = store_client_new();
	backend.store = n->link;
	n->http = http_server_new(n->base, &backend);
	n->settings.read = CONFIG_READ_LOCAL;
	n->settings.max_file_size = 8 << 20;
	n->facts = (struct http_facts){.config_generation = 1,
	    .listening = true,
	    .store_ready = true,
	    .store_writable = true};
	inet_pton(AF_INET, "192.0.2.1", n->own_address);
	http_node_start_store(n);
	return n;
}

void
http_node_free(struct http_node *n)
{
	http_server_free(n->http);
	if (n->store != NULL)
		http_node_stop_store(n);
	store_client_free(n->link);
	event_base_free(n->base);
	free(n);
}

int
http_node_connect(struct http_node *n, const char *address)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	int fds[2];

	if (inet_pton(AF_INET, address, &sin.sin_addr) != 1 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		fds) == -1)
		fatal("http_node_connect");
	http_server_take(n->http, fds[0], (struct sockaddr *)(void *)&sin);
	http_node_run(n);
	return fds[1];
}

void
http_node_pass(struct http_node *n, unsigned seconds)
{
	struct http_conn *c, *next;
	uint64_t now_s = clock_mono_s() + seconds;

	for (c = TAILQ_FIRST(&n->http->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, all);
		http_conn_tick(c, now_s);
	}
	for (unsigned s = 0; s < seconds; s++)
		http_events_tick(n->http->events, n->http);
	http_node_run(n);
}

size_t
http_node_talk(struct http_node *n, int fd, const void *data, size_t len,
    char *out, size_t out_size, bool *is_closed)
{
	const char *p = data;
	size_t got = 0;
	int still = 0; /* turns in which nothing moved */

	*is_closed = false;
	while (still < 3 && !*is_closed && got + 1 < out_size) {
		ssize_t w = 0, r;

		if (len > 0)
			w = send(fd, p, len, MSG_NOSIGNAL);
		if (w > 0) {
			p += w;
			len -= (size_t)w;
		}
		http_node_run(n);
		r = read(fd, out + got, out_size - 1 - got);
		if (r > 0)
			got += (size_t)r;
		*is_closed = r == 0 || (r == -1 && errno != EAGAIN);
		still = w > 0 || r > 0 ? 0 : still + 1;
	}
	out[got] = '\0';
	return got;
}
