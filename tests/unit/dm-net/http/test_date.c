/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dm-net/http/date.h"

static void
test_date(void **state)
{
	static const struct {
		uint64_t s;
		const char *text;
	} rows[] = {
	    {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
	    {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
	    {951827696, "Tue, 29 Feb 2000 12:34:56 GMT"},
	    {UINT64_C(253402300799), "Fri, 31 Dec 9999 23:59:59 GMT"},
	    {UINT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
	};
	char out[HTTP_DATE_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		http_date(rows[i].s, out);
		assert_string_equal(out, rows[i].text);
	}
}

static void
test_time(void **state)
{
	char out[HTTP_TIME_SIZE];

	http_time(UINT64_C(784111777000000001), out);
	assert_string_equal(out, "1994-11-06T08:49:37.000000001Z");
	http_time(UINT64_C(1) << 62, out);
	assert_string_equal(out, "2116-02-20T23:53:38.427387904Z");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_date),
	    cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
