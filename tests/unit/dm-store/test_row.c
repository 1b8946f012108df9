/* SPDX-License-Identifier: ISC */
/* The seal around a row of the index finds whatever is not as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "dm-store/row.h"

static size_t
make(uint8_t *buf)
{
	struct winner w;

	memset(&w, 0, sizeof(w));
	w.rank.signed_at_ns = 7;
	strcpy(w.name, "a/b");
	return row_seal(2, "0123456789abcdef", 16, buf,
	    row_winner_encode(&w, buf + 1));
}

static void
test_every_bit(void **state)
{
	uint8_t buf[ROW_SMALL_MAX];
	size_t len = make(buf);
	struct bytes body;
	struct winner w;

	for (size_t bit = 0; bit < len * 8; bit++) {
		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(row_open(2, "0123456789abcdef", 16, buf, len,
		    &body));
		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t cut = 0; cut < len; cut++)
		assert_false(row_open(2, "0123456789abcdef", 16, buf, cut,
		    &body));
	assert_true(row_open(2, "0123456789abcdef", 16, buf, len, &body));
	assert_true(row_winner_decode(&w, body.data, body.len));
	assert_string_equal(w.name, "a/b");
}

/* A sound row in the wrong place is not what was written there. */
static void
test_place(void **state)
{
	uint8_t buf[ROW_SMALL_MAX];
	size_t len = make(buf);
	struct bytes body;

	assert_false(row_open(3, "0123456789abcdef", 16, buf, len, &body));
	assert_false(row_open(2, "0123456789abcdeg", 16, buf, len, &body));
	assert_false(row_open(2, "0123456789abcde", 15, buf, len, &body));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
