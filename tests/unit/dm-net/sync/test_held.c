/* SPDX-License-Identifier: ISC */
/* What a peer makes the core keep for it, whatever it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dm-net/sync/sync.h"
#include "tests/unit/dm-net/sync/lone_core.h"
#include "dm-net/sync/wire.h"

#define BULK 10000
/* Bytes that the core may hold of one connection. */
#define HELD_MAX (1344u << 10)

static uint8_t buf[SYNC_MESSAGE_MAX + WIRE_HEAD_MAX];

static uint64_t
next_random(void)
{
	static uint64_t x = 1;

	x = x * UINT64_C(6364136223846793005) + 12345;
	return x >> 24;
}

static void
random_key(uint8_t key[static 16])
{
	for (size_t i = 0; i < 16; i++)
		key[i] = (uint8_t)next_random();
}

static uint8_t held_keys[BULK][16];

/* A core with many entries, to whom the greater peer 2 has connected. */
static struct sync *
core_new(void)
{
	struct entry_rank rank = {.signed_at_ns = 1000};
	struct peer_id peer;
	struct sync *s = lone_core(1);

	for (size_t i = 0; i < BULK; i++) {
		random_key(held_keys[i]);
		memcpy(rank.version, held_keys[i], 16);
		sync_index_row(s, held_keys[i], &rank, 10);
	}
	sync_index_complete(s);
	peer = lone_id(2);
	sync_connected(s, 1, &peer, false, NULL);
	return s;
}

static void
act(struct sync *s)
{
	struct sync_action a;

	while (sync_next(s, &a))
		assert_int_not_equal(a.type, SYNC_CLOSE);
}

static void
say(struct sync *s, struct msgput *m)
{
	size_t len = wire_end(m);

	assert_true(len > 0);
	sync_recv(s, 1, buf, len);
	act(s);
}

static void
say_hello(struct sync *s)
{
	static uint8_t interests[8 * WIRE_INTERESTS_MAX];
	struct wire_hello h = {.version = 1,
	    .agent = "h",
	    .agent_len = 1,
	    .start = 2,
	    .generation = 1,
	    .interests = interests,
	    .interest_count = WIRE_INTERESTS_MAX,
	    .root = {.count = 1000000}};
	struct msgput m;

	for (size_t i = 0; i < WIRE_INTERESTS_MAX; i++)
		interests[8 * i] = (uint8_t)(i >> 8),
			      interests[8 * i + 1] = (uint8_t)i;
	wire_begin(&m, buf, sizeof(buf));
	wire_put_hello(&m, &h);
	say(s, &m);
}

/* It reads what is said to it, up to here. */
static void
read_all(struct sync *s)
{
	static uint8_t out[SYNC_PULL_MIN];

	while (sync_pull(s, 1, out, sizeof(out)) > 0)
		act(s);
}

/* All sixteen children below this one differ. */
static void
say_different(struct sync *s, uint8_t nibble)
{
	struct wire_compare c = {.prefix = {.len = 1, .nibbles = {nibble}},
	    .has_children = true,
	    .generation = 1,
	    .role = WIRE_ANSWER};
	struct msgput m;

	for (size_t i = 0; i < TRIE_FANOUT; i++) {
		c.children[i].count = 100000;
		random_key(c.children[i].hash);
	}
	wire_begin(&m, buf, sizeof(buf));
	wire_put_compare(&m, &c);
	say(s, &m);
}

static int
by_key(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

static void
say_rows(struct sync *s, uint8_t nibble)
{
	static struct trie_row rows[WIRE_ROWS_MAX];
	struct wire_rows r = {.prefix = {.len = 1, .nibbles = {nibble}},
	    .count = WIRE_ROWS_MAX,
	    .role = WIRE_ANSWER};
	struct msgput m;

	memset(rows, 0, sizeof(rows));
	for (size_t i = 0; i < WIRE_ROWS_MAX; i++) {
		random_key(rows[i].key);
		rows[i].key[0] = (uint8_t)(nibble << 4 | rows[i].key[0] >> 4);
		rows[i].signed_at_ns = WALL - SEC;
		random_key(rows[i].version);
	}
	qsort(rows, WIRE_ROWS_MAX, sizeof(rows[0]), by_key);
	wire_begin(&m, buf, sizeof(buf));
	wire_put_rows(&m, &r);
	for (size_t i = 0; i < WIRE_ROWS_MAX; i++)
		wire_put_row(&m, &rows[i]);
	wire_put_rows_end(&m, &r);
	say(s, &m);
}

static void
say_want(struct sync *s, size_t from)
{
	struct msgput m;

	wire_begin(&m, buf, sizeof(buf));
	wire_put_want(&m, held_keys[from], WIRE_KEYS_MAX);
	say(s, &m);
}

/* All of a message that is as long as may be, but its last byte. */
static void
say_most(struct sync *s)
{
	size_t at = 0, n;

	memset(buf, 0, sizeof(buf));
	memcpy(buf, "\x80\x80\x08", WIRE_HEAD_MAX); /* 131072 */
	for (; at < sizeof(buf) - 1; at += n) {
		n = sizeof(buf) - 1 - at < 16000 ? sizeof(buf) - 1 - at : 16000;
		sync_recv(s, 1, buf + at, n);
		act(s);
	}
}

static void
test_one_peer_has_the_core_keep_little(void **state)
{
	struct sync *s = core_new();
	struct sync_stats st;
	size_t empty;

	sync_stats(s, &st);
	empty = st.bytes_held;
	say_hello(s);
	read_all(s); /* our question */
	for (size_t i = 0; i < 4000; i++)
		say_different(s, (uint8_t)(i % 16));
	for (size_t i = 0; i < 16; i++)
		say_rows(s, (uint8_t)(i % 16));
	for (size_t i = 0; i + WIRE_KEYS_MAX <= BULK; i += WIRE_KEYS_MAX)
		say_want(s, i);
	say_most(s);
	sync_stats(s, &st);
	assert_int_equal(st.conns_up, 1);
	assert_true(st.overflows > 0);
	assert_true(st.bytes_held - empty > HELD_MAX / 2);
	assert_true(st.bytes_held - empty <= HELD_MAX);
	sync_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_peer_has_the_core_keep_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
