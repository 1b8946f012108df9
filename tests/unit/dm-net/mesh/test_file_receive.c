/* SPDX-License-Identifier: ISC */
/* Content from a peer to the store: what is stored, what is given up, and that
 * nothing the peer or the store does leaves anything behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-net/libp2p/yamux.h"
#include "tests/double/mesh_node.h"

#define LARGE 300000

static int
setup(void **state)
{
	log_set_level(LOG_L_ERROR);
	*state = mesh_node_new();
	return 0;
}

static int
teardown(void **state)
{
	mesh_node_free(*state);
	return 0;
}

static void
announce_one(
    struct mesh_node *n, const char *name, uint64_t signed_at_ns, size_t size)
{
	struct entry e;

	node_entry(&e, name, signed_at_ns, size);
	peer_announce(n, &e, 1);
}

/* The content that node_store expects of an entry signed at that time. */
static void
write_body(struct mesh_node *n, size_t stream, uint64_t signed_at_ns,
    size_t offset, size_t len)
{
	uint8_t *body = malloc(len + 1);

	node_content(body, offset, len, (unsigned)(signed_at_ns % 251));
	peer_write(n, stream, body, len);
	free(body);
}

static struct file_request request;

static bool
is_asked(struct mesh_node *n)
{
	return peer_request(n, 0, &request);
}

static bool
is_asked_again(struct mesh_node *n)
{
	return peer_request(n, 1, &request);
}

static void
ask_for(struct mesh_node *n, const char *name, uint64_t at, size_t size)
{
	announce_one(n, name, at, size);
	assert_true(mesh_node_until(n, is_asked));
}

static bool
is_one_stored(struct mesh_node *n)
{
	return n->store.stored == 1;
}

static bool
is_second_stored(struct mesh_node *n)
{
	return n->store.stored == 2;
}

static bool
is_one_begun(struct mesh_node *n)
{
	return n->store.begun == 1;
}

static bool
is_one_aborted(struct mesh_node *n)
{
	return n->store.aborted == 1;
}

static bool
is_twenty_stored(struct mesh_node *n)
{
	return n->store.stored == 20;
}

static struct sync_stats
stats_of(struct mesh_node *n)
{
	struct sync_stats s;

	sync_stats(mesh_sync(n->mesh), &s);
	return s;
}

static bool
is_idle(struct mesh_node *n)
{
	return stats_of(n).fetching == 0;
}

static bool
is_fetching_all(struct mesh_node *n)
{
	return stats_of(n).fetching == 16;
}

static bool
is_half_here(struct mesh_node *n)
{
	return n->store.received >= LARGE / 4;
}

static bool
is_hung_up(struct mesh_node *n)
{
	struct sync_stats s;

	sync_stats(mesh_sync(n->mesh), &s);
	return s.conns == 0;
}

/* Nothing is fetched. */
static bool
is_quiet(struct mesh_node *n)
{
	return stats_of(n).fetching == 0;
}

static void
test_small_files_share_a_stream(void **state)
{
	struct mesh_node *n = *state;
	struct entry e[80];
	char name[16];
	size_t asked = 0;

	for (size_t i = 0; i < 80; i++) {
		snprintf(name, sizeof(name), "f/%zu", i);
		node_entry(&e[i], name, 1000 + i, i);
	}
	peer_announce(n, e, 80);
	while (mesh_node_until(n, is_asked)) {
		/* nothing is answered before the pipeline is full */
		if (++asked == FILE_ASKED_MAX)
			break;
	}
	mesh_node_turn(n);
	assert_false(is_asked(n));
	for (size_t i = 0; i < 80; i++) {
		/* the order of requests is the mesh's; ours is that of keys */
		if (i >= FILE_ASKED_MAX)
			assert_true(mesh_node_until(n, is_asked));
		peer_answer(n, 0, FILE_GONE, 0);
	}
	assert_int_equal(n->peer.n_streams, 1);
	assert_true(mesh_node_until(n, is_quiet));
	assert_int_equal(n->store.begun, 0);
}

/* Answers each request of stream 0 with the file that it asks for. */
static bool
serve_all(struct mesh_node *n)
{
	struct entry_rank rank;

	while (peer_request(n, 0, &request))
		for (size_t i = 0; i < n->store.n_tickets; i++) {
			const struct entry *e = &n->store.tickets[i];

			entry_rank(e, &rank);
			if (memcmp(rank.version, request.version, 32) != 0)
				continue;
			peer_answer(n, 0, FILE_OK, e->size);
			write_body(n, 0, e->signed_at_ns, 0, (size_t)e->size);
			break;
		}
	return is_twenty_stored(n);
}

static void
test_small_files_are_stored(void **state)
{
	struct mesh_node *n = *state;
	struct entry e[20];
	char name[16];

	for (size_t i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "f/%zu", i);
		node_entry(&e[i], name, 1000 + i, i * 3000);
	}
	peer_announce(n, e, 20);
	assert_true(mesh_node_until(n, serve_all));
	assert_int_equal(n->peer.n_streams, 1);
	assert_false(n->store.is_content_wrong);
	assert_int_equal(stats_of(n).fetches_failed, 0);
	assert_int_equal(stats_of(n).wanted, 0);
	assert_int_equal(sync_index_count(mesh_sync(n->mesh)), 20);
}

static void
test_large_file_waits_for_credit(void **state)
{
	struct mesh_node *n = *state;

	n->store.gives_no_credit = true;
	ask_for(n, "f/large", 5, LARGE);
	peer_answer(n, 0, FILE_OK, LARGE);
	write_body(n, 0, 5, 0, LARGE);
	for (int i = 0; i < 20; i++)
		mesh_node_turn(n);
	assert_int_equal(n->store.received, 0);
	mesh_node_credit(n);
	assert_true(mesh_node_until(n, is_one_stored));
	assert_false(n->store.is_content_wrong);
}

/* A small one waits in its stream until all of it is there. */
static void
test_small_file_in_pieces(void **state)
{
	struct mesh_node *n = *state;

	ask_for(n, "f/a", 1, 3000);
	peer_answer(n, 0, FILE_OK, 3000);
	for (size_t at = 0; at < 3000; at += 1000) {
		assert_int_equal(n->store.begun, 0);
		write_body(n, 0, 1, at, 1000);
		for (int i = 0; i < 20; i++)
			mesh_node_turn(n);
	}
	assert_true(mesh_node_until(n, is_one_stored));
	assert_false(n->store.is_content_wrong);
	assert_int_equal(n->store.received, 3000);
}

static void
test_empty_small_file(void **state)
{
	struct mesh_node *n = *state;

	ask_for(n, "f/a", 1, 0);
	peer_answer(n, 0, FILE_OK, 0);
	assert_true(mesh_node_until(n, is_one_stored));
}

static void
announce_whole(struct mesh_node *n, uint64_t signed_at_ns, size_t size)
{
	struct entry e;

	node_entry(&e, "f/a", signed_at_ns, size);
	peer_announce_whole(n, &e);
}

/* It goes to the store in one message, which waits for no credit. */
static void
test_content_with_its_announcement(void **state)
{
	struct mesh_node *n = *state;

	announce_whole(n, 1, 0);
	assert_true(mesh_node_until(n, is_one_stored));
	announce_whole(n, 2, IPC_INLINE_MAX);
	assert_true(mesh_node_until(n, is_second_stored));
	assert_true(mesh_node_until(n, is_idle));
	assert_true(n->store.puts[0].is_whole);
	assert_false(n->store.is_content_wrong);
	assert_int_equal(n->store.received, IPC_INLINE_MAX);
	/* nothing was asked of the peer */
	assert_int_equal(n->peer.n_streams, 0);
}

/* What the store refuses is not fetched either. */
static void
test_store_refuses_content_with_its_announcement(void **state)
{
	struct mesh_node *n = *state;

	n->store.refuse_at = 1;
	announce_whole(n, 1, 10);
	assert_true(mesh_node_until(n, is_one_begun));
	for (int i = 0; i < 20; i++)
		mesh_node_turn(n);
	assert_int_equal(stats_of(n).wanted, 0);
	assert_int_equal(n->peer.n_streams, 0);
	/* another version is as welcome as before */
	n->store.refuse_at = 0;
	announce_whole(n, 2, 10);
	assert_true(mesh_node_until(n, is_one_stored));
}

static void
test_gone(void **state)
{
	struct mesh_node *n = *state;

	ask_for(n, "f/a", 1, 10);
	peer_answer(n, 0, FILE_GONE, 0);
	assert_true(mesh_node_until(n, is_quiet));
	/* the stream is as good as before */
	ask_for(n, "f/b", 2, 10);
	peer_answer(n, 0, FILE_OK, 10);
	write_body(n, 0, 2, 0, 10);
	assert_true(mesh_node_until(n, is_one_stored));
	assert_int_equal(n->peer.n_streams, 1);
}

static void
test_busy_is_asked_again(void **state)
{
	struct mesh_node *n = *state;

	ask_for(n, "f/a", 1, 10);
	peer_answer(n, 0, FILE_BUSY, 0);
	assert_true(mesh_node_until(n, is_asked));
	peer_answer(n, 0, FILE_OK, 10);
	write_body(n, 0, 1, 0, 10);
	assert_true(mesh_node_until(n, is_one_stored));
}

static void
test_wrong_size_is_hostile(void **state)
{
	struct mesh_node *n = *state;

	ask_for(n, "f/a", 1, 10);
	peer_answer(n, 0, FILE_OK, 11);
	assert_true(mesh_node_until(n, is_hung_up));
	assert_int_equal(stats_of(n).hostile, 1);
	assert_int_equal(n->store.begun, 0);
}

static void
test_store_refuses_within_a_body(void **state)
{
	struct mesh_node *n = *state;

	n->store.refuse_at = 1;
	ask_for(n, "f/a", 1, 50000);
	peer_answer(n, 0, FILE_OK, 50000);
	write_body(n, 0, 1, 0, 20000);
	assert_true(mesh_node_until(n, is_idle));
	/* the rest of it is dropped, and the next one found behind it */
	n->store.refuse_at = 0;
	ask_for(n, "f/b", 2, 10);
	write_body(n, 0, 1, 20000, 30000);
	peer_answer(n, 0, FILE_OK, 10);
	write_body(n, 0, 2, 0, 10);
	assert_true(mesh_node_until(n, is_one_stored));
	assert_false(n->store.is_content_wrong);
	assert_int_equal(n->peer.n_streams, 1);
}

static void
test_newer_version_takes_its_place(void **state)
{
	struct mesh_node *n = *state;

	ask_for(n, "f/a", 1, 50000);
	peer_answer(n, 0, FILE_OK, 50000);
	write_body(n, 0, 1, 0, 20000);
	mesh_node_turn(n);
	ask_for(n, "f/a", 2, 10);
	assert_int_equal(n->store.aborted, 1);
	write_body(n, 0, 1, 20000, 30000);
	peer_answer(n, 0, FILE_OK, 10);
	write_body(n, 0, 2, 0, 10);
	assert_true(mesh_node_until(n, is_one_stored));
	assert_false(n->store.is_content_wrong);
}

static void
test_newer_version_resets_a_large_one(void **state)
{
	struct mesh_node *n = *state;

	ask_for(n, "f/a", 1, LARGE);
	peer_answer(n, 0, FILE_OK, LARGE);
	write_body(n, 0, 1, 0, LARGE / 2);
	assert_true(mesh_node_until(n, is_half_here));
	announce_one(n, "f/a", 2, LARGE);
	assert_true(mesh_node_until(n, is_asked_again));
	assert_true(n->peer.streams[0].is_closed);
	peer_answer(n, 1, FILE_OK, LARGE);
	write_body(n, 1, 2, 0, LARGE);
	assert_true(mesh_node_until(n, is_one_stored));
	assert_false(n->store.is_content_wrong);
}

static void
test_store_lost_within_a_body(void **state)
{
	struct mesh_node *n = *state;

	ask_for(n, "f/a", 1, 50000);
	peer_answer(n, 0, FILE_OK, 50000);
	write_body(n, 0, 1, 0, 20000);
	for (int i = 0; i < 10; i++)
		mesh_node_turn(n);
	mesh_node_stop_store(n);
	assert_int_equal(stats_of(n).fetching, 0);
	write_body(n, 0, 1, 20000, 30000);
	mesh_node_start_store(n);
	for (int i = 0; i < 10; i++)
		mesh_node_turn(n);
	n->store.received = 0;
	ask_for(n, "f/a", 1, 50000);
	peer_answer(n, 0, FILE_OK, 50000);
	write_body(n, 0, 1, 0, 50000);
	assert_true(mesh_node_until(n, is_one_stored));
	assert_int_equal(n->store.received, 50000);
	assert_false(n->store.is_content_wrong);
}

static void
test_store_lost_with_a_large_one(void **state)
{
	struct mesh_node *n = *state;

	ask_for(n, "f/a", 1, LARGE);
	peer_answer(n, 0, FILE_OK, LARGE);
	write_body(n, 0, 1, 0, LARGE / 2);
	assert_true(mesh_node_until(n, is_half_here));
	mesh_node_stop_store(n);
	for (int i = 0; i < 10; i++)
		mesh_node_turn(n);
	assert_true(n->peer.streams[0].is_closed);
}

static void
test_peer_gone_within_a_body(void **state)
{
	struct mesh_node *n = *state;

	ask_for(n, "f/a", 1, 50000);
	peer_answer(n, 0, FILE_OK, 50000);
	write_body(n, 0, 1, 0, 20000);
	mesh_node_turn(n);
	peer_hang_up(n);
	assert_true(mesh_node_until(n, is_hung_up));
	assert_true(mesh_node_until(n, is_one_aborted));
}

/* All came, the store has not said yet, the peer leaves: it is stored. */
static void
test_peer_gone_after_the_body(void **state)
{
	struct mesh_node *n = *state;

	ask_for(n, "f/a", 1, 10);
	peer_answer(n, 0, FILE_OK, 10);
	write_body(n, 0, 1, 0, 10);
	assert_true(mesh_node_until(n, is_one_stored));
	peer_hang_up(n);
	assert_true(mesh_node_until(n, is_hung_up));
	assert_int_equal(n->store.aborted, 0);
	assert_int_equal(sync_index_count(mesh_sync(n->mesh)), 1);
}

/* The window of its stream, but for what the negotiation took. */
static bool
is_window_full(const struct mesh_node *n)
{
	return n->peer.n_streams > 0 &&
	       n->peer.streams[0].unread >= YAMUX_WINDOW_INITIAL - 64;
}

/* False: it asks no more, which it has no reason for before that. */
static bool
does_fetch_all(struct mesh_node *n)
{
	if (!is_window_full(n))
		return mesh_node_until(n, is_fetching_all);
	for (int i = 0; i < 300 && !is_fetching_all(n); i++) {
		mesh_node_turn(n);
		poll(NULL, 0, 1);
	}
	return is_fetching_all(n);
}

/*
 * A peer that reads nothing of a stream but answers on it: what cannot be sent
 * waits in a buffer of a fixed size.
 */
static void
test_answers_to_what_was_not_read(void **state)
{
	struct mesh_node *n = *state;
	struct entry e[16];
	char name[16];

	n->peer.all_deaf = true;
	/* more than the window of a stream takes */
	for (uint64_t i = 1; i <= 400; i++) {
		for (size_t k = 0; k < 16; k++) {
			snprintf(name, sizeof(name), "f/%zu", k);
			node_entry(&e[k], name, i, 10);
		}
		peer_announce(n, e, 16);
		if (!does_fetch_all(n))
			break; /* it does not ask any more */
		for (size_t k = 0; k < 16; k++)
			peer_answer(n, 0, FILE_GONE, 0);
		assert_true(mesh_node_until(n, is_idle));
		assert_int_equal(n->peer.n_streams, 1);
	}
	assert_true(stats_of(n).fetches > 4000);
	assert_true(is_window_full(n));
}

/* The peer says all in pieces, each in a frame of its own: byte by byte what is
 * short, the rest in some odd number. */
static int
setup_bytes(void **state)
{
	struct mesh_node *n;

	setup(state);
	n = *state;
	n->peer.cut = 1;
	return 0;
}

static int
setup_pieces(void **state)
{
	struct mesh_node *n;

	setup(state);
	n = *state;
	n->peer.cut = 211;
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define BYTES(f)                                             \
	{                                                    \
#f ", bytes", f, setup_bytes, teardown, NULL \
	}
#define PIECES(f)                                              \
	{                                                      \
#f ", pieces", f, setup_pieces, teardown, NULL \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_small_files_share_a_stream),
	    TEST(test_small_files_are_stored),
	    TEST(test_large_file_waits_for_credit),
	    TEST(test_small_file_in_pieces),
	    TEST(test_empty_small_file),
	    TEST(test_content_with_its_announcement),
	    TEST(test_store_refuses_content_with_its_announcement),
	    TEST(test_gone),
	    TEST(test_busy_is_asked_again),
	    TEST(test_wrong_size_is_hostile),
	    TEST(test_store_refuses_within_a_body),
	    TEST(test_newer_version_takes_its_place),
	    TEST(test_newer_version_resets_a_large_one),
	    TEST(test_store_lost_within_a_body),
	    TEST(test_store_lost_with_a_large_one),
	    TEST(test_peer_gone_within_a_body),
	    TEST(test_peer_gone_after_the_body),
	    TEST(test_answers_to_what_was_not_read),
	    PIECES(test_small_files_share_a_stream),
	    PIECES(test_small_files_are_stored),
	    BYTES(test_gone),
	    BYTES(test_busy_is_asked_again),
	    BYTES(test_wrong_size_is_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
