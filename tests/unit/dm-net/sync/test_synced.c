/* SPDX-License-Identifier: ISC */
/* What is said of a peer: how much it holds and whether both hold the same;
 * and how many peers are held. Two cores, wired to each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dm-net/sync/sync.h"
#include "tests/unit/dm-net/sync/lone_core.h"

#define CORES 4

struct core {
	struct sync *s;
	struct peer_id id;
	uint64_t fetch_id; /* the last one begun */
	unsigned n_fetches, n_cancelled;
};

struct wires {
	struct core core[CORES];
	bool is_up[CORES][CORES];
	uint64_t now_ns;
};

static uint64_t
conn_of(size_t from, size_t to)
{
	return 1 + to + 10 * from;
}

static void
configure(struct sync *s, size_t peers_max, uint64_t generation)
{
	struct sync_config config = {.interval_ns = 3600 * SEC,
	    .file_size_max = 1000,
	    .peers_max = peers_max};

	sync_config_begin(s, &config);
	sync_config_name(s, "f/*");
	sync_config_commit(s, generation);
}

static void
core_new(struct core *c, uint8_t seed)
{
	struct sync_settings set = {
	    .agent = "test", .start = seed, .peers_max = 100};
	uint8_t key[32] = {seed, 9};

	assert_true(peer_id_from_key(&c->id, key));
	set.self = c->id;
	set.seed[0] = seed;
	set.record_open = no_record;
	c->s = sync_new(&set);
	sync_tick(c->s, SEC, WALL);
	configure(c->s, 0, 1);
	sync_index_begin(c->s);
	sync_index_complete(c->s);
}

static void
unplug(struct wires *w, size_t a, size_t b)
{
	if (!w->is_up[a][b])
		return;
	w->is_up[a][b] = w->is_up[b][a] = false;
	sync_disconnected(w->core[a].s, conn_of(a, b));
	sync_disconnected(w->core[b].s, conn_of(b, a));
}

static void
plug(struct wires *w, size_t a, size_t b)
{
	w->is_up[a][b] = w->is_up[b][a] = true;
	sync_connected(w->core[a].s, conn_of(a, b), &w->core[b].id, true, NULL);
	sync_connected(
	    w->core[b].s, conn_of(b, a), &w->core[a].id, false, NULL);
}

static void
make_entry(struct entry *e, const char *name)
{
	memset(e, 0, sizeof(*e));
	strcpy(e->name, name);
	e->kind = ENTRY_DELETE;
	SHA256((const uint8_t *)"", 0, e->sha256);
	e->signed_at_ns = WALL - SEC;
}

/* The store takes every tombstone, and wants the content of files. */
static void
do_actions(struct wires *w, size_t i)
{
	struct sync *s = w->core[i].s;
	struct sync_action a;

	while (sync_next(s, &a)) {
		if (a.type == SYNC_JUDGE) {
			struct entry e = *a.entry;

			if (e.signed_at_ns > WALL + w->now_ns) {
				sync_judged(
				    s, a.id, VERDICT_SIGNED_IN_FUTURE, 0);
				continue;
			}

			if (e.kind == ENTRY_FILE) {
				sync_judged(s, a.id, VERDICT_FETCH, 7);
				continue;
			}
			sync_judged(s, a.id, VERDICT_CREATED, 0);
			sync_store_entry(s, &e, false, NULL, 0);
		} else if (a.type == SYNC_FETCH_START) {
			w->core[i].fetch_id = a.id;
			w->core[i].n_fetches++;
		} else if (a.type == SYNC_FETCH_CANCEL) {
			w->core[i].n_cancelled++;
		} else if (a.type == SYNC_CLOSE) {
			for (size_t k = 0; k < CORES; k++)
				if (a.conn == conn_of(i, k))
					unplug(w, i, k);
		}
	}
}

static void
carry(struct wires *w, size_t from, size_t to)
{
	static uint8_t buf[SYNC_PULL_MIN];
	size_t n;

	while (w->is_up[from][to] &&
	       (n = sync_pull(
		    w->core[from].s, conn_of(from, to), buf, sizeof(buf))) > 0)
		sync_recv(w->core[to].s, conn_of(to, from), buf, n);
}

static void
run_for(struct wires *w, uint64_t ns)
{
	uint64_t end_ns = w->now_ns + ns;

	for (; w->now_ns < end_ns; w->now_ns += SEC / 50)
		for (size_t i = 0; i < CORES; i++) {
			sync_tick(w->core[i].s, w->now_ns, WALL + w->now_ns);
			for (size_t k = 0; k < CORES; k++)
				carry(w, i, k);
			do_actions(w, i);
		}
}

static struct sync_peer_info
view(struct wires *w, size_t from, size_t to)
{
	struct sync_peer_info info;
	size_t cursor = 0;

	while (sync_peers(w->core[from].s, &cursor, &info))
		if (peer_id_equal(&info.peer, &w->core[to].id))
			return info;
	fail_msg("%zu does not know %zu", from, to);
	return info;
}

static struct sync_stats
stats_of(const struct wires *w, size_t i)
{
	struct sync_stats stats;

	sync_stats(w->core[i].s, &stats);
	return stats;
}

static int
setup(void **state)
{
	struct wires *w = calloc(1, sizeof(*w));

	for (size_t i = 0; i < CORES; i++)
		core_new(&w->core[i], (uint8_t)(i + 1));
	w->now_ns = SEC;
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct wires *w = *state;

	for (size_t i = 0; i < CORES; i++)
		sync_free(w->core[i].s);
	free(w);
	return 0;
}

static void
test_equal_from_the_start(void **state)
{
	struct wires *w = *state;

	plug(w, 0, 1);
	run_for(w, SEC);
	assert_true(view(w, 0, 1).is_synced);
	assert_true(view(w, 1, 0).is_synced);
}

/* The interval is an hour: it must not take that long to be seen. */
static void
become_equal(struct wires *w, size_t entries_of_0, size_t entries_of_1)
{
	struct entry e;
	char name[16];

	for (size_t i = 0; i < entries_of_0 + entries_of_1; i++) {
		snprintf(name, sizeof(name), "f/%zu", i);
		make_entry(&e, name);
		sync_store_entry(
		    w->core[i < entries_of_0 ? 0 : 1].s, &e, false, NULL, 0);
	}
	plug(w, 0, 1);
	run_for(w, 10 * SEC);
	for (size_t i = 0; i < 2; i++) {
		assert_true(view(w, i, 1 - i).is_synced);
		assert_int_equal(
		    view(w, i, 1 - i).count, entries_of_0 + entries_of_1);
		assert_int_equal(sync_index_count(w->core[i].s),
		    entries_of_0 + entries_of_1);
	}
}

static void
test_one_entry(void **state)
{
	become_equal(*state, 1, 0);
}

static void
test_one_entry_there(void **state)
{
	become_equal(*state, 0, 1);
}

static void
test_many_entries(void **state)
{
	become_equal(*state, 150, 120);
}

/* Our clock is behind, or theirs ahead: people have to be told. */
static void
test_signed_in_our_future(void **state)
{
	struct wires *w = *state;
	struct entry e;

	make_entry(&e, "f/early");
	e.signed_at_ns = WALL + 60 * SEC;
	sync_store_entry(w->core[1].s, &e, false, NULL, 0);
	plug(w, 0, 1);
	plug(w, 0, 2);
	run_for(w, 10 * SEC);
	assert_int_equal(stats_of(w, 0).peers_ahead, 1);
	assert_int_equal(stats_of(w, 1).peers_ahead, 0);
	assert_int_equal(stats_of(w, 2).peers_ahead, 0);
	unplug(w, 0, 1);
	run_for(w, SEC);
	assert_int_equal(stats_of(w, 0).peers_ahead, 0);
	/* it is not asked for again, and yet told again */
	plug(w, 0, 1);
	run_for(w, 10 * SEC);
	assert_int_equal(stats_of(w, 0).peers_ahead, 1);
	/* the next walk, after an interval, finds that its time has come */
	run_for(w, 4600 * SEC);
	assert_int_equal(stats_of(w, 0).peers_ahead, 0);
	assert_int_equal(sync_index_count(w->core[0].s), 1);
}

static void
test_max_peers_of_a_reload(void **state)
{
	struct wires *w = *state;

	plug(w, 1, 0);
	plug(w, 2, 0);
	plug(w, 3, 0);
	run_for(w, 3 * SEC);
	assert_int_equal(stats_of(w, 0).conns_up, 3);
	configure(w->core[0].s, 2, 2);
	run_for(w, 3 * SEC);
	assert_int_equal(stats_of(w, 0).conns_up, 2);
	assert_false(w->is_up[3][0]); /* the newest went */
	plug(w, 3, 0);
	run_for(w, 5 * SEC);
	assert_int_equal(stats_of(w, 0).conns_up, 2);
	configure(w->core[0].s, 3, 3);
	plug(w, 3, 0);
	run_for(w, 5 * SEC);
	assert_int_equal(stats_of(w, 0).conns_up, 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* All content has come, and our own disk takes a minute for it: that is no
 * reason to fetch it again, from whomever. */
static void
test_slow_disk(void **state)
{
	struct wires *w = *state;
	struct core *c = &w->core[2];
	struct entry e;

	make_entry(&e, "f/large");
	e.kind = ENTRY_FILE;
	e.size = 900;
	plug(w, 0, 2);
	plug(w, 1, 2);
	run_for(w, SEC);
	sync_store_entry(w->core[0].s, &e, true, NULL, 0);
	sync_store_entry(w->core[1].s, &e, true, NULL, 0);
	while (c->n_fetches == 0)
		run_for(w, SEC / 10);
	sync_fetch_progress(c->s, c->fetch_id, 0);
	sync_fetch_progress(c->s, c->fetch_id, 900);
	run_for(w, 60 * SEC);
	assert_int_equal(c->n_fetches, 1);
	assert_int_equal(c->n_cancelled, 0);
	sync_fetch_done(c->s, c->fetch_id, SYNC_FETCH_PUT, VERDICT_CREATED);
	sync_store_entry(c->s, &e, false, NULL, 0);
	run_for(w, SEC);
	assert_int_equal(c->n_fetches, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_equal_from_the_start),
	    TEST(test_one_entry),
	    TEST(test_one_entry_there),
	    TEST(test_many_entries),
	    TEST(test_signed_in_our_future),
	    TEST(test_max_peers_of_a_reload),
	    TEST(test_slow_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
