/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "common/hex.h"

static bool
decode(const char *text, uint8_t *out, size_t size, bool any_case)
{
	const uint8_t *t = (const uint8_t *)text;

	return any_case ? hex_decode_any_case(t, strlen(text), out, size)
			: hex_decode(t, strlen(text), out, size);
}

static void
test_every_byte_comes_back(void **state)
{
	uint8_t all[256], back[256];
	char text[HEX_SIZE(256)];

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)i;
	assert_ptr_equal(hex_encode(all, sizeof(all), text), text);
	assert_int_equal(strlen(text), 512);
	assert_memory_equal(text, "000102", 6);
	assert_string_equal(text + 506, "fdfeff");
	assert_true(decode(text, back, sizeof(back), false));
	assert_memory_equal(all, back, sizeof(all));
	memset(back, 0, sizeof(back));
	assert_true(decode(text, back, sizeof(back), true));
	assert_memory_equal(all, back, sizeof(all));
	assert_string_equal(hex_encode(all, 0, text), "");
}

static void
test_capitals(void **state)
{
	uint8_t out[2];

	assert_false(decode("aBcd", out, 2, false));
	assert_true(decode("aBcD", out, 2, true));
	assert_memory_equal(out, "\xab\xcd", 2);
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {"", "ab", "abc", "abcde", "abcdef",
	    "abcg", "ab d", "0x12", "ab/0", "ab:0", "ab@0", "ab`0", "+1+1",
	    "ab\xc3\xa4"};
	uint8_t out[2];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(decode(bad[i], out, 2, false));
		assert_false(decode(bad[i], out, 2, true));
	}
	assert_false(hex_decode((const uint8_t *)"ab\0d", 4, out, 2));
}

static void
test_values(void **state)
{
	const char *p;

	for (int c = 0; c < 256; c++) {
		p = c == 0 ? NULL : strchr("0123456789abcdefABCDEF", c);
		if (p == NULL)
			assert_int_equal(hex_value((uint8_t)c), -1);
		else if (c >= 'A' && c <= 'F')
			assert_int_equal(hex_value((uint8_t)c), c - 'A' + 10);
		else
			assert_int_equal(HEX_LOWER[hex_value((uint8_t)c)], c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte_comes_back),
		cmocka_unit_test(test_capitals),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
