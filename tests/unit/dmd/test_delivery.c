/* SPDX-License-Identifier: ISC */
/* Which configuration a child is told, and when. */
#include "dmd/delivery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const uint8_t A[32] = {1}, B[32] = {2}, C[32] = {3};

static void
test_the_same_is_not_sent_twice(void **state)
{
	struct delivery d = {0};

	assert_true(delivery_is_due(&d, A));
	delivery_sent(&d, A, 7);
	assert_false(delivery_is_due(&d, A));
	assert_false(delivery_answered(&d, 7));
	assert_false(delivery_is_due(&d, A));
	assert_true(delivery_is_due(&d, B));
}

/* One under way; of those that follow the newest is sent once. */
static void
test_the_newest_waits(void **state)
{
	struct delivery d = {0};

	assert_true(delivery_is_due(&d, A));
	delivery_sent(&d, A, 7);
	assert_false(delivery_is_due(&d, B));
	assert_false(delivery_is_due(&d, C));
	/* pings for a sign of life are no answer */
	assert_false(delivery_answered(&d, 6));
	assert_false(delivery_answered(&d, 8));
	assert_false(delivery_is_due(&d, C));
	assert_true(delivery_answered(&d, 7));
	assert_true(delivery_is_due(&d, C));
	delivery_sent(&d, C, 9);
	assert_false(delivery_answered(&d, 9));
	assert_false(delivery_answered(&d, 9));
}

/* Changed and changed back while the child was busy. */
static void
test_back_again(void **state)
{
	struct delivery d = {0};

	assert_true(delivery_is_due(&d, A));
	delivery_sent(&d, A, 7);
	assert_false(delivery_is_due(&d, B));
	assert_false(delivery_is_due(&d, A));
	assert_false(delivery_answered(&d, 7));
}

/* Nothing was sent: whatever is answered means nothing. */
static void
test_answers_of_nothing(void **state)
{
	struct delivery d = {0};

	assert_false(delivery_answered(&d, 0));
	assert_false(delivery_answered(&d, 1));
	assert_true(delivery_is_due(&d, A));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_same_is_not_sent_twice),
	    cmocka_unit_test(test_the_newest_waits),
	    cmocka_unit_test(test_back_again),
	    cmocka_unit_test(test_answers_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
