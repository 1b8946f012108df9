/* SPDX-License-Identifier: ISC */
/*
 * What a peer costs the core is charged to where it comes from, and no new
 * connection or identity renews that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/name.h"
#include "dm-net/sync/sync.h"
#include "dm-net/sync/wire.h"

#define SECOND NS_PER_S
#define WALL (UINT64_C(1800000000) * SECOND)
#define DAY (86400 * SECOND)
/* What a source may cost at once, and what comes back in a second. */
#define CHECKS_BURST (LEDGER_BURST_NS / LEDGER_COST_SIGNATURE)
#define CHECKS_SECOND (LEDGER_SHARE_NS / LEDGER_COST_SIGNATURE)

static uint8_t buf[SYNC_MESSAGE_MAX + WIRE_HEAD_MAX];

static struct core {
	struct sync *s;
	struct ledger *ledger;
	uint64_t now_ns;
	uint64_t conn; /* the last one */
	unsigned n_judged, n_opened, n_closed, n_sent_away, n_refused;
	uint64_t judged[1 << 14]; /* ids that wait for a verdict */
	struct entry last;	  /* of these */
	bool is_waiting;	  /* verdicts come later */
	enum verdict verdict;
} core;

/* A test's record: whose it is, in 32 bytes, and anything. */
static bool
open_record(const uint8_t *bytes, size_t len, struct sync_record *out)
{
	core.n_opened++;
	out->addr_count = 0;
	out->seq = WALL;
	return peer_id_from_key(&out->peer, bytes);
}

static struct peer_id
peer_of(unsigned i)
{
	uint8_t key[32] = {(uint8_t)i, (uint8_t)(i >> 8), 1};
	struct peer_id id;

	while (!peer_id_from_key(&id, key))
		key[3]++;
	return id;
}

static struct sync_addr
addr_of(uint8_t net, uint8_t host)
{
	return (struct sync_addr){
	    .len = 8, .bytes = {4, 192, 0, net, host, 6, 9, 9}};
}

static void
drive(void)
{
	struct sync_action a;

	while (sync_next(core.s, &a)) {
		if (a.type == SYNC_CLOSE) {
			core.n_closed += a.reason == SYNC_CLOSE_HOSTILE;
			core.n_sent_away += a.reason == SYNC_CLOSE_SURPLUS;
			sync_disconnected(core.s, a.conn);
		} else if (a.type == SYNC_REFUSED) {
			core.n_refused++;
		} else if (a.type == SYNC_JUDGE) {
			core.last = *a.entry;
			assert_true(core.n_judged < 1 << 14);
			if (core.is_waiting)
				core.judged[core.n_judged] = a.id;
			else
				sync_judged(core.s, a.id, core.verdict, 0);
			core.n_judged++;
		}
	}
}

static void
pass(uint64_t ns)
{
	core.now_ns += ns;
	sync_tick(core.s, core.now_ns, WALL + core.now_ns);
	drive();
}

static void
say(uint64_t conn, struct msgput *m)
{
	sync_recv(core.s, conn, buf, wire_end(m));
	drive();
}

static uint64_t
connect_from(unsigned peer, const struct sync_addr *addr)
{
	struct wire_hello h = {.version = 1,
	    .agent = "h",
	    .agent_len = 1,
	    .start = peer,
	    .generation = 1,
	    .is_all = true};
	struct peer_id id = peer_of(peer);
	struct msgput m;

	sync_connected(core.s, ++core.conn, &id, false, addr);
	wire_begin(&m, buf, sizeof(buf));
	wire_put_hello(&m, &h);
	say(core.conn, &m);
	return core.conn;
}

static void
entry_of(struct entry *e, const char *name, unsigned n)
{
	memset(e, 0, sizeof(*e));
	snprintf(e->name, sizeof(e->name), "%s", name);
	e->kind = ENTRY_FILE;
	e->size = 10;
	e->signed_at_ns = WALL + n;
	e->signer[0] = 1;
	e->sha256[0] = 1;
}

static void
say_entry(uint64_t conn, const struct entry *e)
{
	uint8_t encoded[ENTRY_SIZE_MAX];
	struct msgput m;

	wire_begin(&m, buf, sizeof(buf));
	wire_put_entries(&m, 1);
	wire_put_item(&m, encoded, entry_encode(e, encoded), NULL, 0);
	wire_put_missing(&m, NULL, 0);
	say(conn, &m);
}

/* A version of a/N with n as its time. */
static void
offer(uint64_t conn, unsigned n)
{
	struct entry e;
	char name[16];

	snprintf(name, sizeof(name), "a/%u", n);
	entry_of(&e, name, n);
	say_entry(conn, &e);
}

static void
say_record(uint64_t conn, unsigned peer, uint8_t variant)
{
	uint8_t record[33];
	struct peer_id id = peer_of(peer);
	struct msgput m;

	memcpy(record, peer_id_key(&id), 32);
	record[32] = variant;
	wire_begin(&m, buf, sizeof(buf));
	wire_put_records(&m, 1);
	msgput_bin(&m, record, sizeof(record));
	msgput_bool(&m, false);
	say(conn, &m);
}

static int
setup(void **state)
{
	static const uint8_t secret[SIPHASH_SECRET_BYTES] = {7};
	struct sync_settings set = {.self = peer_of(60000),
	    .agent = "t",
	    .start = 1,
	    .peers_max = 100,
	    .record_open = open_record};
	struct sync_config config = {.interval_ns = 3600 * SECOND,
	    .clock_skew_ns = 300 * SECOND,
	    .file_size_max = 1 << 20,
	    .peers_max = 100};
	struct sync_addr addr = addr_of(9, 9);
	struct peer_id known = peer_of(50000);

	memset(&core, 0, sizeof(core));
	core.ledger = set.ledger = ledger_new(secret);
	core.s = sync_new(&set);
	core.now_ns = SECOND;
	core.verdict = VERDICT_BAD_SIGNATURE;
	sync_tick(core.s, core.now_ns, WALL + core.now_ns);
	sync_config_begin(core.s, &config);
	sync_config_name(core.s, "a/*");
	sync_config_bootstrap(core.s, &known, &addr);
	sync_config_commit(core.s, 1);
	sync_index_begin(core.s);
	sync_index_complete(core.s);
	return 0;
}

static int
teardown(void **state)
{
	sync_free(core.s);
	ledger_free(core.ledger);
	return 0;
}

static struct sync_stats
stats(void)
{
	struct sync_stats out;

	sync_stats(core.s, &out);
	return out;
}

/* --- signatures ------------------------------------------------------- */

/* As many identities as it likes, one connection each. */
static void
forge(const struct sync_addr *addr, unsigned times)
{
	static unsigned n;

	for (unsigned i = 0; i < times; i++, n++) {
		uint64_t conn = connect_from(n % 40000, addr);

		offer(conn, n);
		sync_disconnected(core.s, conn);
	}
}

static void
test_forger_who_comes_back(void **state)
{
	struct sync_addr bad = addr_of(2, 1), good = addr_of(3, 1);
	unsigned judged;

	forge(&bad, 300);
	judged = core.n_judged;
	assert_true(judged > 0 && judged < 150); /* offences count as well */
	assert_int_equal(core.n_closed, judged);
	/* no new identity, no new connection renews it */
	forge(&bad, 300);
	assert_int_equal(core.n_judged, judged);
	/* time does, a little */
	pass(SECOND);
	forge(&bad, 300);
	assert_true(core.n_judged > judged && core.n_judged <= judged + 12);
	/* who comes from elsewhere is served */
	judged = core.n_judged;
	offer(connect_from(40001, &good), 60000);
	assert_int_equal(core.n_judged, judged + 1);
}

/* A peer that the configuration names does not pay for its neighbours. */
static void
test_known_neighbour_of_a_forger(void **state)
{
	struct sync_addr bad = addr_of(2, 1);
	unsigned judged;

	forge(&bad, 300);
	judged = core.n_judged;
	offer(connect_from(50000, &bad), 60000);
	assert_int_equal(core.n_judged, judged + 1);
}

/* Good signatures are not owed, however many there are. */
static void
test_good_ones(void **state)
{
	struct sync_addr addr = addr_of(2, 1);
	uint64_t conn = connect_from(1, &addr);

	core.verdict = VERDICT_CREATED;
	for (unsigned n = 0; n < 3 * CHECKS_BURST; n++)
		offer(conn, n);
	assert_int_equal(core.n_judged, 3 * CHECKS_BURST);
	assert_int_equal(
	    ledger_stats(core.ledger)->cost_ns[LEDGER_SIGNATURE], 0);
	/* and those that dm-store never judged are given back */
	core.is_waiting = true;
	for (unsigned n = 0; n < 400; n++)
		offer(conn, 70000 + n);
	assert_true(ledger_stats(core.ledger)->cost_ns[LEDGER_SIGNATURE] > 0);
	sync_store_lost(core.s);
	assert_int_equal(
	    ledger_stats(core.ledger)->cost_ns[LEDGER_SIGNATURE], 0);
}

/* It is gone before the verdict, and blamed all the same. */
static void
test_hit_and_run(void **state)
{
	struct sync_addr bad = addr_of(2, 1);
	struct peer_id id = peer_of(1);
	uint64_t conn = connect_from(1, &bad);

	core.is_waiting = true;
	offer(conn, 1);
	offer(conn, 2);
	assert_int_equal(core.n_judged, 2);
	sync_disconnected(core.s, conn);
	assert_false(ledger_is_shunned(core.ledger, &id, core.now_ns));
	sync_judged(core.s, core.judged[0], VERDICT_BAD_SIGNATURE, 0);
	sync_judged(core.s, core.judged[1], VERDICT_BAD_SIGNATURE, 0);
	assert_true(ledger_is_shunned(core.ledger, &id, core.now_ns));
	assert_true(
	    ledger_is_shunned(core.ledger, &id, core.now_ns + 29 * SECOND));
	assert_false(
	    ledger_is_shunned(core.ledger, &id, core.now_ns + 61 * SECOND));
}

/* A queue that is full of a debtor's entries makes room for others. */
static void
test_full_queue(void **state)
{
	struct sync_addr bad = addr_of(2, 1), good = addr_of(3, 1);
	uint64_t conn = connect_from(1, &bad);
	unsigned i = 0;

	core.is_waiting = true;
	for (unsigned n = 0; n < 600; n++)
		offer(conn, n);
	assert_true(stats().judging >= 512);
	offer(connect_from(2, &good), 60000);
	core.verdict = VERDICT_CREATED;
	for (; i < core.n_judged; i++) {
		sync_judged(core.s, core.judged[i], VERDICT_NOT_NEWER, 0);
		drive();
		if (core.last.signed_at_ns == WALL + 60000)
			return;
	}
	fail_msg("the good one is not among %u", i);
}

/* --- entries from the future, and refused ones ------------------------ */

static void
test_future_that_nobody_signed(void **state)
{
	struct sync_addr addr = addr_of(2, 1);
	uint64_t conn = connect_from(1, &addr);
	struct entry e;

	entry_of(&e, "a/x", 1);
	e.signed_at_ns = WALL + DAY;
	say_entry(conn, &e);
	assert_int_equal(core.n_closed, 1);
	assert_int_equal(stats().peers_ahead, 0);
	assert_int_equal(stats().future, 0);
}

static void
test_future_that_was_signed(void **state)
{
	struct sync_addr addr = addr_of(2, 1);
	uint64_t conn = connect_from(1, &addr);
	struct entry e;

	core.verdict = VERDICT_SIGNED_IN_FUTURE;
	entry_of(&e, "a/x", 1);
	e.signed_at_ns = WALL + DAY;
	say_entry(conn, &e);
	say_entry(conn, &e);
	assert_int_equal(core.n_judged, 1);
	assert_int_equal(stats().peers_ahead, 1);
	assert_int_equal(stats().future, 1);
	/* its time comes */
	core.verdict = VERDICT_CREATED;
	pass(DAY);
	assert_int_equal(core.n_judged, 2);
	assert_int_equal(stats().future, 0);
}

/* Of whoever owes much, what is refused anyway is not looked at. */
static void
test_refused_entries(void **state)
{
	struct sync_addr bad = addr_of(2, 1), good = addr_of(3, 1);
	const unsigned max = LEDGER_BURST_NS / LEDGER_COST_ENTRY;
	uint64_t conn = connect_from(1, &bad);
	struct entry e;

	for (unsigned n = 0; n < max + 200; n++) {
		entry_of(&e, "b/x", n);
		say_entry(conn, &e);
	}
	assert_int_equal(ledger_stats(core.ledger)->refused[LEDGER_ENTRY], 200);
	conn = connect_from(2, &bad);
	core.n_refused = 0;
	say_entry(conn, &e);
	assert_int_equal(core.n_refused, 0);
	conn = connect_from(3, &good);
	entry_of(&e, "b/x", 80000000);
	say_entry(conn, &e);
	assert_int_equal(core.n_refused, 1);
	assert_int_equal(core.n_closed, 0);
}

/* Reading costs something, too: who goes on while its source owes all is sent
 * away. A neighbour that says little stays. */
static void
test_on_and_on(void **state)
{
	struct sync_addr addr = addr_of(2, 1);
	const struct ledger_who who = {
	    .source = netsource_of_multiaddr(addr.bytes, addr.len)};
	uint64_t conn = connect_from(1, &addr);
	uint64_t neighbour = connect_from(2, &addr);

	ledger_charge(core.ledger, &who, LEDGER_HANDSHAKE, 2 * LEDGER_BURST_NS,
	    core.now_ns);
	for (unsigned n = 0; n < 250; n++)
		offer(conn, n);
	offer(neighbour, 1000);
	pass(2 * SECOND);
	assert_int_equal(core.n_sent_away, 0);
	for (unsigned n = 250; n < 260; n++)
		offer(conn, n);
	pass(2 * SECOND);
	assert_int_equal(core.n_sent_away, 1);
	assert_int_equal(stats().conns, 1);
	assert_int_equal(core.n_judged, 0);
	/* it is paid back */
	core.verdict = VERDICT_CREATED;
	pass(20 * SECOND);
	offer(neighbour, 1000);
	assert_int_equal(core.n_judged, 1);
}

/* --- records ---------------------------------------------------------- */

static void
test_record_again_and_again(void **state)
{
	struct sync_addr addr = addr_of(2, 1);

	for (unsigned i = 0; i < 100; i++)
		say_record(connect_from(100 + i % 50, &addr), 1, 0);
	assert_int_equal(core.n_opened, 1);
	/* another one of the same peer is none that is held */
	say_record(connect_from(1, &addr), 1, 1);
	assert_int_equal(core.n_opened, 2);
}

static void
test_records_with_new_connections(void **state)
{
	const unsigned max = LEDGER_BURST_NS / LEDGER_COST_RECORD;
	struct sync_addr bad = addr_of(2, 1), good = addr_of(3, 1);
	unsigned n = 0;

	for (unsigned i = 0; i < max / 50; i++) {
		uint64_t conn = connect_from(i, &bad);

		for (unsigned k = 0; k < 100; k++, n++)
			say_record(conn, n, (uint8_t)(n >> 16));
		sync_disconnected(core.s, conn);
	}
	assert_int_equal(core.n_opened, max);
	say_record(connect_from(40000, &good), 60001, 0);
	assert_int_equal(core.n_opened, max + 1);
	/* he is not told to be hostile: he may be a neighbour */
	assert_int_equal(core.n_closed, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_forger_who_comes_back),
	    TEST(test_known_neighbour_of_a_forger),
	    TEST(test_good_ones),
	    TEST(test_hit_and_run),
	    TEST(test_full_queue),
	    TEST(test_future_that_nobody_signed),
	    TEST(test_future_that_was_signed),
	    TEST(test_refused_entries),
	    TEST(test_on_and_on),
	    TEST(test_record_again_and_again),
	    TEST(test_records_with_new_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
