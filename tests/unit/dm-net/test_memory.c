/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dm-net/memory.h"

#define MAX 1000
#define HOLDERS 8

static struct memory_holder *gone[HOLDERS];
static unsigned n_gone;

static void
on_drop(struct memory_holder *h)
{
	assert_true(n_gone < HOLDERS);
	gone[n_gone++] = h;
}

/* What an owner does at the end of its turn. */
static void
leave_gone(void)
{
	while (n_gone > 0)
		memory_leave(gone[--n_gone]);
}

static struct netsource
address(uint8_t last)
{
	const uint8_t bytes[4] = {192, 0, 2, last};

	return netsource_of_address(bytes, sizeof(bytes));
}

static void
join(struct memory *m, struct memory_holder *h, uint8_t last)
{
	struct netsource s = address(last);

	memory_join(m, h, &s);
}

static int
setup(void **state)
{
	n_gone = 0;
	*state = memory_new(MAX, on_drop);
	return 0;
}

static int
teardown(void **state)
{
	memory_free(*state);
	return 0;
}

/* One who asks for little is given it, at the cost of who holds most. */
static void
test_the_greediest_goes_not_the_newcomer(void **state)
{
	struct memory_holder small, large, newcomer;

	join(*state, &small, 1);
	join(*state, &large, 2);
	join(*state, &newcomer, 3);
	assert_true(memory_take(&small, 200));
	assert_true(memory_take(&large, 800));
	assert_false(memory_take(&newcomer, 100)); /* not freed yet */
	assert_int_equal(n_gone, 1);
	assert_ptr_equal(gone[0], &large);
	/* nobody else goes while that one is on its way */
	assert_false(memory_take(&newcomer, 100));
	assert_int_equal(n_gone, 1);
	leave_gone();
	assert_true(memory_take(&newcomer, 100));
	assert_int_equal(memory_bytes(*state), 300);
	assert_int_equal(memory_dropped(*state), 1);
	memory_leave(&small);
	memory_leave(&newcomer);
	assert_int_equal(memory_bytes(*state), 0);
}

static void
test_the_greediest_itself_waits(void **state)
{
	struct memory_holder small, large;

	join(*state, &small, 1);
	join(*state, &large, 2);
	assert_true(memory_take(&small, 300));
	assert_true(memory_take(&large, 600));
	assert_false(memory_take(&large, 101));
	assert_int_equal(n_gone, 0);
	assert_true(memory_take(&large, 100));
	memory_give(&small, 300);
	assert_true(memory_take(&large, 300));
	memory_leave(&small);
	memory_leave(&large);
}

/* Many small ones of one source are one large one. */
static void
test_a_source_with_many_holders(void **state)
{
	struct memory_holder many[5], one, more;

	for (int i = 0; i < 5; i++) {
		join(*state, &many[i], 1);
		assert_true(memory_take(&many[i], 100 + (size_t)i));
	}
	join(*state, &one, 2);
	assert_true(memory_take(&one, 400));
	join(*state, &more, 2);
	assert_false(memory_take(&more, 95));
	assert_int_equal(n_gone, 1);
	assert_ptr_equal(gone[0], &many[4]);
	leave_gone();
	for (int i = 0; i < 4; i++)
		memory_leave(&many[i]);
	memory_leave(&one);
	memory_leave(&more);
}

/* Of one source alone, too, its greediest holder goes for a small one. */
static void
test_within_a_source(void **state)
{
	struct memory_holder large, small;

	join(*state, &large, 1);
	join(*state, &small, 1);
	assert_true(memory_take(&large, 990));
	assert_false(memory_take(&small, 20));
	assert_int_equal(n_gone, 1);
	assert_ptr_equal(gone[0], &large);
	leave_gone();
	assert_true(memory_take(&small, 20));
	memory_leave(&small);
}

/* What cannot wait is never refused, and still somebody goes. */
static void
test_what_is_added_drops_the_greediest(void **state)
{
	struct memory_holder large, small;

	join(*state, &large, 1);
	join(*state, &small, 2);
	memory_add(&large, 900);
	memory_add(&small, 100);
	assert_int_equal(n_gone, 0);
	memory_add(&small, 50);
	assert_int_equal(n_gone, 1);
	assert_ptr_equal(gone[0], &large);
	leave_gone();
	memory_add(&small, 2000);
	assert_int_equal(n_gone, 1);
	assert_ptr_equal(gone[0], &small);
	leave_gone();
	assert_int_equal(memory_bytes(*state), 0);
}

static void
test_trusted_ones_go_last(void **state)
{
	struct memory_holder known, stranger, newcomer;
	struct netsource home = address(1);

	join(*state, &known, 2);
	join(*state, &stranger, 2);
	join(*state, &newcomer, 3);
	memory_add(&known, 700);
	memory_move(&known, &home, true);
	memory_add(&stranger, 200);
	assert_false(memory_take(&newcomer, 150));
	assert_ptr_equal(gone[0], &stranger);
	leave_gone();
	assert_true(memory_take(&newcomer, 150));
	/* a stranger takes nothing from one that is trusted */
	assert_false(memory_take(&newcomer, 200));
	assert_int_equal(n_gone, 0);
	memory_add(&known, 200);
	assert_int_equal(n_gone, 1);
	assert_ptr_equal(gone[0], &newcomer);
	leave_gone();
	memory_leave(&known);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_the_greediest_goes_not_the_newcomer, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_the_greediest_itself_waits, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_a_source_with_many_holders, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_within_a_source, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_what_is_added_drops_the_greediest, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_trusted_ones_go_last, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
