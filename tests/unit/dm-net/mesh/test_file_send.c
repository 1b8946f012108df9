/* SPDX-License-Identifier: ISC */
/* Content to a peer: what it gets for what it asks, and that a store which is
 * slow, wrong or away and a peer which leaves do no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/name.h"
#include "tests/double/mesh_node.h"

static int
setup(void **state)
{
	log_set_level(LOG_L_FATAL);
	*state = mesh_node_new();
	return 0;
}

static int
teardown(void **state)
{
	mesh_node_free(*state);
	return 0;
}

static size_t
count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* The next answer on stream i; false: not whole yet. */
static bool
next_answer(
    struct mesh_node *n, size_t i, struct file_answer *a, const uint8_t **body)
{
	struct peer_stream *ps = &n->peer.streams[i];
	const uint8_t *p = ps->in + ps->taken;
	ssize_t head;

	if (ps->in_len == ps->taken)
		return false;
	head = file_answer_decode(a, p, ps->in_len - ps->taken);
	assert_true(head >= 0);
	if (head == 0 || ps->in_len - ps->taken - (size_t)head < a->size)
		return false;
	*body = p + head;
	ps->taken += (size_t)head + (size_t)a->size;
	return true;
}

static struct file_answer answer;
static const uint8_t *body;

static bool
is_answered(struct mesh_node *n)
{
	return next_answer(n, 0, &answer, &body);
}

/* An answer to an offset at the end: a head and no byte. */
static bool
is_quiet_head(struct mesh_node *n)
{
	struct peer_stream *ps = &n->peer.streams[0];
	ssize_t head = 0;

	if (ps->in_len > ps->taken)
		head = file_answer_decode(
		    &answer, ps->in + ps->taken, ps->in_len - ps->taken);
	assert_true(head >= 0);
	ps->taken += (size_t)head;
	return head > 0;
}

static bool
is_being_opened(struct mesh_node *n)
{
	return n->store.opened == 1;
}

static bool
is_reset(struct mesh_node *n)
{
	return n->peer.streams[0].is_closed;
}

static void
assert_content(const struct entry *e)
{
	uint8_t *expected = malloc((size_t)e->size + 1);

	assert_int_equal(answer.status, FILE_OK);
	assert_int_equal(answer.size, e->size);
	node_content(
	    expected, 0, (size_t)e->size, (unsigned)(e->signed_at_ns % 251));
	assert_memory_equal(expected, body, (size_t)e->size);
	free(expected);
}

static void
test_answers_in_order(void **state)
{
	struct mesh_node *n = *state;
	struct entry e, other;

	node_entry(&e, "f/a", 3, 200000);
	node_entry(&other, "f/none", 3, 10);
	node_has(n, &e);
	peer_open(n, false);
	peer_ask(n, 0, &e);
	peer_ask(n, 0, &other);
	peer_ask(n, 0, &e);
	assert_true(mesh_node_until(n, is_answered));
	assert_content(&e);
	assert_true(mesh_node_until(n, is_answered));
	assert_int_equal(answer.status, FILE_GONE);
	assert_true(mesh_node_until(n, is_answered));
	assert_content(&e);
}

static void
test_empty_file(void **state)
{
	struct mesh_node *n = *state;
	struct entry e;

	node_entry(&e, "f/empty", 3, 0);
	node_has(n, &e);
	peer_open(n, false);
	peer_ask(n, 0, &e);
	assert_true(mesh_node_until(n, is_answered));
	assert_content(&e);
}

static void
test_store_has_lost_it(void **state)
{
	struct mesh_node *n = *state;
	struct entry e;

	n->store.has_nothing = true;
	node_entry(&e, "f/a", 3, 10);
	node_has(n, &e);
	peer_open(n, false);
	peer_ask(n, 0, &e);
	assert_true(mesh_node_until(n, is_answered));
	assert_int_equal(answer.status, FILE_GONE);
}

static void
test_file_shorter_than_signed(void **state)
{
	struct mesh_node *n = *state;
	size_t before = count_descriptors();
	struct entry e;

	n->store.cut = 1;
	node_entry(&e, "f/a", 3, 10);
	node_has(n, &e);
	peer_open(n, false);
	peer_ask(n, 0, &e);
	assert_true(mesh_node_until(n, is_answered));
	assert_int_equal(answer.status, FILE_GONE);
	assert_int_equal(count_descriptors(), before);
}

static void
test_store_away(void **state)
{
	struct mesh_node *n = *state;
	struct entry e;

	node_entry(&e, "f/a", 3, 10);
	node_has(n, &e);
	n->store.opens_nothing = true;
	peer_open(n, false);
	peer_ask(n, 0, &e);
	assert_true(mesh_node_until(n, is_being_opened));
	mesh_node_stop_store(n); /* while it is asked, */
	assert_true(mesh_node_until(n, is_answered));
	assert_int_equal(answer.status, FILE_BUSY);
	peer_ask(n, 0, &e); /* and before */
	assert_true(mesh_node_until(n, is_answered));
	assert_int_equal(answer.status, FILE_BUSY);
}

static void
test_stream_gone_while_opening(void **state)
{
	struct mesh_node *n = *state;
	struct entry e;
	size_t before;

	node_entry(&e, "f/a", 3, 10);
	node_has(n, &e);
	n->store.opens_nothing = true;
	peer_open(n, false);
	peer_ask(n, 0, &e);
	assert_true(mesh_node_until(n, is_being_opened));
	before = count_descriptors();
	peer_reset(n, 0);
	for (int i = 0; i < 10; i++)
		mesh_node_turn(n);
	mesh_node_open(n); /* too late: the descriptor is closed */
	for (int i = 0; i < 10; i++)
		mesh_node_turn(n);
	assert_int_equal(count_descriptors(), before);
	assert_true(store_client_is_up(n->link));
}

static void
test_malformed_request(void **state)
{
	struct mesh_node *n = *state;

	peer_open(n, false);
	peer_write(n, 0, "\x02\xc0\xc0", 3);
	assert_true(mesh_node_until(n, is_reset));
	assert_int_equal(n->peer.streams[0].end, P2P_END_RESET);
}

static void
test_offset_beyond_the_end(void **state)
{
	struct mesh_node *n = *state;
	struct file_request r = {.offset = 11};
	uint8_t head[FILE_HEAD_MAX];
	struct sync_row row;
	struct entry e;

	node_entry(&e, "f/a", 3, 10);
	node_has(n, &e);
	name_key(e.name, r.key);
	assert_true(sync_lookup(mesh_sync(n->mesh), r.key, &row));
	memcpy(r.version, row.rank.version, sizeof(r.version));
	peer_open(n, false);
	peer_write(n, 0, head, file_request_encode(&r, head));
	assert_true(mesh_node_until(n, is_answered));
	assert_int_equal(answer.status, FILE_BAD_OFFSET);
	r.offset = 10;
	peer_write(n, 0, head, file_request_encode(&r, head));
	peer_ask(n, 0, &e);
	assert_true(mesh_node_until(n, is_quiet_head));
	assert_int_equal(answer.status, FILE_OK);
	assert_true(mesh_node_until(n, is_answered));
	assert_content(&e);
}

/* One that asks and does not take does not have files open without end. */
static void
test_open_files_of_a_peer(void **state)
{
	struct mesh_node *n = *state;
	size_t before = count_descriptors();
	struct entry e;

	node_entry(&e, "f/a", 3, 60000);
	node_has(n, &e);
	for (size_t i = 0; i < 4; i++) {
		peer_open(n, true);
		for (size_t k = 0; k < FILE_PIPELINE_MAX; k++)
			peer_ask(n, i, &e);
	}
	for (int i = 0; i < 100; i++)
		mesh_node_turn(n);
	assert_true(count_descriptors() <= before + 32);
	/* those that did fit in the window made room for some others */
	assert_true(n->store.opened < 4 * FILE_PIPELINE_MAX);
	for (size_t i = 0; i < 4; i++)
		peer_reset(n, i);
	for (int i = 0; i < 10; i++)
		mesh_node_turn(n);
	assert_int_equal(count_descriptors(), before);
}

/* Asks for more and takes nothing. */
static void
ask_many(struct mesh_node *n, size_t i, const struct entry *e, int count)
{
	while (count-- > 0)
		peer_ask(n, i, e);
	for (int k = 0; k < 100; k++)
		mesh_node_turn(n);
}

/* As many as our own kind sends ahead may wait; not any number. */
static void
test_requests_that_wait(void **state)
{
	struct mesh_node *n = *state;
	struct entry e;

	node_entry(&e, "f/a", 3, 300000);
	node_has(n, &e);
	peer_open(n, true);
	ask_many(n, 0, &e, FILE_PIPELINE_MAX + FILE_ASKED_MAX);
	assert_false(is_reset(n));
	ask_many(n, 0, &e, FILE_ASKED_MAX * FILE_HEAD_MAX / 50);
	assert_true(is_reset(n));
	assert_int_equal(n->peer.streams[0].end, P2P_END_RESET);
}

/* The peer says all byte by byte, each in a frame of its own. */
static int
setup_cut(void **state)
{
	struct mesh_node *n;

	setup(state);
	n = *state;
	n->peer.cut = 1;
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define CUT(f)                                           \
	{                                                \
#f ", cut", f, setup_cut, teardown, NULL \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_answers_in_order),
	    TEST(test_empty_file),
	    TEST(test_store_has_lost_it),
	    TEST(test_file_shorter_than_signed),
	    TEST(test_store_away),
	    TEST(test_stream_gone_while_opening),
	    TEST(test_malformed_request),
	    TEST(test_offset_beyond_the_end),
	    TEST(test_open_files_of_a_peer),
	    TEST(test_requests_that_wait),
	    CUT(test_answers_in_order),
	    CUT(test_empty_file),
	    CUT(test_malformed_request),
	    CUT(test_offset_beyond_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
