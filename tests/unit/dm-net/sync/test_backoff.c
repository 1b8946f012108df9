/* SPDX-License-Identifier: ISC */
/* When a peer is dialled again that fails, or that misbehaves. One core; the
 * peers are played. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "dm-net/sync/sync.h"
#include "tests/unit/dm-net/sync/lone_core.h"

#define MS UINT64_C(1000000)
#define MINUTE (60 * SEC)
#define DIALS 8
#define NEVER (5 * 24 * 60 * MINUTE)

struct node {
	struct sync *s;
	uint64_t now_ns;
	uint64_t conn;
};

static struct peer_id
peer_of(uint8_t i)
{
	const uint8_t key[32] = {i, 1};
	struct peer_id id;

	assert_true(peer_id_from_key(&id, key));
	return id;
}

/* Peers 1 .. bootstrap are configured. */
static void
node_new(struct node *n, uint8_t seed, uint8_t bootstrap)
{
	struct sync_settings set = {.self = peer_of(200),
	    .seed = {seed, 77},
	    .agent = "test",
	    .start = seed,
	    .peers_max = 100,
	    .record_open = no_record};
	struct sync_config config = {
	    .interval_ns = 60 * SEC, .file_size_max = 1000, .peers_max = 100};

	*n = (struct node){.s = sync_new(&set), .now_ns = SEC};
	sync_tick(n->s, n->now_ns, WALL);
	sync_config_begin(n->s, &config);
	for (uint8_t i = 1; i <= bootstrap; i++) {
		struct peer_id id = peer_of(i);
		struct sync_addr addr = {
		    .len = 8, .bytes = {4, 127, 0, 0, 1, 6, 9, i}};

		sync_config_bootstrap(n->s, &id, &addr);
	}
	sync_config_commit(n->s, 1);
	sync_index_begin(n->s);
	sync_index_complete(n->s);
}

static void
step(struct node *n, uint64_t span_ns)
{
	n->now_ns += span_ns;
	sync_tick(n->s, n->now_ns, WALL + n->now_ns);
}

/* Runs until the peer is dialled and returns how long that took. Others that
 * are dialled meanwhile are not there. */
static uint64_t
until_dialled(struct node *n, const struct peer_id *id)
{
	uint64_t start_ns = n->now_ns;
	struct sync_action a;

	while (n->now_ns - start_ns < NEVER) {
		while (sync_next(n->s, &a)) {
			struct peer_id other;

			if (a.type != SYNC_DIAL)
				continue;
			if (peer_id_equal(a.peer, id))
				return n->now_ns - start_ns;
			other = *a.peer;
			sync_dial_failed(n->s, &other);
		}
		step(n, 50 * MS);
	}
	return NEVER;
}

static void
connected(struct node *n, const struct peer_id *id, bool is_outbound)
{
	sync_connected(n->s, ++n->conn, id, is_outbound, NULL);
}

/* The hello of a peer of the same kind. */
static void
hello(struct node *n)
{
	/* ends in 16 bytes, none of which matters, and two numbers */
	static const uint8_t text[29] = {
	    0x9a, 0, 1, 0xa1, 'x', 0xc0, 7, 1, 0xc0, 0xc4, 16};
	uint8_t message[1 + sizeof(text)] = {sizeof(text)};

	memcpy(message + 1, text, sizeof(text));
	sync_recv(n->s, n->conn, message, sizeof(message));
}

static bool
is_closed_as_hostile(struct node *n)
{
	struct sync_action a;

	while (sync_next(n->s, &a))
		if (a.type == SYNC_CLOSE && a.conn == n->conn)
			return a.reason == SYNC_CLOSE_HOSTILE;
	return false;
}

static const struct netsource nowhere;

enum offence { OFFENCE_BELOW, OFFENCE_SYNC };

/* It connects, says hello, and then it does something wrong. */
static void
misbehave(struct node *n, const struct peer_id *id, enum offence offence)
{
	connected(n, id, true);
	hello(n);
	if (offence == OFFENCE_SYNC) {
		sync_recv(n->s, n->conn, (const uint8_t *)"\1\301", 2);
		assert_true(is_closed_as_hostile(n));
	} else {
		sync_misbehaved(n->s, id, &nowhere);
	}
	sync_disconnected(n->s, n->conn);
}

/* The pauses after each offence of one that is dialled whenever it may be. */
static void
pauses(uint8_t seed, enum offence offence, uint64_t out[DIALS])
{
	struct peer_id id = peer_of(1);
	struct node n;

	node_new(&n, seed, 1);
	assert_true(until_dialled(&n, &id) < SEC);
	for (size_t i = 0; i < DIALS; i++) {
		misbehave(&n, &id, offence);
		out[i] = until_dialled(&n, &id);
	}
	sync_free(n.s);
}

static void
check_pauses(enum offence offence)
{
	uint64_t a[DIALS], b[DIALS], span = MINUTE;
	size_t same = 0;

	pauses(1, offence, a);
	pauses(2, offence, b);
	for (size_t i = 0; i < DIALS; i++) {
		assert_true(a[i] >= span / 2 && a[i] <= span + 2 * SEC);
		assert_true(b[i] >= span / 2 && b[i] <= span + 2 * SEC);
		same += a[i] == b[i];
		if (i < 6)
			span *= 2;
	}
	assert_true(same <= 1);
}

static void
test_what_breaks_libp2p(void **state)
{
	check_pauses(OFFENCE_BELOW);
}

static void
test_what_breaks_sync(void **state)
{
	check_pauses(OFFENCE_SYNC);
}

/* Neither others that connect, nor a new network, nor its own connecting to us
 * shorten the pause. */
static void
test_nothing_shortens_it(void **state)
{
	struct peer_id bad = peer_of(1), good = peer_of(2);
	struct node n;
	uint64_t start_ns;

	node_new(&n, 3, 2);
	until_dialled(&n, &bad);
	misbehave(&n, &bad, OFFENCE_BELOW);
	start_ns = n.now_ns;
	/* the other is dialled as if nothing had been */
	assert_true(until_dialled(&n, &good) < 3 * SEC);
	connected(&n, &good, true);
	hello(&n);
	sync_network_changed(n.s);
	connected(&n, &bad, false);
	hello(&n);
	step(&n, SEC);
	sync_disconnected(n.s, n.conn);
	until_dialled(&n, &bad);
	assert_true(n.now_ns - start_ns >= MINUTE / 2);
	sync_free(n.s);
}

/* Ten minutes of good behaviour, and it begins anew. */
static void
test_forgiven(void **state)
{
	struct peer_id id = peer_of(1);
	struct node n;

	node_new(&n, 4, 1);
	until_dialled(&n, &id);
	for (int i = 0; i < 4; i++) {
		misbehave(&n, &id, OFFENCE_BELOW);
		until_dialled(&n, &id);
	}
	connected(&n, &id, true);
	hello(&n);
	for (int i = 0; i < 11 * 60; i++)
		step(&n, SEC);
	sync_disconnected(n.s, n.conn);
	assert_true(until_dialled(&n, &id) < 2 * SEC);
	misbehave(&n, &id, OFFENCE_BELOW);
	assert_true(until_dialled(&n, &id) <= MINUTE + SEC);
	sync_free(n.s);
}

/* One that cannot be reached: pauses grow up to ten seconds. */
static void
test_unreachable(void **state)
{
	struct peer_id id = peer_of(1);
	uint64_t longest = 0;
	struct node n;

	node_new(&n, 5, 1);
	until_dialled(&n, &id);
	for (int i = 0; i < 60; i++) {
		uint64_t pause, cap = SEC / 2 << (i < 5 ? i : 5);

		if (cap > 10 * SEC)
			cap = 10 * SEC;
		sync_dial_failed(n.s, &id);
		pause = until_dialled(&n, &id);
		assert_true(pause >= 50 * MS && pause <= cap + SEC);
		if (pause > longest)
			longest = pause;
	}
	assert_true(longest > 5 * SEC);
	sync_free(n.s);
}

/* One that closes right after its hello, again and again, is no misbehaviour,
 * but it is not dialled several times a second either. */
static void
test_short_lived(void **state)
{
	struct peer_id id = peer_of(1);
	uint64_t start_ns;
	struct node n;

	node_new(&n, 6, 1);
	until_dialled(&n, &id);
	start_ns = n.now_ns;
	for (int i = 0; i < 30; i++) {
		connected(&n, &id, true);
		hello(&n);
		sync_disconnected(n.s, n.conn);
		until_dialled(&n, &id);
	}
	assert_true(n.now_ns - start_ns > 60 * SEC);
	/* once it stays it is called again at once */
	connected(&n, &id, true);
	hello(&n);
	for (int i = 0; i < 20; i++)
		step(&n, SEC);
	sync_disconnected(n.s, n.conn);
	assert_true(until_dialled(&n, &id) < 2 * SEC);
	sync_free(n.s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_breaks_libp2p),
	    cmocka_unit_test(test_what_breaks_sync),
	    cmocka_unit_test(test_nothing_shortens_it),
	    cmocka_unit_test(test_forgiven),
	    cmocka_unit_test(test_unreachable),
	    cmocka_unit_test(test_short_lived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
