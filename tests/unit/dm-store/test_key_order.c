/* SPDX-License-Identifier: ISC */
/* The order of keys in a walk over an index. */
#include "dm-store/key_order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static bool
next(struct key_order *o, const char *key)
{
	return key_order_next(o, key, strlen(key));
}

static void
test_rising(void **state)
{
	struct key_order o = {.is_set = false};

	assert_true(next(&o, ""));
	assert_true(next(&o, "a"));
	assert_true(next(&o, "ab"));
	assert_true(next(&o, "b"));
	assert_true(next(&o, "\xff"));
}

static void
test_not_rising(void **state)
{
	static const char *const pairs[][2] = {{"a", "a"}, {"ab", "a"},
	    {"b", "ab"}, {"\xff", "a"}, {"a", ""}, {"", ""}};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct key_order o = {.is_set = false};

		assert_true(next(&o, pairs[i][0]));
		assert_false(next(&o, pairs[i][1]));
	}
}

static void
test_long_keys(void **state)
{
	struct key_order o = {.is_set = false};
	char key[600];

	memset(key, 'k', sizeof(key));
	assert_true(key_order_next(&o, key, 510));
	assert_true(key_order_next(&o, key, 511));
	assert_false(key_order_next(&o, key, 600));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rising),
	    cmocka_unit_test(test_not_rising),
	    cmocka_unit_test(test_long_keys)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
