/* SPDX-License-Identifier: ISC */
/* When this node's peer record is signed again. */
#include "dmd/own_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define S UINT64_C(1000000000)

static void
record_is_signed_again_when_the_clock_was_set(void **state)
{
	const struct own_record_clock at = {1000 * S, 50 * S};
	struct own_record_clock now = {1060 * S, 110 * S};

	assert_false(own_record_is_stale(&at, &now));
	now.unix_ns = 1060 * S + S / 2; /* slewed */
	assert_false(own_record_is_stale(&at, &now));
	now.unix_ns = 90000 * S;
	assert_true(own_record_is_stale(&at, &now));
	now.unix_ns = 10 * S;
	assert_true(own_record_is_stale(&at, &now));
	now = (struct own_record_clock){
	    1000 * S + RECORD_AGE_NS_MAX, 50 * S + RECORD_AGE_NS_MAX};
	assert_true(own_record_is_stale(&at, &now));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(record_is_signed_again_when_the_clock_was_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
