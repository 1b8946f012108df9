/* SPDX-License-Identifier: ISC */
/* HTTP/2, with nghttp2 as the client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/limits.h"
#include "dm-net/memory.h"
#include "dm-net/http/server.h"
#include "dm-net/store/store_client.h"
#include "tests/double/http_node.h"

#define LOCAL "127.0.0.1"
#define BIG 3000000
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

static char big[BIG];

struct answer {
	int status;
	int interim; /* 100 */
	char etag[80];
	char *body;
	size_t len;
	bool is_closed;
	uint32_t error;
	const char *upload;
	size_t upload_left;
};

struct client {
	struct http_node *node;
	nghttp2_session *session;
	int fd;
	bool is_closed;
	uint32_t goaway;
	bool has_goaway;
};

/* --- the client --- */

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame,
    const uint8_t *name, size_t name_len, const uint8_t *value,
    size_t value_len, uint8_t flags, void *user)
{
	struct answer *a =
	    nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	if (name_len == 7 && memcmp(name, ":status", 7) == 0) {
		if (atoi((const char *)value) < 200)
			a->interim = atoi((const char *)value);
		else
			a->status = atoi((const char *)value);
	}
	if (name_len == 4 && memcmp(name, "etag", 4) == 0)
		snprintf(a->etag, sizeof(a->etag), "%.*s", (int)value_len,
		    (const char *)value);
	return 0;
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t id,
    const uint8_t *data, size_t len, void *user)
{
	struct answer *a = nghttp2_session_get_stream_user_data(session, id);

	a->body = realloc(a->body, a->len + len + 1);
	memcpy(a->body + a->len, data, len);
	a->len += len;
	a->body[a->len] = '\0';
	return 0;
}

static int
on_close(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
	struct answer *a = nghttp2_session_get_stream_user_data(session, id);

	if (a != NULL) {
		a->is_closed = true;
		a->error = error;
	}
	return 0;
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct client *c = user;

	if (frame->hd.type == NGHTTP2_GOAWAY) {
		c->has_goaway = true;
		c->goaway = frame->goaway.error_code;
	}
	return 0;
}

static ssize_t
upload(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len,
    uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct answer *a = source->ptr;
	size_t n = len < a->upload_left ? len : a->upload_left;

	memcpy(buf, a->upload, n);
	a->upload += n;
	a->upload_left -= n;
	if (a->upload_left == 0)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static void
client_open(struct client *c, struct http_node *n, bool no_window_updates)
{
	nghttp2_session_callbacks *cb;
	nghttp2_option *o;

	memset(c, 0, sizeof(*c));
	c->node = n;
	c->fd = http_node_connect(n, LOCAL);
	nghttp2_session_callbacks_new(&cb);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_option_new(&o);
	nghttp2_option_set_no_auto_window_update(o, no_window_updates);
	nghttp2_session_client_new2(&c->session, cb, c, o);
	nghttp2_option_del(o);
	nghttp2_session_callbacks_del(cb);
	nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, NULL, 0);
}

/* Moves bytes both ways until nothing moves any more. */
static void
client_run(struct client *c)
{
	static uint8_t buf[65536];
	const uint8_t *data;
	ssize_t n, w;

	for (int still = 0; still < 4 && !c->is_closed; still++) {
		while ((n = nghttp2_session_mem_send(c->session, &data)) > 0) {
			while (n > 0) {
				w = send(c->fd, data, (size_t)n, MSG_NOSIGNAL);
				if (w > 0) {
					data += w;
					n -= w;
				} else if (errno != EAGAIN) {
					n = 0;
				}
				http_node_run(c->node);
			}
			still = 0;
		}
		http_node_run(c->node);
		while ((n = read(c->fd, buf, sizeof(buf))) > 0) {
			still = 0;
			if (nghttp2_session_mem_recv(
				c->session, buf, (size_t)n) < 0)
				c->is_closed = true;
			http_node_run(c->node);
		}
		if (n == 0 || (n == -1 && errno != EAGAIN))
			c->is_closed = true;
	}
}

static void
client_close(struct client *c)
{
	nghttp2_session_del(c->session);
	close(c->fd);
	http_node_run(c->node);
}

static nghttp2_nv
nv(const char *name, const char *value)
{
	nghttp2_nv pair = {(uint8_t *)(uintptr_t)name,
	    (uint8_t *)(uintptr_t)value, strlen(name), strlen(value),
	    NGHTTP2_NV_FLAG_NONE};

	return pair;
}

static int32_t
submit(struct client *c, struct answer *a, const char *method, const char *path,
    const nghttp2_nv *more, size_t n_more)
{
	nghttp2_data_provider body = {{.ptr = a}, upload};
	nghttp2_nv all[80];
	size_t n = 0;

	all[n++] = nv(":method", method);
	all[n++] = nv(":scheme", "http");
	all[n++] = nv(":authority", "localhost");
	all[n++] = nv(":path", path);
	for (size_t i = 0; i < n_more; i++)
		all[n++] = more[i];
	return nghttp2_submit_request(
	    c->session, NULL, all, n, a->upload != NULL ? &body : NULL, a);
}

static int32_t
submit_get(struct client *c, struct answer *a, const char *path)
{
	memset(a, 0, sizeof(*a));
	return submit(c, a, "GET", path, NULL, 0);
}

static int32_t
submit_put(struct client *c, struct answer *a, const struct entry *e,
    const char *content, bool says_length)
{
	char key[BASE64_LEN(32) + 1], signature[BASE64_LEN(64) + 1], hash[65];
	char length[24], at[40], path[300];
	nghttp2_nv more[5];

	memset(a, 0, sizeof(*a));
	a->upload = content;
	a->upload_left = (size_t)e->size;
	base64_encode(e->signer, 32, key);
	base64_encode(e->signature, 64, signature);
	for (size_t i = 0; i < 32; i++)
		snprintf(hash + 2 * i, 3, "%02x", e->sha256[i]);
	snprintf(length, sizeof(length), "%" PRIu64, e->size);
	snprintf(at, sizeof(at), "%" PRIu64 ".%09" PRIu64,
	    e->signed_at_ns / 1000000000, e->signed_at_ns % 1000000000);
	snprintf(path, sizeof(path), "/files/%s", e->name);
	more[0] = nv("x-signedat", at);
	more[1] = nv("x-signedby", key);
	more[2] = nv("x-signature", signature);
	more[3] = nv("x-sha256", hash);
	more[4] = nv("content-length", length);
	return submit(c, a, "PUT", path, more, says_length ? 5 : 4);
}

static void
answer_free(struct answer *a)
{
	free(a->body);
	memset(a, 0, sizeof(*a));
}

/* --- the tests --- */

static int
setup(void **state)
{
	struct http_node *n = http_node_new();
	struct entry e;

	for (size_t i = 0; i < BIG; i++)
		big[i] = (char)('a' + i * 7919 % 26);
	fake_entry(&e, ENTRY_FILE, "small", 1000000000, "hello", 5, 1);
	fake_store_set(n->store, &e, "hello");
	fake_entry(&e, ENTRY_FILE, "big", 1000000000, big, BIG, 1);
	fake_store_set(n->store, &e, big);
	*state = n;
	return 0;
}

static int
teardown(void **state)
{
	http_node_free(*state);
	return 0;
}

static void
test_get(void **state)
{
	struct answer a, b, missing, list;
	struct client c;

	client_open(&c, *state, false);
	submit_get(&c, &a, "/files/small");
	submit_get(&c, &b, "/files/big");
	submit_get(&c, &missing, "/files/none");
	submit_get(&c, &list, "/files?prefix=s");
	client_run(&c);
	assert_int_equal(a.status, 200);
	assert_string_equal(a.body, "hello");
	assert_int_equal(strlen(a.etag), 66);
	assert_true(a.is_closed);
	assert_int_equal(b.status, 200);
	assert_int_equal(b.len, BIG);
	assert_memory_equal(b.body, big, BIG);
	assert_int_equal(missing.status, 404);
	assert_int_equal(list.status, 200);
	assert_int_equal(list.body[0], '[');
	answer_free(&a);
	answer_free(&b);
	answer_free(&missing);
	answer_free(&list);
	client_close(&c);
}

/* The same answers as over HTTP/1.1: a few of each kind. */
static void
test_same_answers(void **state)
{
	static const struct {
		const char *method;
		const char *path;
		const char *name;
		const char *value;
		int status;
	} rows[] = {
	    {"HEAD", "/files/big", "x-a", "", 200},
	    {"GET", "/files/big", "range", "bytes=1-2", 206},
	    {"GET", "/files/big", "if-none-match", "*", 304},
	    {"GET", "/files/big", "range", "bytes=9999999-", 416},
	    {"GET", "/files/../x", "x-a", "", 400},
	    {"GET", "/none", "x-a", "", 404},
	    {"POST", "/files/a", "x-a", "", 405},
	    {"GET", "/healthz", "origin", "null", 403},
	    {"GET", "/healthz", "sec-fetch-site", "cross-site", 403},
	    {"GET", "/healthz", "sec-fetch-site", "none", 200},
	    {"GET", "/healthz", "host", "localhost", 200},
	    {"GET", "/healthz", "host", "other", 400},
	    {"GET", "http://evil.example/healthz", "x-a", "", 0},
	    {"PUT", "/files/a", "x-a", "", 411},
	    {"PUT", "/files/a", "content-length", "0", 400},
	    {"GET", "/files", "range", "bytes=0-0", 200},
	    {"GET", "/metrics", "x-a", "", 200},
	    {"GET", "/peers", "x-a", "", 200},
	};
	struct client c;

	client_open(&c, *state, false);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		nghttp2_nv more = nv(rows[i].name, rows[i].value);
		struct answer a = {0};

		submit(&c, &a, rows[i].method, rows[i].path, &more, 1);
		client_run(&c);
		if (a.status != rows[i].status)
			fail_msg("%s %s %s: %d", rows[i].method, rows[i].path,
			    rows[i].value, a.status);
		if (strcmp(rows[i].method, "HEAD") == 0 || a.status == 304)
			assert_int_equal(a.len, 0);
		answer_free(&a);
	}
	client_close(&c);
}

static void
test_put(void **state)
{
	struct http_node *n = *state;
	struct answer a, empty, b;
	struct client c;
	struct entry e;

	client_open(&c, n, false);
	fake_entry(&e, ENTRY_FILE, "up", 1, big, BIG, 1);
	submit_put(&c, &a, &e, big, true);
	client_run(&c);
	assert_int_equal(a.status, 201);
	fake_entry(&e, ENTRY_FILE, "nothing", 1, "", 0, 1);
	submit_put(&c, &empty, &e, "", true);
	client_run(&c);
	assert_int_equal(empty.status, 201);
	submit_get(&c, &b, "/files/up");
	client_run(&c);
	assert_int_equal(b.len, BIG);
	answer_free(&a);
	answer_free(&empty);
	answer_free(&b);
	client_close(&c);
}

/* As many streams as may be, all of one list. */
static void
hold_pages(struct client *c, struct answer a[static HTTP_STREAMS_MAX],
    const char *path, uint32_t window)
{
	nghttp2_settings_entry set = {
	    NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};

	nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, &set, 1);
	client_run(c);
	for (int i = 0; i < HTTP_STREAMS_MAX; i++)
		submit_get(c, &a[i], path);
	client_run(c);
}

static void
set_names(struct http_node *n)
{
	struct entry e;
	char name[250];

	for (int i = 0; i < IPC_LIST_LIMIT_MAX; i++) {
		snprintf(name, sizeof(name), "%0240d", i);
		fake_entry(&e, ENTRY_FILE, name, 1000000000, "x", 1, 1);
		fake_store_set(n->store, &e, "x");
	}
	n->n_peers = 1000;
}

/* Nothing is made for a client that takes nothing, but it is answered. */
static void
test_a_closed_window(void **state)
{
	static const char *const paths[] = {"/files", "/peers", "/metrics"};
	struct answer a[HTTP_STREAMS_MAX];
	struct http_node *n = *state;

	set_names(n);
	for (int p = 0; p < 3; p++) {
		struct client c;

		client_open(&c, n, true);
		hold_pages(&c, a, paths[p], 0);
		for (int i = 0; i < HTTP_STREAMS_MAX; i++)
			assert_int_equal(a[i].status, 200);
		/* that of the streams and the connection */
		assert_in_range(memory_bytes(n->http->memory), 1, 400 << 10);
		/* it is made as soon as the client takes it */
		nghttp2_submit_window_update(
		    c.session, NGHTTP2_FLAG_NONE, 1, 1 << 20);
		client_run(&c);
		assert_true(a[0].len > 1000);
		for (int i = 0; i < HTTP_STREAMS_MAX; i++)
			answer_free(&a[i]);
		client_close(&c);
		assert_int_equal(memory_bytes(n->http->memory), 0);
	}
}

/* Clients that hold pages cost what there is for HTTP and no more, and then
 * they go, not one who comes with a request. */
static void
test_pages_that_are_held(void **state)
{
	enum { CLIENTS = 60 };
	static struct answer a[CLIENTS][HTTP_STREAMS_MAX];
	static struct client c[CLIENTS];
	struct http_node *n = *state;
	struct client good;
	struct answer list;
	int closed = 0;

	set_names(n);
	for (int i = 0; i < CLIENTS; i++) {
		client_open(&c[i], n, true);
		hold_pages(&c[i], a[i], i % 2 ? "/files" : "/peers", 1);
		assert_true(memory_bytes(n->http->memory) <= HTTP_MEMORY_MAX);
	}
	assert_true(memory_bytes(n->http->memory) > HTTP_MEMORY_MAX / 2);
	client_open(&good, n, false);
	submit_get(&good, &list, "/files");
	client_run(&good);
	assert_int_equal(list.status, 200);
	assert_true(list.is_closed);
	answer_free(&list);
	client_close(&good);
	for (int i = 0; i < CLIENTS; i++) {
		client_run(&c[i]);
		closed += c[i].is_closed;
		for (int s = 0; s < HTTP_STREAMS_MAX; s++)
			answer_free(&a[i][s]);
		client_close(&c[i]);
	}
	assert_in_range(closed, 1, CLIENTS / 2);
	assert_int_equal(memory_bytes(n->http->memory), 0);
}

/* Windows open only for what the store took. */
static void
test_back_pressure(void **state)
{
	struct http_node *n = *state;
	struct answer a;
	struct client c;
	struct entry e;

	client_open(&c, n, false);
	client_run(&c);
	n->store->is_stalled = true;
	fake_entry(&e, ENTRY_FILE, "up", 1, big, BIG, 1);
	submit_put(&c, &a, &e, big, true);
	client_run(&c);
	assert_int_equal(n->store->received, 0);
	assert_int_equal(BIG - a.upload_left, HTTP_STREAM_WINDOW);
	n->store->is_stalled = false;
	fake_store_go_on(n->store);
	client_run(&c);
	assert_int_equal(a.status, 201);
	assert_int_equal(n->store->received, BIG);
	answer_free(&a);
	client_close(&c);
}

/* Several stalled uploads leave the connection to the others. */
static void
test_stalled_beside_others(void **state)
{
	struct http_node *n = *state;
	struct answer a[3], b;
	struct client c;
	struct entry e;

	client_open(&c, n, false);
	client_run(&c);
	n->store->is_stalled = true;
	for (int i = 0; i < 3; i++) {
		fake_entry(&e, ENTRY_FILE, "up", 1, big, BIG, 1);
		submit_put(&c, &a[i], &e, big, true);
	}
	client_run(&c);
	submit_get(&c, &b, "/files/small");
	client_run(&c);
	assert_int_equal(b.status, 200);
	answer_free(&b);
	client_close(&c);
	assert_int_equal(n->store->aborted, 3);
	assert_int_equal(store_client_puts(n->link), 0);
}

static void
test_refused_upload(void **state)
{
	struct http_node *n = *state;
	struct answer a, b;
	struct client c;
	struct entry e;

	client_open(&c, n, false);
	n->store->refuse = VERDICT_UNKNOWN_FILE;
	fake_entry(&e, ENTRY_FILE, "up", 1, big, BIG, 1);
	submit_put(&c, &a, &e, big, true);
	client_run(&c);
	assert_int_equal(a.status, 403);
	assert_true(a.is_closed);
	assert_int_equal(a.error, NGHTTP2_NO_ERROR);
	assert_true(a.upload_left > 0); /* not all of it was drained */
	assert_int_equal(n->store->received, 0);
	/* The connection goes on, with its window whole. */
	n->store->refuse = VERDICT_OK;
	submit_put(&c, &b, &e, big, true);
	client_run(&c);
	assert_int_equal(b.status, 201);
	answer_free(&a);
	answer_free(&b);
	client_close(&c);
}

static void
test_length_is_kept(void **state)
{
	struct http_node *n = *state;
	struct answer a;
	struct client c;
	struct entry e;

	client_open(&c, n, false);
	fake_entry(&e, ENTRY_FILE, "up", 1, big, 1000, 1);
	submit_put(&c, &a, &e, big, false);
	client_run(&c);
	assert_int_equal(a.status, 411);
	answer_free(&a);
	submit_put(&c, &a, &e, big, true);
	a.upload_left = 999; /* ends early */
	client_run(&c);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.error, NGHTTP2_PROTOCOL_ERROR);
	submit_put(&c, &a, &e, big, true);
	a.upload_left = 1001;
	client_run(&c);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.error, NGHTTP2_PROTOCOL_ERROR);
	assert_int_equal(store_client_puts(n->link), 0);
	client_close(&c);
}

static void
test_large_head(void **state)
{
	static char value[9000];
	struct answer a = {0}, b = {0};
	nghttp2_nv more[70];
	struct client c;

	memset(value, 'x', sizeof(value) - 1);
	client_open(&c, *state, false);
	more[0] = more[1] = nv("x-a", value);
	submit(&c, &a, "GET", "/healthz", more, 2);
	for (int i = 0; i < 70; i++)
		more[i] = nv("x-a", "");
	submit(&c, &b, "GET", "/healthz", more, 65);
	client_run(&c);
	assert_int_equal(a.status, 431);
	assert_int_equal(b.status, 431);
	answer_free(&a);
	answer_free(&b);
	client_close(&c);
}

/* Sends a request and takes it back, as often as it likes: no. */
static void
test_rapid_reset(void **state)
{
	struct http_node *n = *state;
	static struct answer a[1000];
	struct client c;

	client_open(&c, n, false);
	client_run(&c);
	n->store->is_silent = true;
	for (int i = 0; i < 1000 && !c.has_goaway && !c.is_closed; i++) {
		int32_t id = submit_get(&c, &a[i], "/files/small");

		client_run(&c);
		nghttp2_submit_rst_stream(
		    c.session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
		client_run(&c);
	}
	assert_true(c.has_goaway || c.is_closed);
	assert_true(n->store->opened <= 300);
	client_close(&c);
	assert_int_equal(http_server_connections(n->http), 0);
}

static void
test_streams_limit(void **state)
{
	struct http_node *n = *state;
	static struct answer a[40];
	struct client c;

	client_open(&c, n, false);
	client_run(&c);
	n->store->is_silent = true;
	for (int i = 0; i < 40; i++)
		submit_get(&c, &a[i], "/files/small");
	client_run(&c);
	assert_int_equal(n->store->opened, HTTP_STREAMS_MAX);
	client_close(&c);
}

/* Frames made by hand: header list that never ends, SETTINGS and PING floods,
 * garbage. Each ends the connection, none of them us. */
static void
flood(struct http_node *n, const uint8_t *frame, size_t len, unsigned times,
    bool starts_stream)
{
	/* HEADERS of stream 1, without END_HEADERS, empty block */
	static const uint8_t headers[] = {0, 0, 0, 1, 1, 0, 0, 0, 1};
	static const uint8_t settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
	char out[65536];
	int fd = http_node_connect(n, LOCAL);
	bool is_closed = false;

	http_node_talk(n, fd, PREFACE, 24, out, sizeof(out), &is_closed);
	http_node_talk(n, fd, settings, 9, out, sizeof(out), &is_closed);
	if (starts_stream)
		http_node_talk(n, fd, headers, 9, out, sizeof(out), &is_closed);
	for (; times > 0 && send(fd, frame, len, MSG_NOSIGNAL) > 0; times--)
		http_node_run(n);
	http_node_run(n);
	/* Answers that nobody reads stop us from reading: it is stuck. */
	if (times > 0)
		http_node_pass(n, HTTP_STALL_S_MAX + 1);
	assert_int_equal(http_server_connections(n->http), 0);
	close(fd);
}

static void
test_floods(void **state)
{
	static const uint8_t continuation[] = {0, 0, 0, 9, 0, 0, 0, 0, 1};
	static const uint8_t ping[] = {
	    0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
	static const uint8_t settings[] = {
	    0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 1, 0};
	static const uint8_t garbage[] = "this is not a frame at all, is it?";
	static const uint8_t data[] = {0, 0, 1, 0, 0, 0, 0, 0, 1, 'x'};

	flood(*state, continuation, sizeof(continuation), 100, true);
	/* Answered by nobody who reads: our answers are bounded. */
	flood(*state, ping, sizeof(ping), 100000, false);
	flood(*state, settings, sizeof(settings), 100000, false);
	flood(*state, garbage, sizeof(garbage), 1, false);
	flood(*state, data, sizeof(data), 1, false);
}

static void
test_deadlines(void **state)
{
	struct http_node *n = *state;
	struct client c;
	struct answer a;

	client_open(&c, n, false); /* asks nothing */
	client_run(&c);
	http_node_pass(n, HTTP_HEAD_S_MAX + 1);
	assert_int_equal(http_server_connections(n->http), 0);
	client_close(&c);
	client_open(&c, n, false); /* asks nothing more */
	submit_get(&c, &a, "/files/small");
	client_run(&c);
	answer_free(&a);
	http_node_pass(n, HTTP_IDLE_S_MAX);
	assert_int_equal(http_server_connections(n->http), 1);
	http_node_pass(n, HTTP_IDLE_S_MAX + 1);
	client_run(&c);
	assert_true(c.has_goaway);
	assert_int_equal(c.goaway, NGHTTP2_NO_ERROR);
	assert_int_equal(http_server_connections(n->http), 0);
	client_close(&c);
}

/* A window that the client never opens must not keep a file for ever. */
static void
test_closed_window(void **state)
{
	struct http_node *n = *state;
	struct client c;
	struct answer a;

	client_open(&c, n, true);
	submit_get(&c, &a, "/files/big");
	client_run(&c);
	assert_int_equal(a.len, 65535);
	assert_false(a.is_closed);
	http_node_pass(n, HTTP_STALL_S_MAX + 1);
	client_run(&c);
	assert_true(a.is_closed);
	assert_int_equal(a.error, NGHTTP2_CANCEL);
	answer_free(&a);
	client_close(&c);
}

static void
test_list_in_pages(void **state)
{
	struct http_node *n = *state;
	struct client c;
	struct answer a;

	n->store->page = 1;
	client_open(&c, n, false);
	submit_get(&c, &a, "/files");
	client_run(&c);
	assert_true(a.is_closed);
	assert_non_null(strstr(a.body, "\"big\""));
	assert_string_equal(a.body + a.len - 3, "\n]\n");
	answer_free(&a);
	/* Cut short, it is not taken for whole. */
	n->store->listed = 0;
	n->store->silent_after = 1;
	submit_get(&c, &a, "/files");
	client_run(&c);
	assert_false(a.is_closed);
	http_node_stop_store(n);
	client_run(&c);
	assert_true(a.is_closed);
	assert_int_not_equal(a.error, NGHTTP2_NO_ERROR);
	answer_free(&a);
	client_close(&c);
}

/* The preface in pieces, and what merely begins like it. */
static void
test_preface(void **state)
{
	struct http_node *n = *state;
	char out[4096];
	bool is_closed;
	int fd = http_node_connect(n, LOCAL);

	for (int i = 0; i < 24; i++)
		http_node_talk(
		    n, fd, &PREFACE[i], 1, out, sizeof(out), &is_closed);
	/* Our SETTINGS have come. */
	assert_int_equal(out[3], 4);
	close(fd);
	fd = http_node_connect(n, LOCAL);
	http_node_talk(n, fd, "PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n", 24, out,
	    sizeof(out), &is_closed);
	assert_memory_equal(out, "HTTP/1.1 400", 12);
	close(fd);
	http_node_run(n);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_get), T(test_same_answers),
	    T(test_put), T(test_a_closed_window), T(test_pages_that_are_held),
	    T(test_back_pressure), T(test_stalled_beside_others),
	    T(test_refused_upload), T(test_length_is_kept), T(test_large_head),
	    T(test_rapid_reset), T(test_streams_limit), T(test_floods),
	    T(test_deadlines), T(test_closed_window), T(test_list_in_pages),
	    T(test_preface)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
