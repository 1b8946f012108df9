/* SPDX-License-Identifier: ISC */
/* Reading over HTTP/1.1: files, lists, who may, and how it fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/limits.h"
#include "dm-net/http/http1.h"
#include "tests/double/http_talk.h"

#define BIG 3000000
#define LOCAL "127.0.0.1"
#define REMOTE "198.51.100.7"

static char big[BIG];

static int
setup(void **state)
{
	struct http_node *n = http_node_new();
	struct entry e;

	for (size_t i = 0; i < BIG; i++)
		big[i] = (char)('a' + i * 7919 % 26);
	fake_entry(&e, ENTRY_FILE, "small", 1000000000, "hello", 5, 1);
	fake_store_set(n->store, &e, "hello");
	fake_entry(&e, ENTRY_FILE, "dir/big", 2000000000, big, BIG, 1);
	fake_store_set(n->store, &e, big);
	fake_entry(&e, ENTRY_FILE, "empty", 1, "", 0, 1);
	fake_store_set(n->store, &e, "");
	fake_entry(&e, ENTRY_DELETE, "gone", 1, "", 0, 1);
	fake_store_set(n->store, &e, "");
	*state = n;
	return 0;
}

static int
teardown(void **state)
{
	http_node_free(*state);
	return 0;
}

static int
get_from(struct http_node *n, const char *address, const char *target,
    const char *lines)
{
	struct talk t;
	int status;

	talk_open(&t, n, address);
	status = talk_get(&t, target, lines);
	talk_close(&t);
	return status;
}

static void
test_get(void **state)
{
	struct talk t;

	talk_open(&t, *state, LOCAL);
	assert_int_equal(talk_get(&t, "/files/small", ""), 200);
	assert_string_equal(talk_body(&t), "hello");
	assert_string_equal(talk_field(&t, "Content-Length"), "5");
	assert_string_equal(talk_field(&t, "ETag"),
	    "\"2cf24dba5fb0a30e26e83b2ac5b9e29e"
	    "1b161e5c1fa7425e73043362938b9824\"");
	assert_string_equal(
	    talk_field(&t, "Last-Modified"), "Thu, 01 Jan 1970 00:00:01 GMT");
	assert_string_equal(talk_field(&t, "X-Signedat"), "1.000000000");
	assert_int_equal(strlen(talk_field(&t, "X-Signature")), 88);
	assert_false(t.is_closed);
	/* The same connection, another file, a large one. */
	assert_int_equal(talk_get(&t, "/files/dir/big", ""), 200);
	assert_int_equal(strlen(talk_body(&t)), BIG);
	assert_memory_equal(talk_body(&t), big, BIG);
	assert_int_equal(talk_get(&t, "/files/empty", ""), 200);
	assert_string_equal(talk_body(&t), "");
	talk_close(&t);
}

static void
test_head(void **state)
{
	struct talk t;

	talk_open(&t, *state, LOCAL);
	assert_int_equal(talk_text(&t, "HEAD /files/small HTTP/1.1\r\n"
				       "Host: localhost\r\n\r\n"),
	    200);
	assert_string_equal(talk_field(&t, "Content-Length"), "5");
	assert_string_equal(talk_body(&t), "");
	assert_int_equal(talk_text(&t, "HEAD /files/none HTTP/1.1\r\n"
				       "Host: localhost\r\n\r\n"),
	    404);
	assert_string_equal(talk_body(&t), "");
	assert_int_equal(talk_text(&t, "HEAD /files HTTP/1.1\r\n"
				       "Host: localhost\r\n\r\n"),
	    200);
	assert_string_equal(talk_body(&t), "");
	assert_int_equal(talk_get(&t, "/files/small", ""), 200);
	talk_close(&t);
}

static void
test_conditions(void **state)
{
	char line[200];
	struct talk t;

	talk_open(&t, *state, LOCAL);
	talk_get(&t, "/files/small", "");
	snprintf(line, sizeof(line), "If-None-Match: %s\r\n",
	    talk_field(&t, "ETag"));
	assert_int_equal(talk_get(&t, "/files/small", line), 304);
	assert_string_equal(talk_body(&t), "");
	assert_int_equal(
	    talk_get(&t, "/files/small", "If-None-Match: \"x\"\r\n"), 200);
	assert_int_equal(
	    talk_get(&t, "/files/small", "Range: bytes=1-3\r\n"), 206);
	assert_string_equal(talk_body(&t), "ell");
	assert_string_equal(talk_field(&t, "Content-Range"), "bytes 1-3/5");
	assert_string_equal(talk_field(&t, "Content-Length"), "3");
	assert_int_equal(
	    talk_get(&t, "/files/small", "Range: bytes=5-\r\n"), 416);
	assert_string_equal(talk_field(&t, "Content-Range"), "bytes */5");
	assert_int_equal(talk_get(&t, "/files/small",
			     "Range: bytes=1-3\r\nIf-Range: \"x\"\r\n"),
	    200);
	assert_int_equal(
	    talk_get(&t, "/files/dir/big", "Range: bytes=100000-\r\n"), 206);
	assert_int_equal(strlen(talk_body(&t)), BIG - 100000);
	assert_memory_equal(talk_body(&t), big + 100000, BIG - 100000);
	talk_close(&t);
}

/* A file is asked for once; what changed is asked for again. */
static void
test_held_open(void **state)
{
	struct http_node *n = *state;
	struct entry e;
	struct talk t;

	talk_open(&t, n, LOCAL);
	talk_get(&t, "/files/small", "");
	talk_get(&t, "/files/small", "");
	assert_int_equal(n->store->opened, 1);
	fake_entry(&e, ENTRY_FILE, "small", 3000000000, "other", 5, 1);
	fake_store_set(n->store, &e, "other");
	http_on_entry(n->http, &e);
	assert_int_equal(talk_get(&t, "/files/small", ""), 200);
	assert_string_equal(talk_body(&t), "other");
	http_node_stop_store(n);
	assert_int_equal(talk_get(&t, "/files/small", ""), 503);
	assert_string_equal(talk_field(&t, "Retry-After"), "1");
	http_node_start_store(n);
	assert_int_equal(talk_get(&t, "/files/small", ""), 404);
	talk_close(&t);
}

static void
test_expired_is_gone(void **state)
{
	struct http_node *n = *state;
	struct entry e;
	struct talk t;

	fake_entry(&e, ENTRY_FILE, "brief",
	    (uint64_t)(time(NULL) - 2) * 1000000000, "x", 1, 1);
	e.valid_for_s = 1;
	fake_store_set(n->store, &e, "x");
	talk_open(&t, n, LOCAL);
	talk_get(&t, "/files/brief", "");
	talk_get(&t, "/files/brief", "");
	assert_int_equal(n->store->opened, 2);
	talk_close(&t);
}

/* Signed ahead of our clock, within the skew: never modified after Date. */
static void
test_last_modified(void **state)
{
	struct http_node *n = *state;
	uint64_t now_ns = (uint64_t)time(NULL) * 1000000000;
	char date[64];
	struct entry e;
	struct talk t;

	fake_entry(&e, ENTRY_FILE, "ahead", now_ns + 100000000000, "x", 1, 1);
	fake_store_set(n->store, &e, "x");
	talk_open(&t, n, LOCAL);
	talk_get(&t, "/files/ahead", "");
	snprintf(date, sizeof(date), "%s", talk_field(&t, "Date"));
	assert_true(
	    strcmp(talk_field(&t, "Last-Modified") + 17, date + 17) <= 0);
	talk_close(&t);
}

static void
test_not_there(void **state)
{
	struct http_node *n = *state;
	struct talk t;

	talk_open(&t, n, LOCAL);
	assert_int_equal(talk_get(&t, "/files/none", ""), 404);
	assert_string_equal(
	    talk_field(&t, "Content-Type"), "application/problem+json");
	assert_non_null(strstr(talk_body(&t), "\"code\":\"not-found\""));
	assert_int_equal(talk_get(&t, "/files/gone", ""), 410);
	assert_int_equal(talk_get(&t, "/files/../etc", ""), 400);
	assert_non_null(strstr(talk_body(&t), "\"code\":\"bad-name\""));
	assert_int_equal(talk_get(&t, "/none", ""), 404);
	assert_int_equal(talk_text(&t, "POST /files/small HTTP/1.1\r\n"
				       "Host: localhost\r\n\r\n"),
	    405);
	assert_string_equal(talk_field(&t, "Allow"), "GET, HEAD, PUT, DELETE");
	assert_int_equal(talk_text(&t, "PUT /files HTTP/1.1\r\nHost: localhost"
				       "\r\nContent-Length: 0\r\n\r\n"),
	    405);
	assert_string_equal(talk_field(&t, "Allow"), "GET, HEAD");
	assert_false(t.is_closed);
	talk_close(&t);
}

static void
test_pipeline(void **state)
{
	char all[4000] = "";
	const char *at;
	struct talk t;
	int n = 0;

	for (int i = 0; i < 30; i++)
		strcat(all,
		    i % 2 == 0
			? "GET /files/small HTTP/1.1\r\nHost: [::1]\r\n\r\n"
			: "GET /files/none HTTP/1.1\r\nHost: [::1]\r\n\r\n");
	talk_open(&t, *state, LOCAL);
	talk_text(&t, "%s", all);
	for (at = t.text; (at = strstr(at, "HTTP/1.1 ")) != NULL; at++)
		assert_int_equal(atoi(at + 9), n++ % 2 == 0 ? 200 : 404);
	assert_int_equal(n, 30);
	talk_close(&t);
}

/* What a client sends ahead while it is being answered waits, and costs no
 * turn of the loop. */
static void
test_sent_ahead(void **state)
{
	struct http_node *n = *state;
	const char *get = "GET /files/dir/big HTTP/1.1\r\nHost: [::1]\r\n\r\n";
	int fd = http_node_connect(n, LOCAL);

	assert_int_equal(write(fd, get, strlen(get)), strlen(get));
	http_node_run(n);
	assert_int_equal(write(fd, get, strlen(get)), strlen(get));
	http_node_run(n); /* comes to an end */
	close(fd);
	http_node_run(n);
}

/* --- who may --- */

static void
test_read_policy(void **state)
{
	struct http_node *n = *state;

	assert_int_equal(get_from(n, LOCAL, "/files/small", ""), 200);
	assert_int_equal(get_from(n, "127.9.9.9", "/files/small", ""), 200);
	assert_int_equal(get_from(n, "192.0.2.1", "/files/small", ""), 200);
	assert_int_equal(get_from(n, REMOTE, "/files/small", ""), 403);
	assert_int_equal(get_from(n, REMOTE, "/files", ""), 403);
	assert_int_equal(get_from(n, REMOTE, "/peers", ""), 403);
	assert_int_equal(get_from(n, REMOTE, "/metrics", ""), 403);
	assert_int_equal(get_from(n, REMOTE, "/healthz", ""), 200);
	n->settings.read = CONFIG_READ_ALL;
	http_server_configure(n->http, &n->settings);
	assert_int_equal(get_from(n, REMOTE, "/files/small", ""), 200);
	n->settings.read = CONFIG_READ_NONE;
	http_server_configure(n->http, &n->settings);
	assert_int_equal(get_from(n, LOCAL, "/files/small", ""), 403);
	assert_int_equal(get_from(n, LOCAL, "/healthz", ""), 200);
}

static void
test_browsers(void **state)
{
	static const struct {
		const char *from;
		const char *host;
		int status;
	} rows[] = {
	    {LOCAL, "localhost", 200},
	    {LOCAL, "LocalHost:7331", 200},
	    {LOCAL, "127.0.0.1:7331", 200},
	    {LOCAL, "[::1]:7331", 200},
	    {LOCAL, "192.0.2.1", 200},
	    {LOCAL, "192.0.2.2", 421},
	    {LOCAL, "evil.example", 421},
	    {LOCAL, "localhost.evil.example", 421},
	    {LOCAL, "127.0.0.1.evil.example", 421},
	    {LOCAL, "", 421},
	    {"192.0.2.1", "evil.example", 421},
	    {REMOTE, "node.example:7331", 200},
	    {REMOTE, "a b", 200},
	    {REMOTE, "", 400},
	};
	struct http_node *n = *state;
	struct talk t;

	n->settings.read = CONFIG_READ_ALL;
	http_server_configure(n->http, &n->settings);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int status;

		talk_open(&t, n, rows[i].from);
		status = talk_text(&t,
		    "GET /files/small HTTP/1.1\r\nHost: %s\r\n\r\n",
		    rows[i].host);
		if (status != rows[i].status)
			fail_msg("%s from %s: %d", rows[i].host, rows[i].from,
			    status);
		talk_close(&t);
	}
	assert_int_equal(
	    get_from(n, LOCAL, "/files/small", "Origin: null\r\n"), 403);
	assert_int_equal(get_from(n, LOCAL, "/healthz", "Origin:\r\n"), 403);
	assert_int_equal(get_from(n, LOCAL, "/files/small",
			     "Sec-Fetch-Site: cross-site\r\n"),
	    403);
	assert_int_equal(
	    get_from(n, LOCAL, "/healthz", "sec-fetch-site: same-site\r\n"),
	    403);
	assert_int_equal(
	    get_from(n, LOCAL, "/healthz", "Sec-Fetch-Site:\r\n"), 403);
	assert_int_equal(
	    get_from(n, LOCAL, "/healthz", "Sec-Fetch-Site: none\r\n"), 200);
	assert_int_equal(
	    get_from(n, LOCAL, "/healthz", "Sec-Fetch-Site: same-origin\r\n"),
	    200);
	assert_int_equal(
	    get_from(n, LOCAL, "http://evil.example/healthz", ""), 421);
	assert_int_equal(
	    get_from(n, LOCAL, "/healthz", "Host: localhost\r\n"), 400);
}

static void
test_host_is_required(void **state)
{
	struct talk t;

	talk_open(&t, *state, LOCAL);
	assert_int_equal(talk_text(&t, "GET /healthz HTTP/1.1\r\n\r\n"), 400);
	talk_close(&t);
	talk_open(&t, *state, LOCAL);
	assert_int_equal(talk_text(&t, "GET /healthz HTTP/1.0\r\n\r\n"), 200);
	assert_true(t.is_closed || *talk_field(&t, "Connection") == 'c');
	talk_close(&t);
}

/* --- lists --- */

static void
test_list(void **state)
{
	struct http_node *n = *state;
	struct talk t;

	talk_open(&t, n, LOCAL);
	assert_int_equal(talk_get(&t, "/files?prefix=s", ""), 200);
	assert_string_equal(talk_body(&t),
	    "[\n{\"name\":\"small\",\"size\":5,\"sha256\":\"2cf24dba5fb0a30e26"
	    "e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\",\"signed_at\":\""
	    "1970-01-01T00:00:01.000000000Z\",\"expires_at\":null,\"signer\":"
	    "\"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=\",\"kind\":"
	    "\"file\"}\n]\n");
	assert_int_equal(talk_get(&t, "/files?prefix=x", ""), 200);
	assert_string_equal(talk_body(&t), "[]\n");
	/* In pages: of unknown length, so in chunks, and complete. */
	n->store->page = 1;
	assert_int_equal(talk_get(&t, "/files", ""), 200);
	assert_string_equal(talk_field(&t, "Transfer-Encoding"), "chunked");
	assert_non_null(strstr(talk_body(&t), "\"dir/big\""));
	assert_non_null(strstr(talk_body(&t), "\"empty\""));
	assert_non_null(strstr(talk_body(&t), "\"small\""));
	assert_string_equal(t.text + t.len - 5, "0\r\n\r\n");
	assert_int_equal(talk_get(&t, "/files/small", ""), 200);
	talk_close(&t);
}

/* A list that cannot be completed must not look complete. */
static void
test_list_cut(void **state)
{
	struct http_node *n = *state;
	struct talk t;

	talk_open(&t, n, LOCAL);
	n->store->page = 1;
	n->store->silent_after = 1;
	assert_int_equal(talk_get(&t, "/files", ""), 200);
	assert_false(t.is_closed);
	http_node_stop_store(n);
	talk_send(&t, "", 0);
	assert_true(t.is_closed);
	assert_int_equal(t.len, 0);
	talk_close(&t);
	assert_int_equal(get_from(n, LOCAL, "/files", ""), 503);
}

static void
test_peers(void **state)
{
	struct http_node *n = *state;
	struct talk t;

	talk_open(&t, n, LOCAL);
	n->n_peers = 2;
	assert_int_equal(talk_get(&t, "/peers", ""), 200);
	assert_non_null(strstr(talk_body(&t), "\"direction\":\"out\""));
	assert_non_null(strstr(talk_body(&t), "\"rtt_ns\":1500000,"));
	assert_non_null(strstr(talk_body(&t), "\"rtt_ns\":null,"));
	assert_non_null(
	    strstr(talk_body(&t), "\"agent\":\"a \\\"strange\\\"\\u000aagent "
				  "gr\xc3\xbc\xc3\x9ft \\ufffd\""));
	n->n_peers = 0;
	talk_get(&t, "/peers", "");
	assert_string_equal(talk_body(&t), "[]\n");
	talk_close(&t);
}

static void
test_health(void **state)
{
	struct http_node *n = *state;
	struct talk t;

	talk_open(&t, n, LOCAL);
	assert_int_equal(talk_get(&t, "/healthz", ""), 200);
	assert_non_null(strstr(talk_body(&t), "\"ready\":true"));
	assert_non_null(strstr(talk_body(&t), "\"network\":null"));
	n->settings.has_network = true;
	http_server_configure(n->http, &n->settings);
	n->facts.store_writable = false;
	assert_int_equal(talk_get(&t, "/healthz", ""), 503);
	assert_non_null(strstr(talk_body(&t),
	    "\"network\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\""));
	assert_non_null(strstr(talk_body(&t), "\"store\":\"read-only\""));
	talk_close(&t);
}

static void
test_metrics(void **state)
{
	struct http_node *n = *state;
	struct talk t;

	talk_open(&t, n, LOCAL);
	talk_get(&t, "/files/none", "");
	n->store->page = 2;
	assert_int_equal(talk_get(&t, "/metrics", ""), 200);
	assert_non_null(strstr(talk_body(&t),
	    "\ndm_http_requests_total{method=\"GET\",code=\"404\"} 1\n"));
	assert_non_null(strstr(talk_body(&t),
	    "dm_file_signed_timestamp_seconds{name=\"small\"} 1.000000000\n"));
	assert_string_equal(t.text + t.len - 5, "0\r\n\r\n");
	talk_close(&t);
}

/* --- events --- */

static void
change(struct http_node *n, const char *name, uint64_t at_ns)
{
	struct entry e;

	fake_entry(&e, ENTRY_FILE, name, at_ns, "x", 1, 1);
	http_on_entry(n->http, &e);
}

static void
test_events(void **state)
{
	struct http_node *n = *state;
	char id[64], line[100];
	struct talk t, other;

	talk_open(&t, n, LOCAL);
	assert_int_equal(talk_get(&t, "/events", ""), 200);
	assert_string_equal(
	    talk_field(&t, "Content-Type"), "text/event-stream");
	change(n, "one", 1);
	talk_send(&t, "", 0);
	assert_non_null(
	    strstr(t.text, "\nevent: file\ndata: {\"name\":\"one\""));
	snprintf(id, sizeof(id), "%.18s", strstr(t.text, "id: ") + 4);
	assert_int_equal(id[17], '1');
	change(n, "two", 2);
	talk_send(&t, "", 0);
	assert_null(strstr(t.text, "\"one\""));
	assert_non_null(strstr(t.text, "\"two\""));
	/* Back with the id of the first: the second is told. */
	talk_open(&other, n, LOCAL);
	snprintf(line, sizeof(line), "Last-Event-ID: %s\r\n", id);
	talk_get(&other, "/events", line);
	assert_null(strstr(other.text, "\"one\""));
	assert_non_null(strstr(other.text, "\"two\""));
	assert_null(strstr(other.text, "event: reset"));
	talk_close(&other);
	/* With an id of another run. */
	talk_open(&other, n, LOCAL);
	talk_get(&other, "/events", "Last-Event-ID: 0000000000000000-1\r\n");
	assert_non_null(strstr(other.text, "event: reset"));
	assert_null(strstr(other.text, "\"two\""));
	talk_close(&other);
	/* Longer ago than is kept. */
	for (uint64_t i = 0; i < HTTP_EVENTS_KEPT; i++)
		change(n, "many", i + 3);
	talk_open(&other, n, LOCAL);
	talk_get(&other, "/events", line);
	assert_non_null(strstr(other.text, "event: reset"));
	talk_close(&other);
	talk_close(&t);
}

/* One who does not read is cut before much gathers for it. */
static void
test_events_unread(void **state)
{
	struct http_node *n = *state;
	const char *get = "GET /events HTTP/1.1\r\nHost: [::1]\r\n\r\n";
	int fd = http_node_connect(n, LOCAL);

	assert_int_equal(write(fd, get, strlen(get)), strlen(get));
	http_node_run(n);
	for (uint64_t i = 1; i < 10000; i++) {
		change(n, "many", i);
		http_node_run(n);
	}
	http_node_pass(n, HTTP_STALL_S_MAX + 1);
	assert_int_equal(http_server_connections(n->http), 0);
	close(fd);
}

/* Also with the next request sent ahead, unless that fills all room. */
static void
test_events_gone(void **state)
{
	struct http_node *n = *state;
	static char ahead[20000];
	struct talk t;

	memset(ahead, 'x', sizeof(ahead) - 1);
	talk_open(&t, n, LOCAL);
	talk_get(&t, "/events", "");
	talk_send(&t, "GET /healthz", 12);
	change(n, "one", 1);
	talk_send(&t, "", 0);
	assert_non_null(strstr(t.text, "event: file"));
	talk_close(&t);
	http_node_run(n);
	assert_int_equal(http_server_connections(n->http), 0);

	talk_open(&t, n, LOCAL);
	talk_get(&t, "/events", "");
	talk_send(&t, ahead, sizeof(ahead) - 1);
	talk_close(&t);
	http_node_pass(n, HTTP_EVENTS_SIGN_S + 1);
	assert_int_equal(http_server_connections(n->http), 0);
}

static void
test_events_limit(void **state)
{
	struct http_node *n = *state;
	struct talk t[HTTP_EVENTS_SUBSCRIBERS_MAX + 1];

	for (int i = 0; i <= HTTP_EVENTS_SUBSCRIBERS_MAX; i++) {
		talk_open(&t[i], n, LOCAL);
		assert_int_equal(talk_get(&t[i], "/events", ""),
		    i < HTTP_EVENTS_SUBSCRIBERS_MAX ? 200 : 429);
	}
	/* Those who have gone are noticed at once. */
	for (int i = 0; i <= HTTP_EVENTS_SUBSCRIBERS_MAX; i++)
		talk_close(&t[i]);
	http_node_run(n);
	assert_int_equal(http_server_connections(n->http), 0);
	talk_open(&t[0], n, LOCAL);
	assert_int_equal(talk_get(&t[0], "/events", ""), 200);
	talk_close(&t[0]);
}

/* --- limits --- */

static void
test_head_limits(void **state)
{
	struct http_node *n = *state;
	static char much[20000];
	struct talk t;

	memset(much, 'x', sizeof(much) - 1);
	talk_open(&t, n, LOCAL);
	assert_int_equal(
	    talk_text(&t, "GET /healthz HTTP/1.1\r\nA: %s", much), 431);
	assert_string_equal(talk_field(&t, "Connection"), "close");
	talk_close(&t);
	talk_open(&t, n, LOCAL);
	assert_int_equal(talk_text(&t, "NONSENSE\r\n\r\n"), 400);
	assert_string_equal(talk_field(&t, "Connection"), "close");
	talk_close(&t);
	/* A body where none belongs. */
	talk_open(&t, n, LOCAL);
	assert_int_equal(
	    talk_get(&t, "/healthz", "Content-Length: 3\r\n"), 400);
	assert_string_equal(talk_field(&t, "Connection"), "close");
	talk_close(&t);
}

static void
test_deadlines(void **state)
{
	struct http_node *n = *state;
	struct talk t;

	talk_open(&t, n, LOCAL);
	talk_text(&t, "GET /healthz HT");
	http_node_pass(n, HTTP_HEAD_S_MAX);
	assert_int_equal(talk_send(&t, "", 0), 0);
	http_node_pass(n, HTTP_HEAD_S_MAX + 1);
	assert_int_equal(talk_send(&t, "", 0), 408);
	talk_close(&t);
	talk_open(&t, n, LOCAL); /* says nothing */
	http_node_pass(n, HTTP_HEAD_S_MAX + 1);
	talk_send(&t, "", 0);
	assert_true(t.is_closed);
	talk_close(&t);
	talk_open(&t, n, LOCAL); /* nothing more to say */
	talk_get(&t, "/healthz", "");
	http_node_pass(n, HTTP_IDLE_S_MAX);
	talk_send(&t, "", 0);
	assert_false(t.is_closed);
	http_node_pass(n, HTTP_IDLE_S_MAX + 1);
	talk_send(&t, "", 0);
	assert_true(t.is_closed);
	talk_close(&t);
}

/* A client that does not read its answer loses it. */
static void
test_slow_reader(void **state)
{
	struct http_node *n = *state;
	int fd = http_node_connect(n, LOCAL);
	const char *get = "GET /files/dir/big HTTP/1.1\r\nHost: [::1]\r\n\r\n";

	assert_int_equal(write(fd, get, strlen(get)), strlen(get));
	http_node_run(n);
	http_node_pass(n, HTTP_STALL_S_MAX);
	assert_int_equal(http_server_connections(n->http), 1);
	http_node_pass(n, HTTP_STALL_S_MAX + 1);
	assert_int_equal(http_server_connections(n->http), 0);
	close(fd);
}

/* An ordinary user's limit is lower at first than the user may set it. */
static void
need_descriptors(rlim_t n)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_max < n) {
		print_message("needs %ju descriptors\n", (uintmax_t)n);
		skip();
	}
	if (limit.rlim_cur < n)
		limit.rlim_cur = n;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void
test_connection_limits(void **state)
{
	struct http_node *n = *state;
	int fd[HTTP_CONNECTIONS_MAX + 2];
	struct talk t;
	char address[32];
	int i;

	/* both ends of each are here */
	need_descriptors(2 * HTTP_CONNECTIONS_MAX + 100);
	for (i = 0; i < HTTP_PER_ADDRESS_MAX + 1; i++)
		fd[i] = http_node_connect(n, REMOTE);
	assert_int_equal(
	    http_server_connections(n->http), HTTP_PER_ADDRESS_MAX);
	for (; i < HTTP_CONNECTIONS_MAX + 1; i++) {
		snprintf(
		    address, sizeof(address), "10.0.%d.%d", i / 250, i % 250);
		fd[i] = http_node_connect(n, address);
	}
	assert_int_equal(
	    http_server_connections(n->http), HTTP_CONNECTIONS_MAX);
	/* One that has been served and waits makes room for a new one. */
	close(fd[0]);
	http_node_run(n);
	talk_open(&t, n, LOCAL);
	assert_int_equal(talk_get(&t, "/healthz", ""), 200);
	fd[0] = http_node_connect(n, "10.9.9.9");
	talk_send(&t, "", 0);
	assert_true(t.is_closed);
	assert_int_equal(
	    http_server_connections(n->http), HTTP_CONNECTIONS_MAX);
	talk_close(&t);
	while (i-- > 0)
		close(fd[i]);
	http_node_run(n);
	assert_int_equal(http_server_connections(n->http), 0);
}

/* More files than may be held open: the unused ones make room. */
static void
test_open_files(void **state)
{
	struct http_node *n = *state;
	char name[32];
	struct entry e;
	struct talk t;

	talk_open(&t, n, LOCAL);
	for (int i = 0; i < HTTP_FILES_MAX + 20; i++) {
		snprintf(name, sizeof(name), "/files/n%d", i);
		fake_entry(&e, ENTRY_FILE, name + 7, 1, name, 3, 1);
		fake_store_set(n->store, &e, name);
		assert_int_equal(talk_get(&t, name, ""), 200);
	}
	talk_get(&t, "/metrics", "");
	assert_non_null(strstr(talk_body(&t), "\ndm_http_open_files 256\n"));
	n->store->opened = 0;
	talk_get(&t, "/files/n275", "");
	assert_int_equal(n->store->opened, 0);
	talk_get(&t, "/files/n0", "");
	assert_int_equal(n->store->opened, 1);
	talk_close(&t);
}

static void
test_not_configured(void **state)
{
	struct http_node *n = http_node_unconfigured();
	struct talk t;

	talk_open(&t, n, LOCAL);
	assert_int_equal(talk_get(&t, "/healthz", ""), 503);
	assert_non_null(strstr(talk_body(&t), "\"ready\":false"));
	assert_int_equal(talk_get(&t, "/files/small", ""), 503);
	assert_non_null(strstr(talk_body(&t), "\"code\":\"starting\""));
	talk_close(&t);
	http_node_free(n);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_get), T(test_head),
	    T(test_conditions), T(test_held_open), T(test_expired_is_gone),
	    T(test_last_modified), T(test_not_there), T(test_pipeline),
	    T(test_sent_ahead), T(test_read_policy), T(test_browsers),
	    T(test_host_is_required), T(test_list), T(test_list_cut),
	    T(test_peers), T(test_health), T(test_metrics), T(test_events),
	    T(test_events_unread), T(test_events_gone), T(test_events_limit),
	    T(test_head_limits), T(test_deadlines), T(test_slow_reader),
	    T(test_connection_limits), T(test_open_files),
	    T(test_not_configured)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
