/* SPDX-License-Identifier: ISC */
/* Uploading over HTTP/1.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/limits.h"
#include "dm-net/store/store_client.h"
#include "tests/double/http_talk.h"

#define LOCAL "127.0.0.1"
#define BIG 3000000
#define EXPECT "Expect: 100-continue\r\n"

static char big[BIG];

static int
setup(void **state)
{
	memset(big, 'x', sizeof(big));
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
test_codes(void **state)
{
	struct http_node *n = *state;
	struct entry first, second;
	struct talk t;

	fake_entry(&first, ENTRY_FILE, "a", 1000000000, "one", 3, 1);
	fake_entry(&second, ENTRY_FILE, "a", 1000000001, "two", 3, 1);
	talk_open(&t, n, LOCAL);
	assert_int_equal(talk_put(&t, &first, "one", ""), 201);
	assert_string_equal(talk_body(&t),
	    "{\"code\":\"created\",\"name\":\"a\",\"kind\":\"file\","
	    "\"signed_at\":\"1970-01-01T00:00:01.000000000Z\","
	    "\"size\":3,\"unchanged\":false}\n");
	assert_int_equal(talk_put(&t, &first, "one", ""), 200);
	assert_non_null(strstr(talk_body(&t), "\"unchanged\":true"));
	assert_int_equal(talk_put(&t, &second, "two", ""), 200);
	assert_non_null(strstr(talk_body(&t), "\"code\":\"replaced\""));
	assert_int_equal(talk_get(&t, "/files/a", ""), 200);
	assert_string_equal(talk_body(&t), "two");
	assert_int_equal(talk_put(&t, &first, "one", ""), 409);
	assert_non_null(strstr(talk_body(&t),
	    "\"held_signed_at\":\"1970-01-01T00:00:01.000000001Z\""));
	assert_int_equal(talk_put(&t, &second, "six", ""), 422);
	assert_non_null(strstr(talk_body(&t), "\"code\":\"bad-content\""));
	second.signature[0] ^= 1;
	assert_int_equal(talk_put(&t, &second, "two", ""), 422);
	assert_non_null(strstr(talk_body(&t), "\"network\":null"));
	talk_close(&t);
}

/* A client reads what it wrote, though the old version was held open. */
static void
test_read_your_write(void **state)
{
	struct http_node *n = *state;
	struct entry e;
	struct talk t;

	n->store->is_mute = true; /* whatever it says comes later */
	talk_open(&t, n, LOCAL);
	for (uint64_t i = 1; i < 10; i++) {
		char text[2] = {(char)('0' + i), '\0'};

		fake_entry(&e, ENTRY_FILE, "a", i, text, 1, 1);
		talk_put(&t, &e, text, "");
		assert_int_equal(talk_get(&t, "/files/a", ""), 200);
		assert_string_equal(talk_body(&t), text);
	}
	talk_close(&t);
}

static void
test_delete(void **state)
{
	struct http_node *n = *state;
	struct entry e;
	struct talk t;

	fake_entry(&e, ENTRY_FILE, "a", 1, "one", 3, 1);
	talk_open(&t, n, LOCAL);
	talk_put(&t, &e, "one", "");
	talk_get(&t, "/files/a", "");
	fake_entry(&e, ENTRY_DELETE, "a", 2, "", 0, 1);
	assert_int_equal(talk_put(&t, &e, "", ""), 200);
	assert_non_null(strstr(talk_body(&t), "\"kind\":\"delete\""));
	assert_int_equal(talk_get(&t, "/files/a", ""), 410);
	talk_close(&t);
}

/* The client is told to go on once the store has judged the head. */
static void
test_continue(void **state)
{
	struct http_node *n = *state;
	char head[1200];
	struct entry e;
	struct talk t;

	fake_entry(&e, ENTRY_FILE, "a", 1, "hello", 5, 1);
	talk_put_head(head, sizeof(head), &e, EXPECT);
	talk_open(&t, n, LOCAL);
	n->store->is_stalled = true;
	assert_int_equal(talk_text(&t, "%s", head), 0);
	assert_int_equal(n->store->begun, 1);
	fake_store_go_on(n->store);
	assert_int_equal(talk_send(&t, "", 0), 100);
	assert_int_equal(talk_send(&t, "hel", 3), 0);
	assert_int_equal(talk_send(&t, "lo", 2), 201);
	/* Refused by the store: no word of going on, and the end. */
	n->store->refuse = VERDICT_UNKNOWN_SIGNER;
	assert_int_equal(talk_text(&t, "%s", head), 403);
	assert_string_equal(talk_field(&t, "Connection"), "close");
	assert_non_null(strstr(talk_body(&t), "unknown-signer"));
	talk_close(&t);
	/* Something else is expected. */
	talk_open(&t, n, LOCAL);
	talk_put_head(head, sizeof(head), &e, "Expect: 200-ok\r\n");
	assert_int_equal(talk_text(&t, "%s", head), 417);
	talk_close(&t);
}

static void
test_refused_heads(void **state)
{
	static const struct {
		const char *lines;
		int status;
		const char *code;
	} rows[] = {
	    {"", 411, "length-required"},
	    {"Transfer-Encoding: chunked\r\n", 411, "length-required"},
	    {"Content-Length: 1\r\nContent-Type: text/plain\r\n", 415,
		"bad-media-type"},
	    {"Content-Length: 1\r\nContent-Encoding: gzip\r\n", 415,
		"bad-media-type"},
	    {"Content-Length: 1\r\n", 400, "bad-field"},
	    {"Content-Length: x\r\n", 400, "malformed"},
	    {"Content-Length: 1\r\nX-Signedat: 1\r\nX-Signedat: 1\r\n", 400,
		"malformed"},
	};
	struct http_node *n = *state;
	struct talk t;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int status;

		talk_open(&t, n, LOCAL);
		status = talk_text(&t,
		    "PUT /files/a HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
		    rows[i].lines);
		if (status != rows[i].status ||
		    strstr(talk_body(&t), rows[i].code) == NULL)
			fail_msg("row %zu: %s", i, t.text);
		assert_string_equal(talk_field(&t, "Connection"), "close");
		talk_close(&t);
	}
	assert_int_equal(n->store->begun, 0);
}

static void
test_too_large(void **state)
{
	struct http_node *n = *state;
	struct entry e;
	struct talk t;

	n->settings.max_file_size = 4;
	http_server_configure(n->http, &n->settings);
	fake_entry(&e, ENTRY_FILE, "a", 1, "hello", 5, 1);
	talk_open(&t, n, LOCAL);
	assert_int_equal(talk_put(&t, &e, "hello", ""), 413);
	assert_non_null(strstr(talk_body(&t), "\"limit\":4"));
	assert_int_equal(n->store->begun, 0);
	talk_close(&t);
}

static void
test_signed_in_future(void **state)
{
	struct http_node *n = *state;
	uint64_t now_s = (uint64_t)time(NULL);
	struct entry e;
	struct talk t;
	int after_s;

	n->settings.max_clock_skew_ns = UINT64_C(300) * 1000000000;
	http_server_configure(n->http, &n->settings);
	n->store->refuse = VERDICT_SIGNED_IN_FUTURE;
	fake_entry(&e, ENTRY_FILE, "a", (now_s + 1000) * 1000000000, "x", 1, 1);
	talk_open(&t, n, LOCAL);
	assert_int_equal(talk_put(&t, &e, "x", ""), 422);
	after_s = atoi(talk_field(&t, "Retry-After"));
	assert_true(after_s > 690 && after_s <= 701);
	talk_close(&t);
}

/* What comes faster than the store takes it stays with the client. */
static void
test_back_pressure(void **state)
{
	struct http_node *n = *state;
	char head[1200];
	struct entry e;
	struct talk t;
	size_t sent = 0;
	ssize_t w;

	fake_entry(&e, ENTRY_FILE, "a", 1, big, BIG, 1);
	talk_put_head(head, sizeof(head), &e, "");
	talk_open(&t, n, LOCAL);
	talk_text(&t, "%s", head);
	n->store->is_stalled = true;
	while ((w = send(t.fd, big, BIG - sent, MSG_NOSIGNAL)) > 0) {
		sent += (size_t)w;
		http_node_run(n);
	}
	assert_true(sent < BIG);
	assert_int_equal(n->store->received, IPC_PUT_WINDOW);
	fake_store_go_on(n->store);
	assert_int_equal(talk_send(&t, big, BIG - sent), 201);
	assert_int_equal(n->store->received, BIG);
	assert_true(n->store->outstanding_max <= IPC_PUT_WINDOW);
	talk_close(&t);
}

static void
test_client_leaves(void **state)
{
	struct http_node *n = *state;
	char head[1200];
	struct entry e;
	struct talk t;

	fake_entry(&e, ENTRY_FILE, "a", 1, big, BIG, 1);
	talk_put_head(head, sizeof(head), &e, "");
	talk_open(&t, n, LOCAL);
	talk_text(&t, "%s%.1000s", head, big);
	assert_int_equal(store_client_puts(n->link), 1);
	talk_close(&t);
	http_node_run(n);
	assert_int_equal(store_client_puts(n->link), 0);
	assert_int_equal(n->store->aborted, 1);
}

static void
test_store_leaves(void **state)
{
	struct http_node *n = *state;
	char head[1200];
	struct entry e;
	struct talk t;

	fake_entry(&e, ENTRY_FILE, "a", 1, big, BIG, 1);
	talk_put_head(head, sizeof(head), &e, "");
	talk_open(&t, n, LOCAL);
	talk_text(&t, "%s%.1000s", head, big);
	http_node_stop_store(n);
	assert_int_equal(talk_send(&t, "", 0), 503);
	assert_string_equal(talk_field(&t, "Connection"), "close");
	talk_close(&t);
	talk_open(&t, n, LOCAL);
	assert_int_equal(talk_put(&t, &e, big, ""), 503);
	talk_close(&t);
}

/* The rest of a refused upload is drained, but not for ever. */
static void
test_drain(void **state)
{
	struct http_node *n = *state;
	struct entry e;
	struct talk t;

	n->store->refuse = VERDICT_UNKNOWN_FILE;
	fake_entry(&e, ENTRY_FILE, "a", 1, big, 500000, 1);
	talk_open(&t, n, LOCAL);
	assert_int_equal(talk_put(&t, &e, big, ""), 403);
	assert_true(t.is_closed); /* its writing side */
	assert_int_equal(http_server_connections(n->http), 1);
	http_node_pass(n, HTTP_DRAIN_S_MAX + 1);
	assert_int_equal(http_server_connections(n->http), 0);
	talk_close(&t);
	talk_open(&t, n, LOCAL);
	fake_entry(&e, ENTRY_FILE, "a", 1, big, BIG, 1);
	talk_put(&t, &e, big, "");
	for (int i = 0; i < 3; i++) {
		send(t.fd, big, BIG, MSG_NOSIGNAL);
		for (int turn = 0; turn < 10; turn++)
			http_node_run(n);
	}
	assert_int_equal(http_server_connections(n->http), 0);
	talk_close(&t);
	/* All of it was here already: the connection goes on. */
	talk_open(&t, n, LOCAL);
	fake_entry(&e, ENTRY_FILE, "a", 1, "x", 1, 1);
	assert_int_equal(talk_put(&t, &e, "x", ""), 403);
	assert_string_equal(talk_field(&t, "Connection"), "");
	n->store->refuse = VERDICT_OK;
	assert_int_equal(talk_put(&t, &e, "x", ""), 201);
	talk_close(&t);
}

static void
test_slow_upload(void **state)
{
	struct http_node *n = *state;
	char head[1200];
	struct entry e;
	struct talk t;

	fake_entry(&e, ENTRY_FILE, "a", 1, big, BIG, 1);
	talk_put_head(head, sizeof(head), &e, "");
	talk_open(&t, n, LOCAL);
	talk_text(&t, "%s", head);
	http_node_pass(n, 0);
	/* Fast enough. */
	talk_send(&t, big, HTTP_BODY_WINDOW_S * HTTP_BODY_RATE_MIN);
	http_node_pass(n, HTTP_BODY_WINDOW_S);
	assert_int_equal(talk_send(&t, "", 0), 0);
	/* Slow, but it is the store that is waited for. */
	n->store->is_stalled = true;
	talk_send(&t, big, IPC_PUT_WINDOW);
	http_node_pass(n, 3 * HTTP_BODY_WINDOW_S);
	http_node_pass(n, 6 * HTTP_BODY_WINDOW_S);
	assert_int_equal(talk_send(&t, "", 0), 0);
	fake_store_go_on(n->store);
	http_node_run(n);
	/* Slow. */
	talk_send(&t, big, 10);
	http_node_pass(n, 7 * HTTP_BODY_WINDOW_S);
	http_node_pass(n, 8 * HTTP_BODY_WINDOW_S);
	assert_int_equal(talk_send(&t, "", 0), 408);
	assert_int_equal(n->store->aborted, 1);
	talk_close(&t);
}

/* Without X-Sha256 two at a time, and small. */
static void
test_without_sha256(void **state)
{
	struct http_node *n = *state;
	struct talk t[3];
	char head[1200], *hash;
	struct entry e;

	fake_entry(&e, ENTRY_FILE, "a", 1, "hello", 5, 1);
	talk_put_head(head, sizeof(head), &e, "");
	hash = strstr(head, "X-Sha256");
	memcpy(hash, "X-Other-", 8);
	for (int i = 0; i < 3; i++) {
		talk_open(&t[i], n, LOCAL);
		assert_int_equal(talk_text(&t[i], "%s", head), i < 2 ? 0 : 429);
	}
	assert_string_equal(talk_field(&t[2], "Retry-After"), "1");
	assert_int_equal(talk_send(&t[0], "hello", 5), 201);
	talk_close(&t[1]);
	talk_close(&t[2]);
	http_node_run(n);
	for (int i = 1; i < 3; i++) {
		talk_open(&t[i], n, LOCAL);
		assert_int_equal(talk_text(&t[i], "%s", head), 0);
	}
	for (int i = 0; i < 3; i++)
		talk_close(&t[i]);
}

static void
test_uploads_at_once(void **state)
{
	struct http_node *n = *state;
	struct talk t[HTTP_PUTS_MAX + 1];
	char head[1200];
	struct entry e;

	fake_entry(&e, ENTRY_FILE, "a", 1, "hello", 5, 1);
	talk_put_head(head, sizeof(head), &e, "");
	for (int i = 0; i <= HTTP_PUTS_MAX; i++) {
		talk_open(&t[i], n, i < 32 ? LOCAL : "192.0.2.1");
		assert_int_equal(
		    talk_text(&t[i], "%s", head), i < HTTP_PUTS_MAX ? 0 : 429);
	}
	for (int i = 0; i <= HTTP_PUTS_MAX; i++)
		talk_close(&t[i]);
}

/* Anyone may upload what is signed, whoever may read. */
static void
test_from_afar(void **state)
{
	struct http_node *n = *state;
	struct entry e;
	struct talk t;

	n->settings.read = CONFIG_READ_NONE;
	http_server_configure(n->http, &n->settings);
	fake_entry(&e, ENTRY_FILE, "a", 1, "hello", 5, 1);
	talk_open(&t, n, "198.51.100.7");
	assert_int_equal(talk_put(&t, &e, "hello", ""), 201);
	assert_int_equal(
	    talk_put(&t, &e, "hello", "Origin: http://a.example\r\n"), 403);
	talk_close(&t);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_codes),
	    T(test_read_your_write), T(test_delete), T(test_continue),
	    T(test_refused_heads), T(test_too_large), T(test_signed_in_future),
	    T(test_back_pressure), T(test_client_leaves), T(test_store_leaves),
	    T(test_drain), T(test_slow_upload), T(test_without_sha256),
	    T(test_uploads_at_once), T(test_from_afar)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
