/* SPDX-License-Identifier: ISC */
/* What is a file name, what a pattern, and which two cannot be on one disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "common/limits.h"
#include "common/name.h"

static const struct {
	const char *text;
	bool name;
	bool pattern;
} names[] = {
    {"a", true, true},
    {"config.json", true, true},
    {"dns:sol", true, true},
    {"_x/Y-1/z..z", true, true},
    {"1/2/3/4/5/6/7/8", true, true},
    {"1/2/3/4/5/6/7/8/9", false, false},
    {"1/2/3/4/5/6/7/*", false, true},
    {"1/2/3/4/5/6/7/8/*", false, false},
    {"", false, false},
    {".", false, false},
    {"..", false, false},
    {"../a", false, false},
    {"a/..", false, false},
    {"a/../b", false, false},
    {".hidden", false, false},
    {"a/.hidden", false, false},
    {"-a", false, false},
    {":a", false, false},
    {"/a", false, false},
    {"a/", false, false},
    {"a//b", false, false},
    {"a b", false, false},
    {"a\nb", false, false},
    {"a\\b", false, false},
    {"caf\xc3\xa9", false, false},
    {"a%2fb", false, false},
    {"*", false, false},
    {"/*", false, false},
    {"a*", false, false},
    {"a/b*", false, false},
    {"a/*/b", false, false},
    {"a/**", false, false},
    {"*/a", false, false},
    {"a/*", false, true},
    {"a/b/*", false, true},
};

static void
test_valid(void **state)
{
	char longest[NAME_LEN_MAX + 2];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *t = names[i].text;

		if (name_is_valid(t, strlen(t)) != names[i].name ||
		    name_pattern_is_valid(t, strlen(t)) != names[i].pattern)
			fail_msg("\"%s\"", t);
	}
	memset(longest, 'x', sizeof(longest));
	assert_true(name_is_valid(longest, NAME_LEN_MAX));
	assert_false(name_is_valid(longest, NAME_LEN_MAX + 1));
	memcpy(longest + NAME_LEN_MAX - 2, "/*", 2);
	assert_true(name_pattern_is_valid(longest, NAME_LEN_MAX));
	/* a NUL within is not the end */
	assert_false(name_is_valid("a\0b", 3));
	/* the length counts, not a terminator */
	assert_true(name_is_valid("a/b", 1));
}

static void
test_matches(void **state)
{
	assert_true(name_matches("a/b", "a/b"));
	assert_false(name_matches("a/b", "a/bc"));
	assert_true(name_matches("a/*", "a/b"));
	assert_false(name_matches("a/*", "a/b/c"));
	assert_false(name_matches("a/*", "a"));
	assert_false(name_matches("a/*", "ab/c"));
	assert_false(name_matches("a/b/*", "a/b"));
	assert_true(name_matches("a/b/*", "a/b/c"));
}

static const struct {
	const char *a;
	const char *b;
	bool clash;
} pairs[] = {
    {"a", "a/b", true},
    {"a", "a/b/c", true},
    {"a", "ab/c", false},
    {"a", "a.b", false},
    {"a/b", "a/c", false},
    {"a/*", "a/b", false}, /* the exact one wins */
    {"a/*", "a", true},
    {"a/*", "a/b/c", true},
    {"a/*", "a/b/*", true},
    {"a/*", "a/b/c/*", true},
    {"a/*", "b/*", false},
    {"a/*", "ab/c/d", false},
    {"a/b/*", "a/b", true},
    {"a/b/*", "a/c", false},
};

static void
test_clash(void **state)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *a = pairs[i].a, *b = pairs[i].b;

		if (name_patterns_clash(a, b) != pairs[i].clash ||
		    name_patterns_clash(b, a) != pairs[i].clash)
			fail_msg("\"%s\" and \"%s\"", a, b);
	}
}

/* What is below a name comes right behind it. */
static void
test_order(void **state)
{
	static const char *const sorted[] = {
	    "a", "a/*", "a/b", "a/b/c", "a/b.c", "a-b", "a.b", "ab", "b"};
	const size_t n = sizeof(sorted) / sizeof(sorted[0]);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			int order = name_order(sorted[i], sorted[k]);

			assert_int_equal(
			    (order > 0) - (order < 0), (i > k) - (i < k));
		}
}

static void
test_hashes(void **state)
{
	/* sha256("abc") */
	static const uint8_t expected[16] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01,
	    0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23};
	uint8_t key[16], interest[8];

	name_key("abc", key);
	name_interest("abc", interest);
	assert_memory_equal(key, expected, 16);
	assert_memory_equal(interest, expected, 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_valid),
	    cmocka_unit_test(test_matches),
	    cmocka_unit_test(test_clash),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
