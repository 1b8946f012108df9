/* SPDX-License-Identifier: ISC */
/* How long a child that ended waits for its next start. */
#include "dmd/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define S UINT64_C(1000000000)

static void
first_end_restarts_at_once(void **state)
{
	struct backoff b = {0};

	assert_int_equal(backoff_next_ns(&b, 5 * S, 0), 0);
	assert_int_equal(backoff_next_ns(&b, 6 * S, 0), 1 * S);
	assert_int_equal(backoff_next_ns(&b, 8 * S, 0), 2 * S);
	assert_int_equal(backoff_next_ns(&b, 11 * S, 0), 4 * S);
}

static void
backoff_has_a_ceiling(void **state)
{
	struct backoff b = {0};
	uint64_t now = S, delay = 0;

	for (int i = 0; i < 1000; i++) {
		delay = backoff_next_ns(&b, now, 0);
		assert_true(delay <= BACKOFF_MOST_NS);
		now += delay + 1;
	}
	assert_int_equal(delay, BACKOFF_MOST_NS);
}

static void
a_calm_minute_forgives(void **state)
{
	struct backoff b = {0};

	backoff_next_ns(&b, 5 * S, 0);
	assert_int_equal(backoff_next_ns(&b, 64 * S, 0), 1 * S);
	assert_int_equal(backoff_next_ns(&b, 126 * S, 0), 0);
}

/* Killed from outside every ten seconds, it never stays away for longer. */
static void
who_worked_well_does_not_wait(void **state)
{
	struct backoff b = {0};

	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(backoff_next_ns(&b, i * 10 * S, 10 * S), 0);
	/* without work it is as before */
	assert_int_equal(backoff_next_ns(&b, 191 * S, S), 1 * S);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_end_restarts_at_once),
	    cmocka_unit_test(backoff_has_a_ceiling),
	    cmocka_unit_test(a_calm_minute_forgives),
	    cmocka_unit_test(who_worked_well_does_not_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
