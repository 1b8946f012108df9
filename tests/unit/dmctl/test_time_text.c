/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/clock.h"
#include "dmctl/time_text.h"

static void
test_both_ways(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} pairs[] = {
	    {0, "1970-01-01T00:00:00.000000000Z"},
	    {1, "1970-01-01T00:00:00.000000001Z"},
	    {UINT64_C(1775831000000000000), "2026-04-10T14:23:20.000000000Z"},
	    {UINT64_C(951782400999999999), "2000-02-29T00:00:00.999999999Z"},
	};
	char text[WHEN_TEXT_MAX];
	uint64_t ns;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_string_equal(
		    time_format(pairs[i].ns, text), pairs[i].text);
		assert_true(time_parse(text, strlen(text), &ns));
		assert_int_equal(ns, pairs[i].ns);
	}
	assert_string_equal(time_format_s(UINT64_C(1775831000900000000), text),
	    "2026-04-10T14:23:20Z");
}

static void
test_fractions(void **state)
{
	uint64_t ns;

	assert_true(time_parse("1970-01-01T00:00:01Z", 20, &ns));
	assert_int_equal(ns, NS_PER_S);
	assert_true(time_parse("1970-01-01T00:00:01.5Z", 22, &ns));
	assert_int_equal(ns, NS_PER_S + NS_PER_S / 2);
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {"", "Z", "2026-04-10T14:23:20",
	    "2026-04-10T14:23:20.Z", "2026-04-10T14:23:20.1234567890Z",
	    "2026-04-10T14:23:20+00:00", "2026-04-10 14:23:20Z",
	    "2026-02-31T14:23:20Z", "2026-13-01T14:23:20Z",
	    "2026-00-01T14:23:20Z", "2026-04-10T24:00:00Z",
	    "2026-04-10T14:60:20Z", "2026-04-10T14:23:60Z",
	    "1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z",
	    "2026-04-10T14:23:2aZ", "2026-04-10T14:23:20.12a4Z"};
	uint64_t ns;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (time_parse(bad[i], strlen(bad[i]), &ns))
			fail_msg("\"%s\" taken", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_both_ways),
	    cmocka_unit_test(test_fractions),
	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
