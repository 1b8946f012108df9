/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "dm-net/http/target.h"

static const struct {
	const char *target;
	enum verdict verdict;
	enum http_route route;
	const char *name;
	const char *prefix;
} rows[] = {
    {"/files/a", VERDICT_OK, ROUTE_FILE, "a", ""},
    {"/files/a/b.c", VERDICT_OK, ROUTE_FILE, "a/b.c", ""},
    {"/files/a%2Fb", VERDICT_OK, ROUTE_FILE, "a/b", ""},
    {"/files/dns%3Asol?x=1", VERDICT_OK, ROUTE_FILE, "dns:sol", ""},
    {"http://h:1/files/a", VERDICT_OK, ROUTE_FILE, "a", ""},
    {"/files", VERDICT_OK, ROUTE_FILES, "", ""},
    {"/files?prefix=a%2F&x", VERDICT_OK, ROUTE_FILES, "", "a/"},
    {"/files?", VERDICT_OK, ROUTE_FILES, "", ""},
    {"/peers", VERDICT_OK, ROUTE_PEERS, "", ""},
    {"/healthz", VERDICT_OK, ROUTE_HEALTHZ, "", ""},
    {"/metrics", VERDICT_OK, ROUTE_METRICS, "", ""},
    {"/", VERDICT_OK, ROUTE_NONE, "", ""},
    {"/healthz/", VERDICT_OK, ROUTE_NONE, "", ""},
    {"//files/a", VERDICT_OK, ROUTE_NONE, "", ""},
    {"/FILES/a", VERDICT_OK, ROUTE_NONE, "", ""},
    {"*", VERDICT_OK, ROUTE_NONE, "", ""},
    {"/files/", VERDICT_BAD_NAME, ROUTE_FILE, NULL, NULL},
    {"/files/../x", VERDICT_BAD_NAME, ROUTE_FILE, NULL, NULL},
    {"/files/%2e%2e/x", VERDICT_BAD_NAME, ROUTE_FILE, NULL, NULL},
    {"/files/.x", VERDICT_BAD_NAME, ROUTE_FILE, NULL, NULL},
    {"/files/a//b", VERDICT_BAD_NAME, ROUTE_FILE, NULL, NULL},
    {"/files/a/", VERDICT_BAD_NAME, ROUTE_FILE, NULL, NULL},
    {"/files//a", VERDICT_BAD_NAME, ROUTE_FILE, NULL, NULL},
    {"/files/a%00", VERDICT_BAD_NAME, ROUTE_FILE, NULL, NULL},
    {"/files/a%252e", VERDICT_BAD_NAME, ROUTE_FILE, NULL, NULL},
    {"/files/a+b", VERDICT_BAD_NAME, ROUTE_FILE, NULL, NULL},
    {"/files/%c3%a9", VERDICT_BAD_NAME, ROUTE_FILE, NULL, NULL},
    {"/files/a%2", VERDICT_MALFORMED, ROUTE_NONE, NULL, NULL},
    {"/files/a%2g", VERDICT_MALFORMED, ROUTE_NONE, NULL, NULL},
    {"/files/a%", VERDICT_MALFORMED, ROUTE_NONE, NULL, NULL},
    {"/files/a b", VERDICT_MALFORMED, ROUTE_NONE, NULL, NULL},
    {"/files/\xc3\xa9", VERDICT_MALFORMED, ROUTE_NONE, NULL, NULL},
    {"/files/a#b", VERDICT_MALFORMED, ROUTE_NONE, NULL, NULL},
    {"/files?prefix=%", VERDICT_MALFORMED, ROUTE_NONE, NULL, NULL},
    {"/files?prefix=a&prefix=b", VERDICT_MALFORMED, ROUTE_NONE, NULL, NULL},
    {"files/a", VERDICT_MALFORMED, ROUTE_NONE, NULL, NULL},
    {"", VERDICT_MALFORMED, ROUTE_NONE, NULL, NULL},
    {"http:///files/a", VERDICT_MALFORMED, ROUTE_NONE, NULL, NULL},
    {"http://host", VERDICT_MALFORMED, ROUTE_NONE, NULL, NULL},
    {"host:443", VERDICT_MALFORMED, ROUTE_NONE, NULL, NULL},
};

static void
test_rows(void **state)
{
	struct http_target t;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum verdict v =
		    http_target_parse(&t, bytes_text(rows[i].target));

		if (v != rows[i].verdict)
			fail_msg("%s: %s", rows[i].target, verdict_code(v));
		if (v != VERDICT_OK)
			continue;
		if (t.route != rows[i].route)
			fail_msg("%s: another route", rows[i].target);
		assert_string_equal(t.name, rows[i].name);
		assert_string_equal(t.prefix, rows[i].prefix);
	}
}

static void
test_name_length(void **state)
{
	char target[300] = "/files/";
	struct http_target t;

	memset(target + 7, 'a', 255);
	assert_int_equal(http_target_parse(&t, bytes_text(target)), VERDICT_OK);
	target[7 + 255] = 'a';
	assert_int_equal(
	    http_target_parse(&t, bytes_text(target)), VERDICT_BAD_NAME);
}

static void
test_authority(void **state)
{
	struct http_target t;

	assert_int_equal(http_target_parse(&t,
			     bytes_text("HTTP://example:80/files?prefix=a")),
	    VERDICT_OK);
	assert_int_equal(t.authority.len, 10);
	assert_memory_equal(t.authority.data, "example:80", 10);
}

static void
test_host(void **state)
{
	static const struct {
		const char *authority;
		const char *host;
	} hosts[] = {
	    {"localhost", "localhost"},
	    {"localhost:7331", "localhost"},
	    {"127.0.0.1:1", "127.0.0.1"},
	    {"[::1]", "::1"},
	    {"[::1]:7331", "::1"},
	    {"host:", "host"},
	    {"", NULL},
	    {":80", NULL},
	    {"[]", NULL},
	    {"[::1", NULL},
	    {"[::1]x", NULL},
	    {"a:b", NULL},
	    {"a:123456", NULL},
	    {"::1", NULL},
	    {"user@localhost:x", NULL},
	};
	struct bytes host;

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		bool ok =
		    http_host_parse(bytes_text(hosts[i].authority), &host);

		if (ok != (hosts[i].host != NULL))
			fail_msg("%s: %d", hosts[i].authority, ok);
		if (!ok)
			continue;
		assert_int_equal(host.len, strlen(hosts[i].host));
		assert_memory_equal(host.data, hosts[i].host, host.len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_name_length),
	    cmocka_unit_test(test_authority),
	    cmocka_unit_test(test_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
