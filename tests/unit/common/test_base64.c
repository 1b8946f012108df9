/* SPDX-License-Identifier: ISC */
/* base64: RFC 4648's vectors, and everything that is not canonical refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "common/base64.h"

static const struct {
	const char *plain;
	const char *text;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/"},
};

static void
test_vectors(void **state)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		size_t len = strlen(vectors[i].plain);
		uint8_t out[16];
		char text[32];

		assert_int_equal(
		    base64_encode((const uint8_t *)vectors[i].plain, len, text),
		    BASE64_LEN(len));
		assert_string_equal(text, vectors[i].text);
		assert_int_equal(
		    base64_decode(text, strlen(text), out, len), len);
		assert_memory_equal(out, vectors[i].plain, len);
	}
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {"Zg",
	    "Zg=", "Zg===", "Z===", "====", "Zh==", "Zm9=", "Zm9v\n", "Zm 9",
	    "Zm9v====", "Zg==Zg==", "Zm-_", "Zm9\x80", "Z=9v"};
	uint8_t out[16];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
		    base64_decode(bad[i], strlen(bad[i]), out, 16), -1);
	/* one byte more than there is room for */
	assert_int_equal(base64_decode("Zm9v", 4, out, 2), -1);
	assert_int_equal(base64_decode("Zm9v", 4, out, 3), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vectors),
	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
