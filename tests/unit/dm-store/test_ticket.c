/* SPDX-License-Identifier: ISC */
/* Tickets: whoever has one may bring the content, however long others take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "dm-store/ticket.h"

static const struct entry entry;

static uint64_t
issue(struct tickets *t, unsigned n, bool is_want)
{
	uint8_t version[32] = {(uint8_t)n, (uint8_t)(n >> 8), 1};

	return ticket_issue(t, &entry, version, is_want);
}

/* A few slow ones while thousands of others come and go. */
static void
test_slow_ones_keep_theirs(void **state)
{
	struct tickets *t = tickets_new();
	uint64_t slow[100], number;

	for (unsigned i = 0; i < 100; i++)
		slow[i] = issue(t, i, false);
	for (unsigned i = 100; i < 10 * IPC_TICKETS_MAX; i++) {
		number = issue(t, i, false);
		assert_non_null(ticket_entry(t, number));
		ticket_return(t, number);
		assert_null(ticket_entry(t, number));
	}
	for (unsigned i = 0; i < 100; i++) {
		assert_non_null(ticket_entry(t, slow[i]));
		assert_int_equal(issue(t, i, false), slow[i]);
	}
	tickets_free(t);
}

static void
test_when_all_are_out_one_makes_room(void **state)
{
	struct tickets *t = tickets_new();
	unsigned left = 0;
	uint64_t number[IPC_TICKETS_MAX + 1];

	for (unsigned i = 0; i <= IPC_TICKETS_MAX; i++)
		number[i] = issue(t, i, false);
	assert_non_null(ticket_entry(t, number[IPC_TICKETS_MAX]));
	for (unsigned i = 0; i < IPC_TICKETS_MAX; i++)
		left += ticket_entry(t, number[i]) != NULL;
	assert_int_equal(left, IPC_TICKETS_MAX - 1);
	tickets_free(t);
}

/* What the store itself lacks is not given up because dm-net does. */
static void
test_wants_stay(void **state)
{
	struct tickets *t = tickets_new();
	uint64_t number = issue(t, 1, true);

	ticket_return(t, number);
	ticket_return(t, 0);
	ticket_return(t, number + IPC_TICKETS_MAX);
	assert_non_null(ticket_entry(t, number));
	assert_int_equal(tickets_wants(t), 1);
	tickets_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow_ones_keep_theirs),
		cmocka_unit_test(test_when_all_are_out_one_makes_room),
		cmocka_unit_test(test_wants_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
