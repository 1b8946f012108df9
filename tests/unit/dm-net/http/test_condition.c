/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dm-net/http/condition.h"

static void
test_range(void **state)
{
	static const struct {
		const char *field;
		uint64_t size;
		enum http_range range;
		uint64_t first;
		uint64_t length;
	} rows[] = {
	    {"bytes=0-0", 10, RANGE_PART, 0, 1},
	    {"bytes=0-9", 10, RANGE_PART, 0, 10},
	    {"bytes=2-", 10, RANGE_PART, 2, 8},
	    {"bytes=9-100", 10, RANGE_PART, 9, 1},
	    {"bytes=-3", 10, RANGE_PART, 7, 3},
	    {"bytes=-30", 10, RANGE_PART, 0, 10},
	    {"Bytes=1-2", 10, RANGE_PART, 1, 2},
	    {"bytes=5-18446744073709551615", 10, RANGE_PART, 5, 5},
	    {"bytes=10-", 10, RANGE_OUTSIDE, 0, 0},
	    {"bytes=-0", 10, RANGE_OUTSIDE, 0, 0},
	    {"bytes=0-", 0, RANGE_OUTSIDE, 0, 0},
	    {"bytes=-1", 0, RANGE_OUTSIDE, 0, 0},
	    {"bytes=3-2", 10, RANGE_NONE, 0, 0},
	    {"bytes=0-1,3-4", 10, RANGE_NONE, 0, 0},
	    {"bytes=", 10, RANGE_NONE, 0, 0},
	    {"bytes=-", 10, RANGE_NONE, 0, 0},
	    {"bytes=a-b", 10, RANGE_NONE, 0, 0},
	    {"bytes=1 -2", 10, RANGE_NONE, 0, 0},
	    {"bytes=18446744073709551616-", 10, RANGE_NONE, 0, 0},
	    {"lines=1-2", 10, RANGE_NONE, 0, 0},
	    {"", 10, RANGE_NONE, 0, 0},
	};
	uint64_t first, length;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		first = length = 0;
		if (http_range_parse(bytes_text(rows[i].field), rows[i].size,
			&first, &length) != rows[i].range)
			fail_msg("%s", rows[i].field);
		if (rows[i].range != RANGE_PART)
			continue;
		assert_int_equal(first, rows[i].first);
		assert_int_equal(length, rows[i].length);
	}
}

static void
test_etags(void **state)
{
	static const struct {
		const char *list;
		bool listed;
	} rows[] = {
	    {"\"abc\"", true},
	    {"W/\"abc\"", true},
	    {"*", true},
	    {"\"x\", \"abc\"", true},
	    {"\"x\",W/\"abc\" , \"y\"", true},
	    {"\"a,b\", \"abc\"", true},
	    {"\"abcd\"", false},
	    {"abc", false},
	    {"\"abc", false},
	    {"W/", false},
	    {"W/abc", false},
	    {"\"", false},
	    {"", false},
	    {"\"x\" abc", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (http_etag_listed(bytes_text(rows[i].list), "\"abc\"") !=
		    rows[i].listed)
			fail_msg("%s", rows[i].list);
	assert_true(http_if_range(bytes_text("\"abc\""), "\"abc\""));
	assert_false(http_if_range(bytes_text("W/\"abc\""), "\"abc\""));
	assert_false(http_if_range(bytes_text(""), "\"abc\""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_range),
	    cmocka_unit_test(test_etags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
