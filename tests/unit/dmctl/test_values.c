/* SPDX-License-Identifier: ISC */
/* What people and programs read of the facts that the daemon tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "dmctl/values.h"

#define KIND_OF_TOMORROW 100

static void
add(struct values *v, const char *key, uint64_t kind, uint64_t number,
    const char *text)
{
	const struct row_value row = {
	    .key = bytes_text(key),
	    .kind = kind,
	    .number = number,
	    .text = bytes_text(text),
	};
	uint8_t buf[CONTROL_ANSWER_MAX];
	struct control_answer answer;

	/* as it comes over the socket */
	assert_true(control_answer_decode(
	    &answer, buf, control_row_encode(ROW_VALUE, &row, buf)));
	values_add(v, "dmd", &answer.row.value);
}

static void
add_all(struct values *v)
{
	add(v, "in", VALUE_BYTES, 1536 * 1024, "");
	add(v, "bytes_asked", VALUE_NUMBER, 1536 * 1024, "");
	add(v, "ready", VALUE_BOOL, 1, "");
	add(v, "uptime", VALUE_NS, UINT64_C(90000000000), "");
	add(v, "started", VALUE_UNIX_NS, UINT64_C(1775831000000000001), "");
	add(v, "network", VALUE_TEXT, 0, "-");
	add(v, "odd", KIND_OF_TOMORROW, 12345, "");
	add(v, "odder", KIND_OF_TOMORROW, 1, "as it says");
}

/* What print writes to stdout; freed by the caller. */
static char *
printed(void (*print)(const struct values *), const struct values *v)
{
	FILE *f = tmpfile();
	int out = dup(STDOUT_FILENO);
	char *text = calloc(1, 4096);

	assert_non_null(f);
	assert_non_null(text);
	assert_int_not_equal(out, -1);
	fflush(stdout);
	assert_int_not_equal(dup2(fileno(f), STDOUT_FILENO), -1);
	print(v);
	fflush(stdout);
	assert_int_not_equal(dup2(out, STDOUT_FILENO), -1);
	close(out);
	rewind(f);
	assert_true(fread(text, 1, 4095, f) > 0);
	fclose(f);
	return text;
}

static void
for_people(const struct values *v)
{
	values_print(v, false);
}

static void
with_tabs(const struct values *v)
{
	values_print(v, true);
}

static void
assert_printed(void (*print)(const struct values *), const char *expected)
{
	struct values v = {NULL, 0};
	char *text;

	add_all(&v);
	text = printed(print, &v);
	assert_string_equal(text, expected);
	free(text);
	values_clear(&v);
}

/* The kind of a fact decides, not its name. */
static void
test_people(void **state)
{
	assert_printed(for_people, "in                   1.5M\n"
				   "bytes_asked          1572864\n"
				   "ready                yes\n"
				   "uptime               1m30s\n"
				   "started              2026-04-10T14:23:20Z\n"
				   "network              -\n"
				   "odd                  12345\n"
				   "odder                as it says\n");
}

static void
test_tabs(void **state)
{
	assert_printed(with_tabs, "in\t1572864\n"
				  "bytes_asked\t1572864\n"
				  "ready\tyes\n"
				  "uptime_ns\t90000000000\n"
				  "started\t2026-04-10T14:23:20.000000001Z\n"
				  "network\t-\n"
				  "odd\t12345\n"
				  "odder\tas it says\n");
}

static void
test_programs(void **state)
{
	assert_printed(values_print_json,
	    ",\"in\":1572864,\"bytes_asked\":1572864,\"ready\":true,"
	    "\"uptime_ns\":90000000000,"
	    "\"started\":\"2026-04-10T14:23:20.000000001Z\",\"network\":null,"
	    "\"odd\":12345,\"odder\":\"as it says\""
	    ",\"listen\":[],\"waiting_for\":[]");
}

static void
test_numbers(void **state)
{
	struct values v = {NULL, 0};

	add_all(&v);
	assert_int_equal(values_number(&v, "in", 0), 1536 * 1024);
	assert_int_equal(values_number(&v, "odd", 0), 12345);
	assert_int_equal(values_number(&v, "network", 7), 7);
	assert_int_equal(values_number(&v, "nothing", 7), 7);
	values_clear(&v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_people),
	    cmocka_unit_test(test_tabs),
	    cmocka_unit_test(test_programs),
	    cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
