/* SPDX-License-Identifier: ISC */
/* Strings of JSON: whatever bytes come in, what comes out is UTF-8 and JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/json.h"
#include "common/utf8.h"

static char out[4096];
static size_t out_len;

static void
put(void *ctx, const void *data, size_t len)
{
	assert_ptr_equal(ctx, out);
	assert_true(len > 0 && len < sizeof(out) - out_len);
	memcpy(out + out_len, data, len);
	out_len += len;
	out[out_len] = '\0';
}

static const char *
written(const void *data, size_t len)
{
	out_len = 0;
	json_string(bytes_of(data, len), put, out);
	return out;
}

static void
test_text(void **state)
{
	static const struct {
		const char *text, *json;
	} rows[] = {
	    {"", "\"\""},
	    {"app/motd", "\"app/motd\""},
	    {"a\"b\\c", "\"a\\\"b\\\\c\""},
	    {"\"", "\"\\\"\""},
	    {"\x1b[31m\n\x7f", "\"\\u001b[31m\\u000a\\u007f\""},
	    /* of two, three and four bytes */
	    {"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
	    {"\xe2\x82\xac 5", "\"\xe2\x82\xac 5\""},
	    {"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
	    /* a C1 control is an escape sequence to some terminals */
	    {"\xc2\x9b", "\"\\u009b\""},
	    {"\xc2\xa0", "\"\xc2\xa0\""},
	    /* cut, overlong, a surrogate, a lone continuation, too large */
	    {"\xc3", "\"\\ufffd\""},
	    {"\xe2\x82", "\"\\ufffd\\ufffd\""},
	    {"\xc0\xaf", "\"\\ufffd\\ufffd\""},
	    {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
	    {"\x80x", "\"\\ufffdx\""},
	    {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
	    {"a\xff\xc3\xbc", "\"a\\ufffd\xc3\xbc\""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(
		    written(rows[i].text, strlen(rows[i].text)), rows[i].json);
	assert_string_equal(written("a\0b", 3), "\"a\\u0000b\"");
}

/* Each pair of bytes: no control, no quote of its own, valid UTF-8, and no
 * longer than the header says. */
static void
test_all_pairs(void **state)
{
	for (unsigned a = 0; a < 256; a++)
		for (unsigned b = 0; b < 256; b++) {
			const uint8_t pair[2] = {(uint8_t)a, (uint8_t)b};
			const uint8_t *p = (const uint8_t *)written(pair, 2);
			size_t at = 1, n;

			assert_true(out_len >= 3 && out_len <= 2 + 2 * 6);
			while (at < out_len - 1) {
				n = utf8_len(p + at, out_len - 1 - at);
				assert_true(n > 0);
				assert_true(p[at] >= 0x20 && p[at] != 0x7f);
				assert_true(p[at] != '"');
				at += p[at] != '\\'	 ? n
				      : p[at + 1] == 'u' ? 6
							 : 2;
			}
			assert_int_equal(at, out_len - 1);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_all_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
