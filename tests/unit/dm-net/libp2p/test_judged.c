/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/judged.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct digest {
	uint8_t at[JUDGED_DIGEST_BYTES];
};

static struct digest
digest(uint8_t first, uint8_t last)
{
	struct digest d = {{0}};

	d.at[0] = first;
	d.at[JUDGED_DIGEST_BYTES - 1] = last;
	return d;
}

static void
test_has_what_was_added(void **state)
{
	struct judged judged = {0};
	struct digest zero = {{0}};

	/* an empty place is nobody's */
	assert_false(judged_has(&judged, zero.at));
	judged_add(&judged, digest(7, 1).at);
	assert_true(judged_has(&judged, digest(7, 1).at));
	/* every byte counts */
	for (size_t i = 0; i < JUDGED_DIGEST_BYTES; i++) {
		struct digest d = digest(7, 1);

		d.at[i] ^= 0x80;
		assert_false(judged_has(&judged, d.at));
	}
}

static void
test_forgets_the_oldest(void **state)
{
	struct judged judged = {0};

	for (uint8_t i = 0; i <= JUDGED_WAYS; i++) {
		judged_add(&judged, digest(255, i).at);
		judged_add(&judged, digest(255, i).at); /* takes no place */
	}
	assert_false(judged_has(&judged, digest(255, 0).at));
	for (uint8_t i = 1; i <= JUDGED_WAYS; i++)
		assert_true(judged_has(&judged, digest(255, i).at));
	/* and nobody elsewhere was touched */
	assert_int_equal(judged.sets[0].count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_has_what_was_added),
	    cmocka_unit_test(test_forgets_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
