/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dmctl/json_scan.h"

static char out[16];

static enum json_found
scan(const char *text)
{
	return json_scan_text(text, strlen(text), "code", out, sizeof(out));
}

static void
test_found(void **state)
{
	static const struct {
		const char *text, *value;
	} good[] = {
	    {"{\"code\":\"not-newer\"}", "not-newer"},
	    {" { \"status\" : 409 , \"code\" : \"x\" } ", "x"},
	    {"{\"a\":{\"code\":\"no\",\"b\":[1,{}]},\"code\":\"yes\"}", "yes"},
	    {"{\"a\":\"\\\"code\\\":\",\"b\":[],\"code\":\"\"}", ""},
	    {"{\"t\":true,\"n\":null,\"f\":-1.5e+3,\"code\":\"x\"}", "x"},
	    {"{\"code\":\"\\u0041\\n\\/\\u00fc\\ud83d\"}", "A\n/\?\?"},
	    {"{\"code\":\"more than sixteen bytes\"}", "more than sixte"},
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(scan(good[i].text), JSON_STRING);
		assert_string_equal(out, good[i].value);
	}
	assert_int_equal(scan("{\"code\":null}"), JSON_NULL);
}

static void
test_not_found(void **state)
{
	static const char *const bad[] = {"", "[]", "\"code\"", "{}",
	    "{\"code\":1}", "{\"code\"}", "{\"code\":\"x", "{\"code\":\"\\x\"}",
	    "{\"code\":\"\\u00g0\"}", "{\"code\":\"\\u00",
	    "{\"code\":\"a\nb\"}", "{\"a\":}\"code\":\"x\"}",
	    "{\"a\":[\"code\":\"x\"}", "{\"a\" \"code\":\"x\"}",
	    "{\"b\":1 \"code\":\"x\"}", "{\"a\":{\"code\":\"x\"}}",
	    "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
	    "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]],\"code\":\"x\"}"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (scan(bad[i]) != JSON_NONE)
			fail_msg("found in %s", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_found),
	    cmocka_unit_test(test_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
