/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/ipc.h"
#include "common/name.h"
#include "dm-net/store/store_client.h"
#include "tests/double/http_node.h"

struct seen {
	unsigned calls;
	enum verdict verdict;
	uint64_t number;
	size_t credit;
	unsigned rows;
	bool more;
	bool has_entry;
	char last[NAME_LEN_MAX + 1];
	char content[16];
};

static void
judged(void *ctx, enum verdict v, uint64_t ticket, uint64_t held_ns)
{
	struct seen *seen = ctx;

	seen->calls++;
	seen->verdict = v;
	seen->number = ticket;
}

static void
opened(void *ctx, enum verdict v, const struct entry *e, int fd)
{
	struct seen *seen = ctx;

	seen->calls++;
	seen->verdict = v;
	seen->has_entry = e != NULL;
	if (fd != -1) {
		assert_true(pread(fd, seen->content, 15, 0) >= 0);
		close(fd);
	}
}

static void
entry_read(void *ctx, enum verdict v, const struct entry *e)
{
	opened(ctx, v, e, -1);
}

static void
row(void *ctx, const struct entry *e)
{
	struct seen *seen = ctx;

	seen->rows++;
	strcpy(seen->last, e->name);
}

static void
end(void *ctx, enum verdict v, bool more)
{
	struct seen *seen = ctx;

	seen->calls++;
	seen->verdict = v;
	seen->more = more;
}

static void
credit(void *ctx, size_t bytes)
{
	((struct seen *)ctx)->credit = bytes;
}

static void
done(void *ctx, enum verdict v, uint64_t held_ns)
{
	struct seen *seen = ctx;

	seen->calls++;
	seen->verdict = v;
	seen->number = held_ns;
}

static int
setup(void **state)
{
	*state = http_node_new();
	return 0;
}

static int
teardown(void **state)
{
	http_node_free(*state);
	return 0;
}

static void
test_judge(void **state)
{
	struct http_node *n = *state;
	struct seen seen = {0};
	struct entry e;

	fake_entry(&e, ENTRY_FILE, "a", 1, "x", 1, 1);
	assert_int_equal(
	    store_judge(n->link, &e, "", judged, &seen, NULL), VERDICT_OK);
	assert_int_equal(seen.calls, 0);
	http_node_run(n);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.verdict, VERDICT_FETCH);
	assert_int_equal(seen.number, 99);
}

static void
test_open(void **state)
{
	struct http_node *n = *state;
	struct seen seen = {0}, absent = {0}, read = {0};
	uint8_t key[16];
	struct entry e;

	fake_entry(&e, ENTRY_FILE, "a", 1, "content", 7, 1);
	fake_store_set(n->store, &e, "content");
	name_key("a", key);
	store_open(n->link, key, NULL, opened, &seen, NULL);
	store_read_entry(n->link, key, entry_read, &read, NULL);
	name_key("b", key);
	store_open(n->link, key, NULL, opened, &absent, NULL);
	http_node_run(n);
	assert_int_equal(seen.verdict, VERDICT_OK);
	assert_true(seen.has_entry);
	assert_string_equal(seen.content, "content");
	assert_int_equal(read.verdict, VERDICT_OK);
	assert_true(read.has_entry);
	assert_int_equal(absent.verdict, VERDICT_NOT_FOUND);
	assert_false(absent.has_entry);
}

/* A file on disk that is not as long as was signed is not handed on. */
static void
test_open_wrong_size(void **state)
{
	struct http_node *n = *state;
	struct seen seen = {0};
	uint8_t key[16];
	struct entry e;

	fake_entry(&e, ENTRY_FILE, "a", 1, "content", 7, 1);
	fake_store_set(n->store, &e, "content");
	n->store->cut = 1;
	name_key("a", key);
	store_open(n->link, key, NULL, opened, &seen, NULL);
	http_node_run(n);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.verdict, VERDICT_IO_ERROR);
	assert_string_equal(seen.content, "");
}

static void
test_list(void **state)
{
	struct http_node *n = *state;
	struct seen seen = {0};
	struct store_list_owner owner = {row, end, &seen};
	struct entry e;

	for (int i = 0; i < 5; i++) {
		char name[3] = {'n', (char)('a' + i), '\0'};

		fake_entry(&e, ENTRY_FILE, name, 1, "", 0, 1);
		fake_store_set(n->store, &e, "");
	}
	store_list(n->link, "n", "", 3, &owner, NULL);
	http_node_run(n);
	assert_int_equal(seen.rows, 3);
	assert_true(seen.more);
	assert_string_equal(seen.last, "nc");
	store_list(n->link, "n", seen.last, 3, &owner, NULL);
	http_node_run(n);
	assert_int_equal(seen.rows, 5);
	assert_false(seen.more);
}

/* No more than the agreed number is under way; the rest waits, then BUSY. */
static void
test_bounds(void **state)
{
	struct http_node *n = *state;
	struct seen seen = {0};
	uint8_t key[16] = {0};
	enum verdict v = VERDICT_OK;
	unsigned asked = 0;

	n->store->is_silent = true;
	while ((v = store_open(n->link, key, NULL, opened, &seen, NULL)) ==
	       VERDICT_OK)
		asked++;
	assert_int_equal(v, VERDICT_BUSY);
	assert_int_equal(asked, IPC_OPENS_MAX + STORE_LINK_QUEUE_MAX);
	for (int i = 0; i < 20; i++)
		http_node_run(n);
	assert_int_equal(n->store->opened, IPC_OPENS_MAX);
	assert_int_equal(seen.calls, 0);
	http_node_stop_store(n);
	assert_int_equal(seen.calls, asked);
	assert_int_equal(seen.verdict, VERDICT_NO_STORE);
}

static void
test_queue_drains(void **state)
{
	struct http_node *n = *state;
	struct seen seen = {0};
	uint8_t key[16] = {0};

	for (int i = 0; i < IPC_OPENS_MAX + 100; i++)
		assert_int_equal(
		    store_open(n->link, key, NULL, opened, &seen, NULL),
		    VERDICT_OK);
	for (int i = 0; i < 50; i++)
		http_node_run(n);
	assert_int_equal(seen.calls, IPC_OPENS_MAX + 100);
	assert_int_equal(seen.verdict, VERDICT_NOT_FOUND);
}

static void
test_cancel(void **state)
{
	struct http_node *n = *state;
	struct seen seen = {0};
	uint8_t key[16] = {0};
	uint64_t id;

	store_open(n->link, key, NULL, opened, &seen, &id);
	assert_true(id != 0);
	store_cancel(n->link, id);
	store_cancel(n->link, id);
	store_cancel(n->link, 0);
	http_node_run(n);
	assert_int_equal(n->store->opened, 1);
	assert_int_equal(seen.calls, 0);
	store_cancel(n->link, id);
	/* One that still waits is never sent. */
	n->store->is_silent = true;
	for (int i = 0; i < IPC_OPENS_MAX; i++)
		store_open(n->link, key, NULL, opened, &seen, NULL);
	store_open(n->link, key, NULL, opened, &seen, &id);
	store_cancel(n->link, id);
	http_node_stop_store(n);
	assert_int_equal(seen.calls, IPC_OPENS_MAX);
}

static void
test_restart(void **state)
{
	struct http_node *n = *state;
	struct seen seen = {0};
	struct store_put_owner owner = {credit, done, &seen, NULL};
	struct store_put *put;
	uint64_t epoch = store_client_epoch(n->link);
	struct entry e;

	fake_entry(&e, ENTRY_FILE, "a", 1, "x", 1, 1);
	n->store->is_stalled = true;
	assert_int_equal(
	    store_put_begin(n->link, &e, 0, true, &owner, &put), VERDICT_OK);
	assert_int_equal(store_client_puts(n->link), 1);
	http_node_stop_store(n);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.verdict, VERDICT_NO_STORE);
	assert_int_equal(store_client_puts(n->link), 0);
	assert_false(store_client_is_up(n->link));
	assert_int_equal(store_judge(n->link, &e, "", judged, &seen, NULL),
	    VERDICT_NO_STORE);
	assert_int_equal(store_put_begin(n->link, &e, 0, true, &owner, &put),
	    VERDICT_NO_STORE);
	http_node_start_store(n);
	assert_true(store_client_epoch(n->link) > epoch);
	assert_int_equal(
	    store_judge(n->link, &e, "", judged, &seen, NULL), VERDICT_OK);
	http_node_run(n);
	assert_int_equal(seen.calls, 2);
}

static void
test_put(void **state)
{
	struct http_node *n = *state;
	struct seen seen = {0};
	struct store_put_owner owner = {credit, done, &seen, NULL};
	static char content[600000];
	struct store_put *put;
	struct entry e;
	size_t sent = 0;

	memset(content, 'x', sizeof(content));
	fake_entry(&e, ENTRY_FILE, "a", 1, content, sizeof(content), 1);
	store_put_begin(n->link, &e, 0, true, &owner, &put);
	assert_int_equal(store_put_allowed(put), 0);
	while (sent < sizeof(content)) {
		size_t len = store_put_allowed(put);

		assert_true(len <= IPC_PUT_WINDOW);
		if (len > sizeof(content) - sent)
			len = sizeof(content) - sent;
		store_put_data(put, content + sent, len);
		sent += len;
		http_node_run(n);
	}
	store_put_end(put);
	http_node_run(n);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.verdict, VERDICT_CREATED);
	assert_int_equal(n->store->received, sizeof(content));
	assert_int_equal(store_client_puts(n->link), 0);
}

static void
test_put_aborted(void **state)
{
	struct http_node *n = *state;
	struct seen seen = {0};
	struct store_put_owner owner = {credit, done, &seen, NULL};
	struct store_put *put;
	struct entry e;

	fake_entry(&e, ENTRY_FILE, "a", 1, "xyz", 3, 1);
	store_put_begin(n->link, &e, 0, true, &owner, &put);
	store_put_abort(put); /* its credit is under way already */
	http_node_run(n);
	assert_int_equal(seen.calls, 0);
	assert_int_equal(seen.credit, 0);
	assert_int_equal(n->store->aborted, 1);
	assert_false(n->is_violated);
	store_put_abort(NULL);
}

static void
test_puts_bound(void **state)
{
	struct http_node *n = *state;
	static struct seen seen; /* the teardown ends the puts */
	struct store_put_owner owner = {credit, done, &seen, NULL};
	struct store_put *put;
	struct entry e;

	fake_entry(&e, ENTRY_FILE, "a", 1, "x", 1, 1);
	n->store->is_stalled = true;
	for (int i = 0; i < IPC_PUTS_MAX; i++)
		assert_int_equal(
		    store_put_begin(n->link, &e, 0, true, &owner, &put),
		    VERDICT_OK);
	assert_int_equal(
	    store_put_begin(n->link, &e, 0, true, &owner, &put), VERDICT_BUSY);
}

/* Peers order suspects, and the store says how many it takes. */
static void
test_suspects(void **state)
{
	struct http_node *n = *state;
	struct ipc_suspect_credit give = {.messages = 2};
	const uint8_t key[16] = {1}, version[32] = {2};

	for (unsigned i = 0; i < 1000; i++)
		store_suspect(n->link, key, version);
	http_node_run(n);
	assert_int_equal(n->store->suspects, IPC_SUSPECT_WINDOW);
	store_client_on_suspect_credit(n->link, &give);
	for (unsigned i = 0; i < 1000; i++)
		store_suspect(n->link, key, version);
	http_node_run(n);
	assert_int_equal(n->store->suspects, IPC_SUSPECT_WINDOW + 2);
	assert_false(n->is_violated);
	give.messages = IPC_SUSPECT_WINDOW + 1;
	store_client_on_suspect_credit(n->link, &give);
	http_node_run(n);
	assert_true(n->is_violated);
}

/* What the store may not say ends its channel, and does no harm. */
static void
test_violations(void **state)
{
	struct http_node *n = *state;
	struct ipc_verdict verdict = {.id = 12345};
	struct ipc_list_row list_row = {.id = 1};
	struct ipc_put_credit give = {.id = (uint64_t)1 << 60, .bytes = 1};
	struct seen seen = {0};
	struct store_put_owner owner = {credit, done, &seen, NULL};
	struct store_put *put;
	struct entry e;

	store_client_on_verdict(n->link, &verdict);
	http_node_run(n);
	assert_true(n->is_violated);
	n->is_violated = false;
	fake_store_free(n->store);
	http_node_start_store(n);
	store_client_on_list_row(n->link, &list_row);
	http_node_run(n);
	assert_true(n->is_violated);
	n->is_violated = false;
	fake_store_free(n->store);
	http_node_start_store(n);
	store_client_on_put_credit(n->link, &give);
	http_node_run(n);
	assert_true(n->is_violated);
	n->is_violated = false;
	fake_store_free(n->store);
	http_node_start_store(n);
	fake_entry(&e, ENTRY_FILE, "a", 1, "x", 1, 1);
	n->store->is_stalled = true;
	store_put_begin(n->link, &e, 0, true, &owner, &put);
	http_node_run(n);
	/* More credit than its window. */
	give.id = n->store->put[0].id;
	give.bytes = IPC_PUT_WINDOW + 1;
	store_client_on_put_credit(n->link, &give);
	http_node_run(n);
	assert_true(n->is_violated);
	assert_int_equal(seen.verdict, VERDICT_NO_STORE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_judge, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_open, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_open_wrong_size, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_list, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_suspects, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_queue_drains, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_put, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_put_aborted, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_puts_bound, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_violations, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
