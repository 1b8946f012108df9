/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "dmctl/known_networks.h"

#define KEY "P6AE0lukf9/qmVglYrGPNYo5ZnpFrnqLeAzlCZF0lTk="
#define WEAK "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static struct known_networks rows;
static char text[KNOWN_TEXT_MAX];

static size_t
parse(const char *from)
{
	return known_parse(from, strlen(from), &rows);
}

static void
test_one_spelling(void **state)
{
	static const struct {
		const char *given, *spelt;
	} urls[] = {
	    {"http://localhost", "http://localhost:80"},
	    {"HTTP://LocalHost:7331/", "http://localhost:7331"},
	    {"http://a:080/Mesh/x//", "http://a:80/Mesh/x"},
	    {"http://[FE80::1%Eth0]:1", "http://[fe80::1%25Eth0]:1"},
	    {"http://[fe80::1%2525x]:1", "http://[fe80::1%2525x]:1"},
	};
	char out[KNOWN_URL_MAX], again[KNOWN_URL_MAX];
	struct url url;

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		assert_null(url_parse(urls[i].given, &url));
		assert_true(known_url(&url, out));
		assert_string_equal(out, urls[i].spelt);
		assert_null(url_parse(out, &url));
		assert_true(known_url(&url, again));
		assert_string_equal(again, out);
	}
}

static void
test_longest(void **state)
{
	struct url url = {.is_ipv6 = true, .port = "65535"};
	char out[KNOWN_URL_MAX];

	memset(url.host, 'a', URL_HOST_MAX);
	memset(url.prefix, 'b', URL_PREFIX_MAX);
	url.prefix[0] = '/';
	assert_true(known_url(&url, out));
	assert_int_equal(strlen(out) + 1, KNOWN_URL_MAX);
	url.host[9] = '%'; /* two characters longer than can be read */
	assert_false(known_url(&url, out));
}

static void
test_lines(void **state)
{
	const char *two = "http://a:80 " KEY "\nhttp://b:1/x -\n";
	const struct network *n;
	size_t len;

	assert_int_equal(parse(""), 0);
	assert_int_equal(rows.n, 0);
	assert_int_equal(parse(two), 0);
	n = known_find(&rows, "http://a:80");
	assert_true(n != NULL && n->has_key);
	n = known_find(&rows, "http://b:1/x");
	assert_true(n != NULL && !n->has_key);
	assert_null(known_find(&rows, "http://b:1"));
	len = known_format(&rows, text);
	assert_int_equal(len, strlen(two));
	assert_memory_equal(text, two, len);
}

static void
test_wrong_lines(void **state)
{
	static const char *const wrong[] = {"\n", "http://a:80 -",
	    "http://a:80\n", "http://a:80 \n", "http://a:80  -\n",
	    "http://a -\n", "http://A:80 -\n", "a:80 -\n", "https://a:80 -\n",
	    "http://a:80 " WEAK "\n", "http://a:80 AAAA\n",
	    "http://a:80 " KEY " \n", "http://a:80 -\r\n", " http://a:80 -\n",
	    "http://a:80 ssh-ed25519\n"};
	char good_and[256];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(
		    good_and, sizeof(good_and), "http://z:1 -\n%s", wrong[i]);
		if (parse(good_and) != 2)
			fail_msg("taken: %s", wrong[i]);
	}
	/* of two lines for one URL it is not known which is right */
	assert_int_equal(
	    parse("http://a:80 -\nhttp://b:80 -\nhttp://a:80 " KEY "\n"), 3);
	assert_int_equal(known_parse("http://a:80\0 -\n", 15, &rows), 1);
}

static void
test_first_is_dropped(void **state)
{
	struct network none = {.has_key = false}, some = {.has_key = true};
	char url[KNOWN_URL_MAX];

	memset(some.key, 7, sizeof(some.key));
	rows.n = 0;
	for (int i = 0; i < KNOWN_ROWS_MAX; i++) {
		snprintf(url, sizeof(url), "http://a:%d", i + 1);
		known_set(&rows, url, &none);
	}
	known_set(&rows, "http://a:1", &some); /* now the last */
	assert_int_equal(rows.n, KNOWN_ROWS_MAX);
	known_set(&rows, "http://b:1", &none);
	assert_int_equal(rows.n, KNOWN_ROWS_MAX);
	assert_null(known_find(&rows, "http://a:2"));
	assert_true(known_find(&rows, "http://a:1")->has_key);
	assert_non_null(known_find(&rows, "http://a:3"));
	assert_non_null(known_find(&rows, "http://b:1"));
}

static void
test_full_and_longest(void **state)
{
	struct network n = {.has_key = true};
	struct url url = {.is_ipv6 = true, .port = "65535"};
	char spelt[KNOWN_URL_MAX];

	assert_int_equal(parse("http://a:80 " KEY "\n"), 0);
	n = *known_find(&rows, "http://a:80");
	memset(url.host, 'a', URL_HOST_MAX);
	memset(url.prefix, 'b', URL_PREFIX_MAX);
	url.prefix[0] = '/';
	rows.n = 0;
	for (int i = 0; i < KNOWN_ROWS_MAX; i++) {
		url.host[0] = "abcdef0123456789"[i % 16];
		url.host[1] = "abcdef0123456789"[i / 16];
		assert_true(known_url(&url, spelt));
		known_set(&rows, spelt, &n);
	}
	assert_int_equal(
	    known_parse(text, known_format(&rows, text), &rows), 0);
	assert_int_equal(rows.n, KNOWN_ROWS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_spelling),
	    cmocka_unit_test(test_longest),
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_wrong_lines),
	    cmocka_unit_test(test_first_is_dropped),
	    cmocka_unit_test(test_full_and_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
