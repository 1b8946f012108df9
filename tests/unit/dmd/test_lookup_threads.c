/* SPDX-License-Identifier: ISC */
/* Which names of hosts are looked up. */
#include "dmd/lookup_threads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static void
host_names(void **state)
{
	char longest[LOOKUP_HOST_MAX + 2];

	memset(longest, 'a', sizeof(longest));
	longest[LOOKUP_HOST_MAX] = '\0';
	assert_true(lookup_threads_host_is_valid(longest));
	longest[LOOKUP_HOST_MAX] = 'a';
	longest[LOOKUP_HOST_MAX + 1] = '\0';
	assert_false(lookup_threads_host_is_valid(longest));
	assert_true(lookup_threads_host_is_valid("alpha.clan"));
	assert_true(lookup_threads_host_is_valid("_sip.a-b.example."));
	assert_false(lookup_threads_host_is_valid(""));
	assert_false(lookup_threads_host_is_valid("-o"));
	assert_false(lookup_threads_host_is_valid("a b"));
	assert_false(lookup_threads_host_is_valid("a\nb"));
	assert_false(lookup_threads_host_is_valid("a/b"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(host_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
