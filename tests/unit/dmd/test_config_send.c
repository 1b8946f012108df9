/* SPDX-License-Identifier: ISC */
/* The messages that tell a child its configuration. */
#include "dmd/config_send.h"

#include <event2/event.h>
#include <stdio.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/unit/dmd/link_table.h"

#define TURNS_MAX 1000
#define PEER "12D3KooWQYV9dGMFoRzNStwpXztXaBUjtPqi6aU76ZgUriHhKust"
#define KEY            \
	"ssh-ed25519 " \
	"AAAAC3NzaC1lZDI1NTE5AAAAIO5EaMhG2dJAZCJcdGudKnTqWHX6EC7/LctzpqLVUPEt"

/* What a child was told, as one text. */
struct told {
	char text[4096];
	size_t len;
	bool is_over;
};

static void __attribute__((format(printf, 2, 3)))
say(struct told *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->len += (size_t)vsnprintf(
	    t->text + t->len, sizeof(t->text) - t->len, fmt, ap);
	va_end(ap);
	assert_true(t->len < sizeof(t->text));
}

static void
on_begin(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_config_begin *m = msg;

	say(ctx, "begin %u port %u peers %u;", (unsigned)m->generation,
	    (unsigned)m->cluster_port, (unsigned)m->max_peers);
}

static void
on_name(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_config_name *m = msg;

	say(ctx, " %.*s %zu;", (int)m->pattern.len,
	    (const char *)m->pattern.data, m->signers.len / 32);
}

static void
on_peer(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_config_peer *m = msg;

	say(ctx, " %u %.*s;", (unsigned)m->kind, (int)m->text.len,
	    (const char *)m->text.data);
}

static void
on_commit(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_config_commit *m = msg;
	struct told *t = ctx;

	say(t, " commit %u", (unsigned)m->generation);
	t->is_over = true;
}

static ipc_handler *const handlers[IPC_MESSAGE_COUNT] = {
    [IPC_CONFIG_BEGIN] = on_begin,
    [IPC_CONFIG_NAME] = on_name,
    [IPC_CONFIG_PEER] = on_peer,
    [IPC_CONFIG_COMMIT] = on_commit,
};
static ipc_handler *const none[IPC_MESSAGE_COUNT];

static void
closed(void *ctx, struct ipc *ipc, const char *violation)
{
	fail_msg("the channel ended");
}

/* Over a channel, as between dmd and a child. */
static const char *
sent(enum role role, const char *toml, const struct interfaces *table)
{
	static struct told t;
	const struct ipc_owner child = {handlers, NULL, closed, &t};
	const struct ipc_owner parent = {none, NULL, closed, NULL};
	struct event_base *base = event_base_new();
	struct config *c = config_make(toml);
	struct ipc *up, *down;
	int fds[2];

	memset(&t, 0, sizeof(t));
	assert_int_equal(ipc_pair(fds), 0);
	up = ipc_new(base, fds[0], ROLE_DMD, role, &parent);
	down = ipc_new(base, fds[1], role, ROLE_DMD, &child);
	config_send(up, role, c, 7, table);
	for (int i = 0; i < TURNS_MAX && !t.is_over; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	assert_true(t.is_over);
	ipc_free(up);
	ipc_free(down);
	event_base_free(base);
	config_free(c);
	return t.text;
}

static const char toml[] =
    "[cluster]\nport = 5\nmax_peers = 9\n"
    "bootstrap_peers = [ \"/ip6zone/eth0/ip6/fe80::1/tcp/1/p2p/" PEER "\",\n"
    "  \"/ip6zone/eth9/ip6/fe80::2/tcp/1/p2p/" PEER "\",\n"
    "  \"/ip4/192.0.2.9/tcp/1/p2p/" PEER "\" ]\n"
    "allowed_peers = [ \"" PEER "\" ]\n"
    "[files]\n\"motd\" = [ \"" KEY "\" ]\n";

/* Peers are of no concern to dm-store. */
static void
each_child_gets_its_part(void **state)
{
	struct interfaces *t = table_make();

	assert_string_equal(sent(ROLE_STORE, toml, t),
	    "begin 7 port 5 peers 9; motd 1; commit 7");
	/* a zone is sent as a number where there is one */
	assert_string_equal(sent(ROLE_NET, toml, t),
	    "begin 7 port 5 peers 9; motd 1;"
	    " 0 /ip6zone/2/ip6/fe80::1/tcp/1/p2p/" PEER ";"
	    " 0 /ip6zone/eth9/ip6/fe80::2/tcp/1/p2p/" PEER ";"
	    " 0 /ip4/192.0.2.9/tcp/1/p2p/" PEER ";"
	    " 1 " PEER "; commit 7");
	interfaces_free(t);
}

static void
digest(enum role role, const char *text, const struct interfaces *t,
    uint8_t out[static 32])
{
	struct config *c = config_make(text);

	config_send_digest(role, c, t, out);
	config_free(c);
}

/* It changes with what would be sent, and with that alone. */
static void
digest_is_of_what_is_sent(void **state)
{
	static const char more[] = "[cluster]\nport = 6\n";
	static const char peers[] =
	    "[cluster]\nport = 6\nallowed_peers = [ \"" PEER "\" ]\n";
	struct interfaces *t = table_make(), *bare = interfaces_new();
	uint8_t a[32], b[32];

	digest(ROLE_NET, toml, t, a);
	digest(ROLE_NET, toml, t, b);
	assert_memory_equal(a, b, 32);
	digest(ROLE_NET, toml, bare, b);
	assert_memory_not_equal(a, b, 32); /* eth0 has another number */
	digest(ROLE_NET, more, t, b);
	assert_memory_not_equal(a, b, 32);
	digest(ROLE_NET, peers, t, a);
	assert_memory_not_equal(a, b, 32);
	digest(ROLE_STORE, peers, t, a);
	digest(ROLE_STORE, more, t, b);
	assert_memory_equal(a, b, 32);
	interfaces_free(bare);
	interfaces_free(t);
}

static void
zones_that_mean_another_interface(void **state)
{
	struct interfaces *t = table_make(), *bare = interfaces_new();
	struct config *c = config_make(toml), *plain = config_make("");

	assert_int_equal(config_send_zones(c, t), config_send_zones(c, t));
	assert_int_not_equal(
	    config_send_zones(c, t), config_send_zones(c, bare));
	assert_int_equal(
	    config_send_zones(plain, t), config_send_zones(plain, bare));
	config_free(c);
	config_free(plain);
	interfaces_free(bare);
	interfaces_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_child_gets_its_part),
	    cmocka_unit_test(digest_is_of_what_is_sent),
	    cmocka_unit_test(zones_that_mean_another_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
