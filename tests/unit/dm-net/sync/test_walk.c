/* SPDX-License-Identifier: ISC */
/* Two cores side by side: what reconciliation costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/name.h"
#include "dm-net/sync/sync.h"
#include "tests/unit/dm-net/sync/lone_core.h"

struct side {
	struct sync *s;
	size_t first, last;  /* entries that only this side has or lacks */
	size_t arrived;	     /* entries that it was asked to judge */
	enum verdict judged; /* how it judges them */
	uint64_t bytes;
};

/* Entry i; version 1 is newer than version 0. */
static struct entry
entry_of(size_t i, unsigned version)
{
	struct entry e = {.signed_at_ns = WALL - SEC + version, .size = 5};

	snprintf(e.name, sizeof(e.name), "a/f%zu", i);
	memset(e.signer, 1, sizeof(e.signer));
	return e;
}

/* Rows for bulk: keys that spread, versions that need no hashing. */
static void
add_bulk(struct sync *s, size_t count)
{
	uint8_t key[16];
	struct entry_rank rank = {.signed_at_ns = 1000};
	uint64_t x = 1;

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < 16; j++) {
			x = x * UINT64_C(6364136223846793005) + 12345;
			key[j] = (uint8_t)(x >> 56);
		}
		memcpy(rank.version, key, 16);
		sync_index_row(s, key, &rank, 10);
	}
}

static void
side_init(struct side *d, uint8_t id, size_t bulk)
{
	*d = (struct side){.s = lone_core(id), .judged = VERDICT_BUSY};
	add_bulk(d->s, bulk);
}

static void
add_entry(struct side *d, size_t i, unsigned version)
{
	struct entry e = entry_of(i, version);
	struct entry_rank rank;
	uint8_t key[16];

	entry_rank(&e, &rank);
	name_key(e.name, key);
	sync_index_row(d->s, key, &rank, e.size);
}

static void
connect_sides(struct side d[2])
{
	for (int i = 0; i < 2; i++) {
		struct peer_id other = lone_id((uint8_t)(2 - i));

		sync_index_complete(d[i].s);
		sync_connected(d[i].s, 1, &other, i == 0, NULL);
	}
}

/* Serves what the store is asked for; the entry is found by its key. */
static void
act(struct side *d)
{
	struct sync_action a;
	struct entry e;
	uint8_t key[16];

	while (sync_next(d->s, &a)) {
		if (a.type == SYNC_JUDGE) {
			d->arrived++;
			sync_judged(d->s, a.id, d->judged, 0);
		}
		if (a.type != SYNC_READ)
			continue;
		for (size_t i = 0; i < 20; i++) {
			e = entry_of(i, i < 10);
			name_key(e.name, key);
			if (memcmp(key, a.key, 16) == 0)
				break;
		}
		sync_read_done(d->s, a.id, &e);
	}
}

/* How it is cut: bytes at once, at random up to so many if is_random. */
static size_t cut = SIZE_MAX;
static bool is_random;

static void
hand_over(struct side *to, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		size_t n = cut < len ? cut : len;

		if (is_random)
			n = 1 + (size_t)rand() % n;
		sync_recv(to->s, 1, bytes, n);
		bytes += n;
		len -= n;
	}
}

/*
 * All that one side has to say goes over; returns the bytes. What its own
 * store is asked for on the way is no round trip.
 */
static size_t
flow(struct side *from, struct side *to)
{
	static uint8_t buf[SYNC_PULL_MIN];
	size_t n, total = 0;
	int silent = 0;

	while (silent < 2) {
		act(from);
		n = sync_pull(from->s, 1, buf, sizeof(buf));
		silent = n == 0 ? silent + 1 : 0;
		hand_over(to, buf, n);
		total += n;
	}
	act(to);
	from->bytes += total;
	return total;
}

/* Runs to silence; returns the round trips, begun by side 0. */
static size_t
converse(struct side d[2], size_t *bytes)
{
	size_t trips = 0, n;

	*bytes = 0;
	for (;;) {
		n = flow(&d[0], &d[1]);
		n += flow(&d[1], &d[0]);
		*bytes += n;
		if (n == 0)
			return trips;
		trips++;
	}
}

static void
test_equal(void **state)
{
	struct side d[2];
	size_t bytes, trips;
	struct sync_stats st;

	for (int i = 0; i < 2; i++)
		side_init(&d[i], (uint8_t)(i + 1), 20000);
	connect_sides(d);
	converse(d, &bytes);
	sync_stats(d[0].s, &st);
	assert_int_equal(st.walks, 0);
	assert_int_equal(st.peers_synced, 1);
	/* side 0's turn comes; the other's clock stands still */
	d[0].bytes = d[1].bytes = 0;
	sync_tick(d[0].s, 50 * SEC, WALL + 50 * SEC);
	trips = converse(d, &bytes);
	sync_stats(d[0].s, &st);
	printf("equal sets: %zu round trip, %zu bytes\n", trips, bytes);
	assert_int_equal(st.walks, 1);
	assert_int_equal(st.walks_equal, 1);
	assert_int_equal(trips, 1);
	assert_in_range(bytes, 1, 99);
	for (int i = 0; i < 2; i++)
		sync_free(d[i].s);
}

/* 1,000,000 in common; each side is ahead with five. */
static void
test_few_of_many(void **state)
{
	struct side d[2];
	size_t bytes, trips;
	struct sync_stats st;

	for (int i = 0; i < 2; i++) {
		side_init(&d[i], (uint8_t)(i + 1), 1000000);
		for (size_t k = 0; k < 10; k++)
			add_entry(&d[i], k, (k < 5) == (i == 0));
	}
	connect_sides(d);
	/* hello each way comes first, and is not the walk */
	flow(&d[1], &d[0]);
	d[1].bytes = 0;
	trips = converse(d, &bytes);
	sync_stats(d[0].s, &st);
	printf(
	    "10 of 1,000,000: %zu round trips, %zu bytes, judged %zu + %zu\n",
	    trips, bytes, d[0].arrived, d[1].arrived);
	assert_int_equal(st.walks, 1);
	assert_int_equal(d[0].arrived, 5);
	assert_int_equal(d[1].arrived, 5);
	assert_in_range(trips, 1, 4);
	assert_in_range(bytes, 1, 64 << 10);
	for (int i = 0; i < 2; i++)
		sync_free(d[i].s);
}

/* The same conversation, whatever the pieces. */
static void
test_cut(void **state)
{
	size_t bytes, trips, whole_bytes = 0, whole_trips = 0;
	struct sync_stats st;
	struct side d[2];

	for (unsigned way = 0; way < 24; way++) {
		cut = way == 0 ? SIZE_MAX : way < 4 ? way : way * 10;
		is_random = way >= 4;
		srand(way);
		for (int i = 0; i < 2; i++) {
			side_init(&d[i], (uint8_t)(i + 1), 5000);
			for (size_t k = 0; k < 10; k++)
				add_entry(&d[i], k, (k < 5) == (i == 0));
		}
		connect_sides(d);
		trips = converse(d, &bytes);
		if (way == 0) {
			whole_bytes = bytes;
			whole_trips = trips;
		}
		assert_int_equal(bytes, whole_bytes);
		assert_int_equal(trips, whole_trips);
		for (int i = 0; i < 2; i++) {
			sync_stats(d[i].s, &st);
			assert_int_equal(st.hostile, 0);
			assert_int_equal(d[i].arrived, 5);
			sync_free(d[i].s);
		}
	}
	cut = SIZE_MAX;
	is_random = false;
}

/*
 * Our configuration is in force, the store's not yet: what it refuses is left
 * alone, but only until it follows, too.
 */
static void
test_refused_before_the_store_followed(void **state)
{
	struct side d[2];
	size_t bytes;

	for (int i = 0; i < 2; i++)
		side_init(&d[i], (uint8_t)(i + 1), 100);
	for (size_t k = 0; k < 5; k++)
		add_entry(&d[1], k, 1);
	d[0].judged = VERDICT_UNKNOWN_SIGNER;
	connect_sides(d);
	converse(d, &bytes);
	for (unsigned t = 1; t <= 10; t++) {
		sync_tick(d[0].s, t * 60 * SEC, WALL + t * 60 * SEC);
		converse(d, &bytes);
	}
	assert_int_equal(d[0].arrived, 5);
	sync_store_configured(d[0].s);
	sync_tick(d[0].s, 602 * SEC, WALL + 602 * SEC);
	converse(d, &bytes);
	assert_int_equal(d[0].arrived, 10);
	for (int i = 0; i < 2; i++)
		sync_free(d[i].s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_equal),
	    cmocka_unit_test(test_few_of_many),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_refused_before_the_store_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
