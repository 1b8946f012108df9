/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dmctl/url.h"

static void
test_taken(void **state)
{
	static const struct {
		const char *text, *host, *port, *prefix, *authority;
	} good[] = {
	    {"http://localhost:7331", "localhost", "7331", "",
		"localhost:7331"},
	    {"http://localhost:7331/", "localhost", "7331", "",
		"localhost:7331"},
	    {"HTTP://a.clan", "a.clan", "80", "", "a.clan:80"},
	    {"http://[::1]:7331", "::1", "7331", "", "[::1]:7331"},
	    {"http://[fe80::1%eth0]:1", "fe80::1%eth0", "1", "",
		"[fe80::1%eth0]:1"},
	    {"http://[fe80::1%25eth0]:1", "fe80::1%eth0", "1", "",
		"[fe80::1%eth0]:1"},
	    {"http://[fe80::1%25]:1", "fe80::1%25", "1", "",
		"[fe80::1%25]:1"},
	    {"http://10.0.0.1:65535/mesh/x/", "10.0.0.1", "65535", "/mesh/x",
		"10.0.0.1:65535"},
	};
	char authority[URL_AUTHORITY_MAX];
	struct url u;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_null(url_parse(good[i].text, &u));
		assert_string_equal(u.host, good[i].host);
		assert_string_equal(u.port, good[i].port);
		assert_string_equal(u.prefix, good[i].prefix);
		assert_string_equal(
		    url_authority(&u, authority), good[i].authority);
	}
}

static void
test_host_field(void **state)
{
	char field[URL_AUTHORITY_MAX];
	struct url u;

	assert_null(url_parse("http://[fe80::1%eth0]:1", &u));
	assert_string_equal(url_host_field(&u, field), "[fe80::1]:1");
	assert_null(url_parse("http://a.clan", &u));
	assert_string_equal(url_host_field(&u, field), "a.clan:80");
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {"", "localhost:7331",
	    "https://localhost", "ftp://localhost", "http://", "http://:80",
	    "http://host:", "http://host:0", "http://host:65536",
	    "http://host:99999999999999999999", "http://host:80x",
	    "http://user@host", "http://[::1", "http://[]:80",
	    "http://host/a?b", "http://host/a#b", "http://host/a b",
	    "http://host\r\nX: y", "http://host/\r\nX: y", "http://host?x",
	    "http://ho\x80st"};
	char long_host[300];
	struct url u;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (url_parse(bad[i], &u) == NULL)
			fail_msg("\"%s\" taken", bad[i]);
	memset(long_host, 'a', sizeof(long_host));
	memcpy(long_host, "http://", 7);
	long_host[7 + URL_HOST_MAX] = '\0';
	assert_null(url_parse(long_host, &u));
	long_host[7 + URL_HOST_MAX] = 'a';
	long_host[8 + URL_HOST_MAX] = '\0';
	assert_non_null(url_parse(long_host, &u));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_taken),
	    cmocka_unit_test(test_host_field),
	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
