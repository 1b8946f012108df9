/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/sandbox/user_map.h"

static struct user_map map;

static bool
parse(const char *text)
{
	return user_map_parse(text, strlen(text), &map);
}

static void
test_ranges(void **state)
{
	assert_true(parse("         0          0 4294967295\n"));
	assert_true(user_map_has(&map, 0) && user_map_has(&map, 4294967294u));
	assert_false(user_map_has(&map, 4294967295u));
	assert_true(parse("0 1000 1\n"));
	assert_true(user_map_has(&map, 0));
	assert_false(user_map_has(&map, 1) || user_map_has(&map, 1000));
	assert_true(parse("0 1000 1\n1 100000 65536\n"));
	assert_int_equal(map.n, 2);
	assert_true(user_map_has(&map, 1) && user_map_has(&map, 65536));
	assert_false(user_map_has(&map, 65537));
	assert_true(parse(""));
	assert_false(user_map_has(&map, 0));
}

static void
test_malformed(void **state)
{
	static const char *const bad[] = {"0 0 1", "0 0\n", "0 0 1 1\n", "\n",
	    "a 0 1\n", "0 0 4294967296\n", "-1 0 1\n", "0 0 1\n0 0", "0\t0 1\n",
	    "0 0 99999999999999999999999999\n"};
	static char many[USER_MAP_RANGES_MAX * 8 + 16];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i]))
			fail_msg("taken: %s", bad[i]);
	for (size_t i = 0; i < USER_MAP_RANGES_MAX; i++)
		strcat(many, "1 1 1\n");
	assert_true(parse(many));
	strcat(many, "1 1 1\n");
	assert_false(parse(many));
}

/* Of the namespace that the tests run in. */
static void
test_own(void **state)
{
	assert_true(user_map_read(USER_MAP_UIDS, &map) && map.n > 0);
	assert_true(user_map_read(USER_MAP_GIDS, &map) && map.n > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ranges),
	    cmocka_unit_test(test_malformed),
	    cmocka_unit_test(test_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
