/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "common/clock.h"
#include "dm-net/mesh/rate_table.h"

#define S NS_PER_S
#define BURST 10

static const uint8_t secret[SIPHASH_SECRET_BYTES] = {1, 2, 3};

static struct netsource
source(unsigned i)
{
	const uint8_t address[4] = {
	    10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};

	return netsource_of_address(address, 4);
}

/* A burst, then nothing, then as much as the time that has passed gives. */
static void
test_rate(void **state)
{
	struct rate_table *t = rate_table_new(secret, BURST, S / 10);
	struct netsource s = source(1), other = source(2);

	for (int i = 0; i < BURST; i++)
		assert_true(rate_table_take(t, &s, S));
	assert_false(rate_table_take(t, &s, S));
	assert_true(rate_table_take(t, &other, S));
	assert_false(rate_table_take(t, &s, S + S / 20));
	assert_true(rate_table_take(t, &s, S + S / 10));
	assert_false(rate_table_take(t, &s, S + S / 10));
	for (int i = 0; i < BURST; i++)
		assert_true(rate_table_take(t, &s, 9 * S));
	assert_false(rate_table_take(t, &s, 9 * S));
	rate_table_free(t);
}

/* However many come, and however much they take, a stranger has its burst. */
static void
test_a_stranger_is_never_refused(void **state)
{
	struct rate_table *t = rate_table_new(secret, BURST, S / 10);
	struct netsource s;

	for (unsigned i = 0; i < 4 * RATE_TABLE_SOURCES; i++) {
		s = source(i);
		for (int n = 0; n < BURST; n++)
			assert_true(rate_table_take(t, &s, S));
		assert_false(rate_table_take(t, &s, S));
	}
	rate_table_free(t);
}

/* Who took most is not forgotten for those who came once. */
static void
test_the_least_indebted_is_forgotten(void **state)
{
	struct rate_table *t = rate_table_new(secret, BURST, S / 10);
	struct netsource greedy = source(1), s;

	while (rate_table_take(t, &greedy, S))
		;
	for (unsigned i = 2; i < 8 * RATE_TABLE_SOURCES; i++) {
		s = source(i);
		assert_true(rate_table_take(t, &s, S));
	}
	assert_false(rate_table_take(t, &greedy, S));
	rate_table_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rate),
	    cmocka_unit_test(test_a_stranger_is_never_refused),
	    cmocka_unit_test(test_the_least_indebted_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
