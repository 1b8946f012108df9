/* SPDX-License-Identifier: ISC */
/* A peer's word that content is bad counts for what it was sent, and seldom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dm-net/sync/sync.h"
#include "dm-net/sync/wire.h"
#include "tests/unit/dm-net/sync/lone_core.h"

#define ROWS 20
#define BURST 4

static uint8_t buf[SYNC_MESSAGE_MAX + WIRE_HEAD_MAX];

static void
row_of(uint8_t n, uint8_t key[static 16], uint8_t version[static 32])
{
	memset(key, n, 16);
	memset(version, n + 100, 32);
}

/* How many files the core has had read anew. */
static unsigned
scrubs(struct sync *s)
{
	struct sync_action a;
	unsigned n = 0;

	while (sync_next(s, &a)) {
		assert_int_not_equal(a.type, SYNC_CLOSE);
		n += a.type == SYNC_SCRUB;
	}
	return n;
}

static unsigned
say(struct sync *s, uint64_t conn, struct msgput *m)
{
	sync_recv(s, conn, buf, wire_end(m));
	return scrubs(s);
}

static void
connect_peer(struct sync *s, uint64_t conn)
{
	static const uint8_t interest[8] = {1};
	struct wire_hello h = {.version = 1,
	    .agent = "h",
	    .agent_len = 1,
	    .start = 2,
	    .generation = 1,
	    .interests = interest,
	    .interest_count = 1};
	struct peer_id peer;
	struct msgput m;

	peer = lone_id((uint8_t)conn);
	sync_connected(s, conn, &peer, false, NULL);
	wire_begin(&m, buf, sizeof(buf));
	wire_put_hello(&m, &h);
	say(s, conn, &m);
}

static struct sync *
core_new(void)
{
	struct entry_rank rank = {.signed_at_ns = 1000};
	uint8_t key[16];
	struct sync *s = lone_core(1);

	for (uint8_t i = 0; i < ROWS; i++) {
		row_of(i, key, rank.version);
		sync_index_row(s, key, &rank, 10);
	}
	sync_index_complete(s);
	connect_peer(s, 2);
	connect_peer(s, 3);
	return s;
}

static void
serve(struct sync *s, uint64_t conn, uint8_t n)
{
	uint8_t key[16], version[32];

	row_of(n, key, version);
	sync_served(s, conn, key, version);
}

static unsigned
say_bad(struct sync *s, uint64_t conn, uint8_t n)
{
	uint8_t key[16], version[32];
	struct msgput m;

	row_of(n, key, version);
	wire_begin(&m, buf, sizeof(buf));
	wire_put_bad(&m, key, version);
	return say(s, conn, &m);
}

static void
test_only_what_was_sent(void **state)
{
	struct sync *s = core_new();

	(void)state;
	assert_int_equal(say_bad(s, 2, 0), 0);
	serve(s, 2, 0);
	assert_int_equal(say_bad(s, 2, 1), 0);
	assert_int_equal(say_bad(s, 3, 0), 0); /* another peer */
	assert_int_equal(say_bad(s, 2, 0), 1);
	assert_int_equal(say_bad(s, 2, 0), 0); /* said already */
	serve(s, 2, 0);
	assert_int_equal(say_bad(s, 2, 0), 1);
	sync_free(s);
}

static void
test_seldom(void **state)
{
	struct sync *s = core_new();
	unsigned n = 0;

	(void)state;
	for (uint8_t i = 0; i < ROWS; i++)
		serve(s, 2, i);
	for (uint8_t i = 0; i < ROWS; i++)
		n += say_bad(s, 2, i);
	assert_int_equal(n, BURST);
	serve(s, 2, 0);
	assert_int_equal(say_bad(s, 2, 0), 0);
	serve(s, 3, 0);
	assert_int_equal(say_bad(s, 3, 0), 1);
	sync_tick(s, 2 * SEC, WALL + SEC);
	serve(s, 2, 0);
	assert_int_equal(say_bad(s, 2, 0), 1);
	sync_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_only_what_was_sent),
	    cmocka_unit_test(test_seldom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
