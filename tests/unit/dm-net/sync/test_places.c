/* SPDX-License-Identifier: ISC */
/* Who gets a place when there are too few, and whom a node dials, while
 * somebody has as many identities as he likes. One core; the peers are
 * played. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "dm-net/sync/core.h"
#include "tests/unit/dm-net/sync/lone_core.h"

#define PLACES 20

struct node {
	struct sync *s;
	uint64_t now_ns;
	uint64_t conn;
	bool is_closed[4096]; /* by connection */
	size_t dials;
	struct peer_id dialled[4096];
};

static struct peer_id
peer_of(unsigned i)
{
	const uint8_t key[32] = {(uint8_t)i, (uint8_t)(i >> 8), 1};
	struct peer_id id;

	assert_true(peer_id_from_key(&id, key));
	return id;
}

static struct sync_addr
ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct sync_addr){
	    .len = 8, .bytes = {4, a, b, c, d, 6, 0x1f, 0x0a}};
}

static struct sync_addr
ip6(uint8_t site, uint8_t subnet)
{
	return (struct sync_addr){.len = 20,
	    .bytes = {41, 0x20, 0x01, 0x48, 0x60, 0, site, 0, subnet, 0, 0, 0,
		0, 0, 0, 0, 1, 6, 0x1f, 0x0a}};
}

static void
node_new(struct node *n)
{
	struct sync_settings set = {.self = peer_of(9999),
	    .seed = {5, 77},
	    .agent = "test",
	    .start = 5,
	    .peers_max = PLACES,
	    .record_open = no_record};
	struct sync_config config = {.interval_ns = 60 * SEC,
	    .file_size_max = 1000,
	    .peers_max = PLACES};

	memset(n, 0, sizeof(*n));
	n->s = sync_new(&set);
	n->now_ns = SEC;
	sync_tick(n->s, n->now_ns, WALL);
	sync_config_begin(n->s, &config);
	sync_config_commit(n->s, 1);
	sync_index_begin(n->s);
	sync_index_complete(n->s);
}

static void
drain(struct node *n)
{
	uint8_t buf[SYNC_PULL_MIN * 2];
	struct sync_action a;

	while (sync_next(n->s, &a)) {
		if (a.type == SYNC_WANT_WRITE)
			while (sync_pull(n->s, a.conn, buf, sizeof(buf)) > 0)
				;
		if (a.type == SYNC_DIAL && n->dials < 4096)
			n->dialled[n->dials++] = *a.peer;
		if (a.type != SYNC_CLOSE)
			continue;
		n->is_closed[a.conn] = true;
		sync_disconnected(n->s, a.conn);
	}
}

static void
step(struct node *n, uint64_t span_ns)
{
	n->now_ns += span_ns;
	sync_tick(n->s, n->now_ns, WALL + n->now_ns);
	drain(n);
}

/* A peer of the same network that has connected and said hello. */
static uint64_t
arrive(struct node *n, unsigned i, struct sync_addr from, bool is_outbound)
{
	static const uint8_t text[29] = {
	    0x9a, 0, 1, 0xa1, 'x', 0xc0, 7, 1, 0xc0, 0xc4, 16};
	uint8_t message[1 + sizeof(text)] = {sizeof(text)};
	struct peer_id id = peer_of(i);

	sync_connected(n->s, ++n->conn, &id, is_outbound, &from);
	drain(n);
	memcpy(message + 1, text, sizeof(text));
	sync_recv(n->s, n->conn, message, sizeof(message));
	drain(n);
	return n->conn;
}

static bool
stays(struct node *n, uint64_t conn)
{
	for (int i = 0; i < 30; i++)
		step(n, SEC / 10);
	return !n->is_closed[conn];
}

static size_t
how_many(const struct node *n, uint64_t first, uint64_t last)
{
	size_t left = 0;

	for (uint64_t conn = first; conn <= last; conn++)
		left += !n->is_closed[conn];
	return left;
}

/* One address with identities for all places. */
static void
test_one_host_takes_all_places(void **state)
{
	struct node n;
	uint64_t honest, other, first;

	node_new(&n);
	honest = arrive(&n, 1, ip4(203, 0, 113, 1), false);
	first = n.conn + 1;
	for (unsigned i = 0; i < 3 * PLACES; i++)
		arrive(&n, 100 + i, ip4(198, 51, 100, 7), false);
	assert_true(stays(&n, honest));
	/* a stranger from elsewhere is let in, and each that follows */
	other = arrive(&n, 2, ip4(192, 0, 2, 1), false);
	assert_true(stays(&n, other));
	for (uint8_t i = 0; i < 5; i++)
		assert_true(
		    stays(&n, arrive(&n, 10u + i, ip4(9, i, 1, 1), false)));
	assert_false(n.is_closed[honest]);
	assert_true(how_many(&n, first, first + 3 * PLACES - 1) <= PLACES - 7);
	sync_free(n.s);
}

/* The same with a network of addresses, of either family. */
static void
test_one_network_takes_all_places(void **state)
{
	struct node n;
	uint64_t honest;

	for (int is_ip6 = 0; is_ip6 <= 1; is_ip6++) {
		node_new(&n);
		honest = arrive(&n, 1, ip4(203, 0, 113, 1), false);
		for (unsigned i = 0; i < 3 * PLACES; i++)
			arrive(&n, 100 + i,
			    is_ip6 ? ip6(1, (uint8_t)i)
				   : ip4(198, 51, 100, (uint8_t)i),
			    false);
		assert_true(stays(&n, honest));
		assert_true(stays(&n, arrive(&n, 2, ip4(192, 0, 2, 1), false)));
		assert_false(n.is_closed[honest]);
		sync_free(n.s);
	}
}

/* Many honest nodes behind one address have all places while nobody else
 * wants one; they do not push each other out. */
static void
test_one_host_alone(void **state)
{
	struct node n;
	uint64_t first, last;

	node_new(&n);
	first = n.conn + 1;
	for (unsigned i = 0; i < PLACES; i++)
		arrive(&n, 100 + i, ip4(198, 51, 100, 7), false);
	last = n.conn;
	assert_false(stays(&n, arrive(&n, 1, ip4(198, 51, 100, 7), false)));
	assert_int_equal(how_many(&n, first, last), PLACES);
	sync_free(n.s);
}

/* Those that send no hello fill only their own share of the spare places. */
static void
test_silent_ones(void **state)
{
	struct node n;
	struct peer_id id;
	struct sync_addr from = ip4(198, 51, 100, 7);
	uint64_t good;

	node_new(&n);
	for (unsigned i = 0; i < PLACES + 2 * CONNS_SPARE; i++) {
		id = peer_of(100 + i);
		sync_connected(n.s, ++n.conn, &id, false, &from);
		drain(&n);
	}
	good = arrive(&n, 1, ip4(192, 0, 2, 1), false);
	assert_true(stays(&n, good));
	sync_free(n.s);
}

/* Where a dialled connection leads counts, not what a record says. */
static void
test_dialled_connections_lead_to_one_host(void **state)
{
	struct node n;
	size_t left;

	node_new(&n);
	for (unsigned i = 0; i < 12; i++)
		arrive(&n, 100 + i, ip4(8, 8, 8, 8), true);
	stays(&n, 1);
	left = how_many(&n, 1, 12);
	assert_int_equal(left, GROUP_MAX);
	assert_true(stays(&n, arrive(&n, 1, ip4(9, 9, 9, 9), true)));
	sync_free(n.s);
}

/* This machine's own nodes have no such bound. */
static void
test_loopback_is_no_group(void **state)
{
	struct node n;

	node_new(&n);
	for (unsigned i = 0; i < 10; i++)
		arrive(&n, 100 + i, ip4(127, 0, 0, 1), true);
	stays(&n, 1);
	assert_int_equal(how_many(&n, 1, 10), 10);
	sync_free(n.s);
}

/* Ids that lead nowhere do not keep one that answered before from being
 * dialled. */
static void
test_those_that_answered_come_first(void **state)
{
	struct node n;
	struct peer_id id, good = peer_of(1);
	struct sync_addr addr = ip4(8, 8, 4, 4);
	size_t at;

	node_new(&n);
	for (unsigned i = 0; i < 600; i++) {
		struct sync_addr a = ip4(20, (uint8_t)(i >> 8), (uint8_t)i, 1);

		id = peer_of(100 + i);
		sync_hint(n.s, &id, &a, 0);
	}
	sync_hint(n.s, &good, &addr, WALL - SEC);
	/* none of those that are dialled answers, and none fails soon */
	for (int i = 0; i < 20; i++)
		step(&n, SEC / 10);
	for (at = 0; at < n.dials; at++)
		if (peer_id_equal(&n.dialled[at], &good))
			break;
	assert_true(at < n.dials);
	sync_free(n.s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_host_takes_all_places),
	    cmocka_unit_test(test_one_network_takes_all_places),
	    cmocka_unit_test(test_one_host_alone),
	    cmocka_unit_test(test_silent_ones),
	    cmocka_unit_test(test_dialled_connections_lead_to_one_host),
	    cmocka_unit_test(test_loopback_is_no_group),
	    cmocka_unit_test(test_those_that_answered_come_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
