/* SPDX-License-Identifier: ISC */
/* What terminals and programs are given of text from outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dmctl/output.h"

static const struct cell *
cell(struct cell c)
{
	static struct cell kept;

	kept = c;
	return &kept;
}

static char *
json(struct cell c)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	json_cell(f, &c);
	fclose(f);
	return text;
}

static void
assert_json(struct cell c, const char *expected)
{
	char *text = json(c);

	assert_string_equal(text, expected);
	free(text);
}

static void
test_json(void **state)
{
	assert_json(cell_string("a\"b\\c"), "\"a\\\"b\\\\c\"");
	assert_json(
	    cell_string("\x1b[31m\n\x7f"), "\"\\u001b[31m\\u000a\\u007f\"");
	assert_json(cell_string("gr\xc3\xbc\xc3\x9f\xff"),
	    "\"gr\xc3\xbc\xc3\x9f\\ufffd\"");
	assert_json(cell_string(NULL), "null");
	assert_json(cell_string(""), "\"\"");
	assert_json(cell_number(UINT64_MAX), "18446744073709551615");
	assert_json(cell_size(12345), "12345");
	assert_json(cell_duration(1500000), "1500000");
	assert_json(cell_bool(true), "true");
	assert_json(cell_time(0), "null");
	assert_json(cell_time(UINT64_C(1775831000000000001)),
	    "\"2026-04-10T14:23:20.000000001Z\"");
}

static void
test_people(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {{0, "0"}, {9999, "9999"}, {10240, "10.0K"},
	    {1536 * 1024, "1.5M"}, {30000000, "28.6M"},
	    {UINT64_C(10) << 30, "10.0G"}, {UINT64_MAX, "15.9E"}};
	char text[CELL_TEXT_MAX];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		cell_format(cell(cell_size(sizes[i].bytes)), false, text);
		assert_string_equal(text, sizes[i].text);
	}
	assert_string_equal(
	    cell_format(cell(cell_size(30000000)), true, text), "30000000");
	assert_string_equal(
	    cell_format(cell(cell_duration(1500000)), false, text), "1.5ms");
	assert_string_equal(
	    cell_format(
		cell(cell_duration(90 * UINT64_C(1000000000))), false, text),
	    "1m30s");
	assert_string_equal(cell_format(cell(cell_null()), false, text), "-");
	assert_string_equal(
	    cell_format(cell(cell_bool(false)), false, text), "no");
}

static void
test_terminal(void **state)
{
	char text[CELL_TEXT_MAX], long_text[513];

	assert_string_equal(
	    cell_format(
		cell(cell_string("\x1b]0;x\x07\t\xc3\xbc")), false, text),
	    "\\x1b]0;x\\x07\\x09\\xc3\\xbc");
	/* the longest field of a row, all of it to be escaped */
	memset(long_text, 1, 512);
	long_text[512] = '\0';
	cell_format(cell(cell_string(long_text)), false, text);
	assert_int_equal(strlen(text), 4 * 512);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_json),
	    cmocka_unit_test(test_people),
	    cmocka_unit_test(test_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
