/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dmctl/args.h"

#define S UINT64_C(1000000000)
#define WORDS_MAX 16

static struct args args;
static char error[ARGS_ERROR_MAX];

/* Splits at blanks: "upload -k key" is an argv of four. */
static bool
parse(const char *line)
{
	static char copy[512];
	char program[] = "dmctl", *argv[WORDS_MAX] = {program}, *save;
	int argc = 1;

	strcpy(copy, line);
	for (char *w = strtok_r(copy, " ", &save); w != NULL;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	error[0] = '\0';
	return args_parse(argc, argv, &args, error);
}

static void
test_seed_spelling(void **state)
{
	assert_true(parse("file update ./myfile.txt "
			  "--url http://localhost:7331 "
			  "--key-path /path/to/private.key"));
	assert_int_equal(args.n_operands, 3);
	assert_string_equal(args.operands[0], "file");
	assert_string_equal(args.operands[2], "./myfile.txt");
	assert_null(args.operands[3]);
	assert_string_equal(args.url, "http://localhost:7331");
	assert_string_equal(args.key, "/path/to/private.key");
	assert_int_equal(args.given, ARG_URL | ARG_KEY);
	assert_int_equal(args.timeout_ns, 30 * S);
}

static void
test_forms(void **state)
{
	static const char *const same[] = {
	    "-s sock -f conf get a -o out -jH",
	    "get --socket sock --config=conf a --json --no-header --output out",
	    "-jHssock -fconf get a -oout",
	    "get -s sock -f conf --output=out --json -H -- a",
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_true(parse(same[i]));
		assert_int_equal(args.n_operands, 2);
		assert_string_equal(args.operands[1], "a");
		assert_string_equal(args.socket, "sock");
		assert_string_equal(args.config, "conf");
		assert_string_equal(args.output, "out");
		assert_int_equal(args.given, ARG_SOCKET | ARG_CONFIG |
						 ARG_OUTPUT | ARG_JSON |
						 ARG_NO_HEADER);
	}
}

static void
test_operands_that_look_like_options(void **state)
{
	assert_true(parse("upload - -- --json -x"));
	assert_int_equal(args.n_operands, 4);
	assert_string_equal(args.operands[1], "-");
	assert_string_equal(args.operands[2], "--json");
	assert_string_equal(args.operands[3], "-x");
	assert_int_equal(args.given, 0);
}

static void
test_durations(void **state)
{
	assert_true(parse("upload a --valid-for 1h30m --timeout=250ms"));
	assert_int_equal(args.valid_for_ns, 5400 * S);
	assert_int_equal(args.timeout_ns, S / 4);
	assert_true(parse("upload a --timeout 0"));
	assert_int_equal(args.timeout_ns, 0);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *line;
		const char *says;
	} bad[] = {
	    {"--nonsense", "--nonsense"},
	    {"--jso", "--jso"},
	    {"--=x", "unknown"},
	    {"-x", "-x"},
	    {"-jx", "-x"},
	    {"--json=1", "takes no value"},
	    {"get a -o", "needs a value"},
	    {"get a --output", "needs a value"},
	    {"get a --output=", "needs a value"},
	    {"upload a --valid-for 5", "such as"},
	    {"upload a --timeout soon", "such as"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse(bad[i].line))
			fail_msg("\"%s\" taken", bad[i].line);
		if (strstr(error, bad[i].says) == NULL)
			fail_msg("\"%s\": %s", bad[i].line, error);
	}
}

static void
test_too_many(void **state)
{
	static char word[] = "a", *argv[ARGS_OPERANDS_MAX + 2];
	const int n = ARGS_OPERANDS_MAX + 2;

	for (int i = 0; i < n; i++)
		argv[i] = word;
	assert_true(args_parse(n - 1, argv, &args, error));
	assert_int_equal(args.n_operands, ARGS_OPERANDS_MAX);
	assert_null(args.operands[ARGS_OPERANDS_MAX]);
	assert_false(args_parse(n, argv, &args, error));
}

/* Two options of one letter or one name would hide each other. */
static void
test_table(void **state)
{
	struct args_option a, b;

	for (size_t i = 0; args_option(i, &a); i++)
		for (size_t j = 0; j < i && args_option(j, &b); j++) {
			/* "get NAME --version K" and "--version" are told
			 * apart by what stands around them */
			if (a.bit != ARG_VERSION || b.bit != ARG_WHICH)
				assert_string_not_equal(
				    a.long_name, b.long_name);
			assert_true(
			    a.short_name == 0 || a.short_name != b.short_name);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_seed_spelling),
	    cmocka_unit_test(test_forms),
	    cmocka_unit_test(test_operands_that_look_like_options),
	    cmocka_unit_test(test_durations),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_too_many),
	    cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
