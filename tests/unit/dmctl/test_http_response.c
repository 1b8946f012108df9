/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "dmctl/entry_fields.h"
#include "dmctl/http_response.h"

static struct http_response r;
static char body[256];
static size_t body_len;

static void
on_body(void *ctx, const uint8_t *data, size_t len)
{
	if (len > sizeof(body) - body_len)
		len = sizeof(body) - body_len;
	memcpy(body + body_len, data, len);
	body_len += len;
}

/* In pieces of this size. Returns how much was taken. */
static size_t
feed(const char *text, size_t piece)
{
	size_t len = strlen(text), at = 0;

	http_response_init(&r);
	body_len = 0;
	while (at < len) {
		size_t n = len - at < piece ? len - at : piece;
		size_t taken = http_response_feed(
		    &r, (const uint8_t *)text + at, n, on_body, NULL);

		at += taken;
		if (taken < n)
			break;
	}
	return at;
}

struct example {
	const char *text;
	int status;
	const char *body;
	bool may_keep_alive;
	bool ends; /* only with the connection */
};

static const struct example good[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true,
	false},
    {"HTTP/1.1 200 OK\r\ncontent-length:5\r\nConnection: close\r\n\r\nhello",
	200, "hello", false, false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", false,
	false},
    {"HTTP/1.1 304\r\nContent-Length: 5\r\n\r\n", 304, "", true, false},
    {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", true, false},
    {"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 201, "", true, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     "5\r\nhello\r\nA;x=y\r\n, world!!!\r\n0\r\nTrailer: x\r\n\r\n",
	200, "hello, world!!!", true, false},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Busy\r\nA: b\r\n\r\n"
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	200, "ok", true, false},
    {"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end", false, true},
};

static void
test_any_pieces(void **state)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct example *e = &good[i];

		for (size_t piece = 1; piece <= strlen(e->text); piece++) {
			assert_int_equal(feed(e->text, piece), strlen(e->text));
			if (e->ends) {
				assert_int_equal(r.state, RESPONSE_BODY);
				http_response_end(&r);
			}
			assert_int_equal(r.state, RESPONSE_DONE);
			assert_int_equal(r.status, e->status);
			assert_int_equal(r.may_keep_alive, e->may_keep_alive);
			assert_int_equal(body_len, strlen(e->body));
			assert_memory_equal(body, e->body, body_len);
		}
	}
}

/* An end anywhere before the last byte is no response. */
static void
test_cut(void **state)
{
	char text[256];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (good[i].ends)
			continue;
		for (size_t len = 0; len < strlen(good[i].text); len++) {
			snprintf(text, len + 1, "%s", good[i].text);
			feed(text, 7);
			http_response_end(&r);
			assert_int_equal(r.state, RESPONSE_BAD);
		}
	}
}

static void
test_surplus_is_left(void **state)
{
	char text[256];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (good[i].ends)
			continue;
		snprintf(text, sizeof(text), "%sHTTP/1.1 200 OK\r\n\r\n",
		    good[i].text);
		for (size_t piece = 1; piece <= strlen(text); piece++) {
			assert_int_equal(
			    feed(text, piece), strlen(good[i].text));
			assert_int_equal(r.state, RESPONSE_DONE);
			assert_int_equal(r.status, good[i].status);
		}
	}
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {
	    "SSH-2.0-OpenSSH\r\n\r\n\r\n",
	    "HTTP/2.0 200 OK\r\n\r\n",
	    "HTTP/1.1 99 x\r\n\r\n",
	    "HTTP/1.1 20 OK\r\n\r\n",
	    "HTTP/1.1 200OK\r\n\r\n",
	    "HTTP/1.1 600 x\r\n\r\n",
	    "HTTP/1.1 0200 x\r\n\r\n",
	    "HTTP/1.1\r\n\r\n",
	    "HTTP/1.1 2\r\n\r\n",
	    "HTTP/1.9 200 OK\r\n\r\n",
	    "RTSP/1.0 200 OK\r\n\r\n",
	    "HTTP/1.1 200 OK\nA: b\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
	    "HTTP/1.1 101 Switching\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: "
	    "5\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: "
	    "chunked\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
	    "Transfer-Encoding: gzip\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nContent-Length: "
	    "99999999999999999999\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nA b\r\n\r\n",
	    "HTTP/1.1 200 OK\r\n: b\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nA: b\x01\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ng\r\n",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nx",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
	    "chunked\r\n\r\n12345678901234567\r\n",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (size_t piece = 1; piece < 200; piece += 66) {
			feed(bad[i], piece);
			if (r.state != RESPONSE_BAD)
				fail_msg("taken: %s", bad[i]);
		}
}

static void
test_bounds(void **state)
{
	static char text[HTTP_RESPONSE_HEAD_MAX * 2];

	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "HTTP/1.1 200 OK\r\nA: ", 20);
	assert_int_equal(feed(text, 1000), HTTP_RESPONSE_HEAD_MAX + 1);
	assert_int_equal(r.state, RESPONSE_BAD);

	memcpy(
	    text, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 47);
	memset(text + 47, '0', sizeof(text) - 48);
	feed(text, 1000);
	assert_int_equal(r.state, RESPONSE_BAD);
}

/* So many bytes between the first chunk and the second, or the trailers' end:
 * an extension, or a trailer. */
static void
feed_framing(size_t len, bool is_trailer, size_t piece)
{
	static char text[HTTP_RESPONSE_FRAMING_MAX * 2];
	const char *head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
			   "chunked\r\n\r\n1\r\nx";
	const char *before = is_trailer ? "\r\n0\r\na:" : "\r\n1;a=";
	const char *after = is_trailer ? "\r\n\r\n" : "\r\ny";
	size_t at = (size_t)snprintf(text, sizeof(text), "%s%s", head, before);
	size_t fill = len - strlen(before) - strlen(after) + !is_trailer;

	memset(text + at, 'b', fill);
	strcpy(text + at + fill, after);
	feed(text, piece);
}

static void
test_bound_of_framing(void **state)
{
	for (size_t piece = 1; piece < 20000; piece = piece * 7 + 1) {
		feed_framing(HTTP_RESPONSE_FRAMING_MAX, false, piece);
		assert_int_equal(r.state, RESPONSE_BODY);
		assert_int_equal(body_len, 2);
		feed_framing(HTTP_RESPONSE_FRAMING_MAX + 1, false, piece);
		assert_int_equal(r.state, RESPONSE_BAD);
		assert_int_equal(body_len, 1);
		feed_framing(HTTP_RESPONSE_FRAMING_MAX, true, piece);
		assert_int_equal(r.state, RESPONSE_DONE);
		feed_framing(HTTP_RESPONSE_FRAMING_MAX + 1, true, piece);
		assert_int_equal(r.state, RESPONSE_BAD);
	}
}

static void
test_field(void **state)
{
	struct bytes v;

	feed("HTTP/1.1 100 Continue\r\nX-A: not this\r\n\r\n"
	     "HTTP/1.1 200 OK\r\nx-a: \t one \r\nX-A: two\r\n"
	     "X-Ab: three\r\nContent-Length: 0\r\n\r\n",
	    9);
	assert_true(r.is_continue);
	v = http_response_field(&r, "X-A");
	assert_int_equal(v.len, 3);
	assert_memory_equal(v.data, "one", 3);
	assert_null(http_response_field(&r, "X").data);
}

/* What dmd(8) answers is the entry that was sent. */
static void
test_entry_fields(void **state)
{
	struct entry e = {.name = "a/b", .kind = ENTRY_FILE}, again;
	char fields[ENTRY_FIELDS_TEXT_MAX], text[1024];

	e.signed_at_ns = UINT64_C(1775831000000000007);
	e.valid_for_s = 3600;
	e.size = 2;
	memset(e.sha256, 0xab, sizeof(e.sha256));
	memset(e.signer, 1, sizeof(e.signer));
	memset(e.signature, 2, sizeof(e.signature));
	entry_fields_format(&e, fields);
	assert_non_null(strstr(fields, "X-Signedat: 1775831000.000000007\r\n"));
	snprintf(text, sizeof(text),
	    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n%s\r\nok", fields);
	feed(text, 50);
	assert_int_equal(r.state, RESPONSE_DONE);
	memset(&again, 0, sizeof(again));
	strcpy(again.name, "a/b");
	assert_true(entry_fields_parse(&r, &again));
	assert_memory_equal(&again, &e, sizeof(e));

	feed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 50);
	assert_false(entry_fields_parse(&r, &again));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_any_pieces),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_surplus_is_left),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_bound_of_framing),
	    cmocka_unit_test(test_field),
	    cmocka_unit_test(test_entry_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
