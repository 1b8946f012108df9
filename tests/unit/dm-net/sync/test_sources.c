/* SPDX-License-Identifier: ISC */
/* From whom content is fetched, while some of those that offer it are slow or
 * always busy. One core; the peers are played. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "dm-net/sync/session.h"
#include "dm-net/sync/wanted.h"
#include "tests/unit/dm-net/sync/lone_core.h"

#define STEP_NS (100 * MS)
#define PEERS 16
#define BUSY 0 /* as a rate */
#define MIB (UINT64_C(1) << 20)

struct node {
	struct sync *s;
	uint64_t now_ns;
	uint64_t rate[PEERS + 1]; /* bytes a second, by connection */
	/* the fetch under way from each connection; 0: none */
	uint64_t fetch[PEERS + 1], got[PEERS + 1], size;
	uint64_t conn;
	bool is_done;
};

static const uint8_t key[16] = {1};
static const struct entry_rank rank = {
    .signed_at_ns = WALL, .version = {2}, .kind = ENTRY_FILE};

static void
node_new(struct node *n)
{
	const uint8_t self[32] = {99};
	struct sync_settings set = {.seed = {5, 77},
	    .agent = "test",
	    .start = 5,
	    .peers_max = 100,
	    .record_open = no_record};
	struct sync_config config = {.interval_ns = 60 * SECOND,
	    .file_size_max = 100 * MIB,
	    .peers_max = 100};

	memset(n, 0, sizeof(*n));
	assert_true(peer_id_from_key(&set.self, self));
	n->s = sync_new(&set);
	n->now_ns = SECOND;
	sync_tick(n->s, n->now_ns, WALL);
	sync_config_begin(n->s, &config);
	sync_config_commit(n->s, 1);
	sync_index_begin(n->s);
	sync_index_complete(n->s);
}

/* A connected peer that sends large files at that rate. */
static uint64_t
peer_new(struct node *n, uint64_t rate)
{
	static const uint8_t text[29] = {
	    0x9a, 0, 1, 0xa1, 'x', 0xc0, 7, 1, 0xc0, 0xc4, 16};
	uint8_t message[1 + sizeof(text)] = {sizeof(text)};
	const uint8_t public[32] = {(uint8_t)++n->conn, 1};
	struct sync_addr from = {
	    .len = 8, .bytes = {4, 9, 9, (uint8_t)n->conn, 1, 6, 0x1f, 0x0a}};
	struct peer_id id;

	assert_true(peer_id_from_key(&id, public));
	sync_connected(n->s, n->conn, &id, false, &from);
	memcpy(message + 1, text, sizeof(text));
	sync_recv(n->s, n->conn, message, sizeof(message));
	n->rate[n->conn] = rate;
	return n->conn;
}

/* It offers the one version that there is. */
static void
offer(struct node *n, uint64_t conn)
{
	struct want *w = want_find(n->s, key, rank.version);

	session_note_has(
	    session_find(n->s, conn), key, rank.signed_at_ns, rank.version);
	if (w != NULL)
		want_source(n->s, w, conn);
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
		if (a.type == SYNC_FETCH_START) {
			n->fetch[a.conn] = a.id;
			n->got[a.conn] = 0;
			n->size = a.size;
		}
		for (size_t i = 1; i <= PEERS; i++)
			if (a.type == SYNC_FETCH_CANCEL && n->fetch[i] == a.id)
				n->fetch[i] = 0;
	}
}

/* A tenth of a second of one fetch. */
static void
send_some(struct node *n, size_t i)
{
	uint64_t id = n->fetch[i];

	if (n->rate[i] == BUSY) {
		n->fetch[i] = 0;
		sync_fetch_done(n->s, id, SYNC_FETCH_BUSY, VERDICT_OK);
		return;
	}
	n->got[i] += n->rate[i] / 10;
	if (n->got[i] < n->size) {
		sync_fetch_progress(n->s, id, n->got[i]);
		return;
	}
	n->fetch[i] = 0;
	n->is_done = true;
	sync_fetch_progress(n->s, id, n->size);
	sync_fetch_done(n->s, id, SYNC_FETCH_PUT, VERDICT_CREATED);
}

/* Seconds until the version is here, at most `most`. */
static uint64_t
seconds_until_here(struct node *n, uint64_t most)
{
	uint64_t start_ns = n->now_ns;

	while (!n->is_done && n->now_ns - start_ns < most * SECOND) {
		n->now_ns += STEP_NS;
		sync_tick(n->s, n->now_ns, WALL + n->now_ns);
		drain(n);
		for (size_t i = 1; i <= PEERS; i++)
			if (n->fetch[i] != 0)
				send_some(n, i);
		drain(n);
	}
	return (n->now_ns - start_ns) / SECOND;
}

static void
want_new(struct node *n, uint64_t size)
{
	assert_non_null(want_add(n->s, key, &rank, size, 1));
}

/* Eight that are always busy were first; an honest one came ninth. */
static void
test_those_that_are_always_busy(void **state)
{
	struct node n;

	for (size_t attackers = 8; attackers <= 15; attackers += 7) {
		node_new(&n);
		want_new(&n, MIB);
		for (size_t i = 0; i < attackers; i++)
			offer(&n, peer_new(&n, BUSY));
		offer(&n, peer_new(&n, 10 * MIB));
		assert_true(seconds_until_here(&n, 60) < 15);
		assert_true(n.is_done);
		sync_free(n.s);
	}
}

/* The same while they offer it again and again. */
static void
test_those_that_come_again(void **state)
{
	struct node n;

	node_new(&n);
	want_new(&n, MIB);
	for (size_t i = 0; i < 12; i++)
		offer(&n, peer_new(&n, BUSY));
	offer(&n, peer_new(&n, 10 * MIB));
	for (size_t i = 0; i < 60 && !n.is_done; i++) {
		seconds_until_here(&n, 1);
		for (uint64_t conn = 1; conn <= 12; conn++)
			offer(&n, conn);
	}
	assert_true(n.is_done);
	sync_free(n.s);
}

/* One at 17 KiB a second holds up nobody that has two good ones as well. */
static void
test_a_slow_one_among_good_ones(void **state)
{
	struct node n;

	node_new(&n);
	want_new(&n, 8 * MIB);
	offer(&n, peer_new(&n, 17 << 10));
	sync_tick(n.s, n.now_ns, WALL);
	drain(&n);
	offer(&n, peer_new(&n, 2 * MIB));
	offer(&n, peer_new(&n, 2 * MIB));
	assert_true(seconds_until_here(&n, 100) < 15);
	assert_true(n.is_done);
	/* what it did is remembered: the next file begins with a good one */
	n.is_done = false;
	want_new(&n, 8 * MIB);
	for (uint64_t conn = 1; conn <= 3; conn++)
		offer(&n, conn);
	assert_true(seconds_until_here(&n, 100) < 6);
	sync_free(n.s);
}

/* The only one that has it is waited for, however slow it is. */
static void
test_a_slow_one_alone(void **state)
{
	struct node n;

	node_new(&n);
	want_new(&n, 8 * MIB);
	offer(&n, peer_new(&n, 9 << 10));
	seconds_until_here(&n, 2000);
	assert_true(n.is_done);
	assert_int_equal(n.s->stats.fetches, 1);
	sync_free(n.s);
}

/* Where all are equally slow, each is tried once and the last one goes on. */
static void
test_all_are_slow(void **state)
{
	struct node n;

	node_new(&n);
	want_new(&n, 8 * MIB);
	for (size_t i = 0; i < 4; i++)
		offer(&n, peer_new(&n, 20 << 10));
	seconds_until_here(&n, 2000);
	assert_true(n.is_done);
	assert_true(n.s->stats.fetches <= 4);
	sync_free(n.s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_those_that_are_always_busy),
	    cmocka_unit_test(test_those_that_come_again),
	    cmocka_unit_test(test_a_slow_one_among_good_ones),
	    cmocka_unit_test(test_a_slow_one_alone),
	    cmocka_unit_test(test_all_are_slow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
