/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/duration.h"

#define MS UINT64_C(1000000)
#define S (1000 * MS)

static void
test_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
	    {"0", 0},
	    {"0s", 0},
	    {"30s", 30 * S},
	    {"250ms", 250 * MS},
	    {"5m", 300 * S},
	    {"1h30m", 5400 * S},
	    {"1d2h3m4s5ms", 93784 * S + 5 * MS},
	    {"90m", 5400 * S},
	};
	static const char *const bad[] = {"", "30", "s", "30x", "30 s", "-1s",
	    "+1s", "1.5h", "30sm", "1m1h", "1m1m", "1s ", " 1s", "1M",
	    "200000000000d", "99999999999999999999s", "1h30"};
	uint64_t ns;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(duration_parse(good[i].text, &ns));
		assert_int_equal(ns, good[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (duration_parse(bad[i], &ns))
			fail_msg("\"%s\" taken", bad[i]);
}

static void
test_duration_format(void **state)
{
	char text[DURATION_TEXT_MAX];

	assert_string_equal(duration_format(0, text), "0s");
	assert_string_equal(duration_format(5400 * S, text), "1h30m");
	assert_string_equal(duration_format(S + 5 * MS + 1, text), "1s5ms");
	assert_string_equal(
	    duration_format(UINT64_MAX, text), "213503d23h34m33s709ms");
}

static void
test_sizes(void **state)
{
	static const char *const bad[] = {"", "M", "64MB", "64 M", "-1", "1.5G",
	    "64m", "1T", "4294967297G", "99999999999999999999"};
	uint64_t bytes;
	char text[SIZE_TEXT_MAX];

	assert_true(size_parse("0", &bytes));
	assert_int_equal(bytes, 0);
	assert_true(size_parse("1000", &bytes));
	assert_int_equal(bytes, 1000);
	assert_true(size_parse("64M", &bytes));
	assert_int_equal(bytes, 64 << 20);
	assert_string_equal(size_format(bytes, text), "64M");
	assert_true(size_parse("4294967296G", &bytes));
	assert_int_equal(bytes, UINT64_C(1) << 62);
	assert_string_equal(size_format(1000, text), "1000");
	assert_string_equal(size_format(0, text), "0");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (size_parse(bad[i], &bytes))
			fail_msg("\"%s\" taken", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_durations),
	    cmocka_unit_test(test_duration_format),
	    cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
