/* SPDX-License-Identifier: ISC */
/*
 * Signed peer records and clocks. The sequence of a record is its signer's
 * clock; a clock that was once ahead must not win for ever.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "dm-net/sync/sync.h"

#define SECOND UINT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define SKEW (300 * SECOND)
#define WALL (UINT64_C(1800000000) * SECOND)

struct record {
	uint8_t peer, at; /* at: the last byte of its address */
	uint64_t seq;
};

struct node {
	struct sync *s;
	uint64_t now_ns;
	uint64_t refused; /* records, for time */
};

static struct peer_id
peer_of(uint8_t i)
{
	const uint8_t key[32] = {i, 1};
	struct peer_id id;

	assert_true(peer_id_from_key(&id, key));
	return id;
}

static struct sync_addr
addr_of(uint8_t at)
{
	return (struct sync_addr){
	    .len = 8, .bytes = {4, 127, 0, 0, 1, 6, 9, at}};
}

static bool
open_record(const uint8_t *bytes, size_t len, struct sync_record *out)
{
	struct record r;

	if (len != sizeof(r))
		return false;
	memcpy(&r, bytes, sizeof(r));
	out->peer = peer_of(r.peer);
	out->seq = r.seq;
	out->addr_count = 1;
	out->addrs[0] = addr_of(r.at);
	return true;
}

static void
node_new(struct node *n, uint64_t wall_ns)
{
	struct sync_settings set = {.self = peer_of(200),
	    .seed = {1},
	    .agent = "test",
	    .start = 1,
	    .peers_max = 100,
	    .record_open = open_record};
	struct sync_config config = {.interval_ns = 60 * SECOND,
	    .clock_skew_ns = SKEW,
	    .peers_max = 100};

	*n = (struct node){.s = sync_new(&set), .now_ns = SECOND};
	sync_tick(n->s, n->now_ns, wall_ns);
	sync_config_begin(n->s, &config);
	sync_config_commit(n->s, 1);
	sync_index_begin(n->s);
	sync_index_complete(n->s);
}

/* Peer 1 says so itself, over connection 7. */
static void
say(struct node *n, uint8_t at, uint64_t seq)
{
	struct record r = {.peer = 1, .at = at, .seq = seq};

	sync_peer_record(n->s, 7, (const uint8_t *)&r, sizeof(r));
}

/* Where peer 1 is dialled next, each dial being in vain; 0: nowhere. */
static uint8_t
dialled_at(struct node *n, uint64_t wall_ns)
{
	struct peer_id id = peer_of(1);
	struct sync_action a;
	uint8_t at = 0;

	for (int i = 0; i < 3600 && at == 0; i++) {
		n->now_ns += SECOND;
		sync_tick(n->s, n->now_ns, wall_ns);
		while (sync_next(n->s, &a)) {
			if (a.type == SYNC_REFUSED) {
				assert_int_equal(
				    a.verdict, VERDICT_SIGNED_IN_FUTURE);
				assert_int_equal(a.conn, 7);
				n->refused++;
			}
			if (a.type != SYNC_DIAL)
				continue;
			assert_int_equal(a.addr_count, 1);
			at = a.addrs[0].bytes[7];
			sync_dial_failed(n->s, &id);
		}
	}
	return at;
}

static void
a_later_record_replaces_one_from_the_future(void **state)
{
	struct node n;

	node_new(&n, WALL);
	say(&n, 1, WALL + DAY);
	say(&n, 2, WALL + 1);
	assert_int_equal(dialled_at(&n, WALL), 2);
	/* and who tells the old one again is not believed */
	say(&n, 1, WALL + DAY);
	assert_int_equal(dialled_at(&n, WALL), 2);
	assert_int_equal(n.refused, 2);
	sync_free(n.s);
}

static void
within_the_skew_the_greatest_wins(void **state)
{
	struct node n;

	node_new(&n, WALL);
	say(&n, 1, WALL + SKEW);
	say(&n, 2, WALL + 1);
	assert_int_equal(dialled_at(&n, WALL), 1);
	assert_int_equal(n.refused, 0);
	sync_free(n.s);
}

static void
without_another_it_is_tried(void **state)
{
	struct node n;

	node_new(&n, WALL);
	say(&n, 1, WALL + DAY);
	assert_int_equal(dialled_at(&n, WALL), 1);
	assert_int_equal(n.refused, 1);
	sync_free(n.s);
}

static void
our_own_clock_was_ahead(void **state)
{
	struct node n;

	node_new(&n, WALL + DAY);
	say(&n, 1, WALL + DAY);
	assert_int_equal(dialled_at(&n, WALL + DAY), 1);
	/* now it is right */
	sync_tick(n.s, n.now_ns, WALL);
	say(&n, 2, WALL + 1);
	assert_int_equal(dialled_at(&n, WALL), 2);
	sync_free(n.s);
}

static void
a_clock_that_was_never_set_judges_nobody(void **state)
{
	struct node n;

	node_new(&n, SECOND);
	say(&n, 1, WALL);
	say(&n, 2, WALL + 1);
	say(&n, 3, WALL);
	assert_int_equal(dialled_at(&n, SECOND), 2);
	assert_int_equal(n.refused, 0);
	sync_free(n.s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_later_record_replaces_one_from_the_future),
	    cmocka_unit_test(within_the_skew_the_greatest_wins),
	    cmocka_unit_test(without_another_it_is_tried),
	    cmocka_unit_test(our_own_clock_was_ahead),
	    cmocka_unit_test(a_clock_that_was_never_set_judges_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
