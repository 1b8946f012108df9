/* SPDX-License-Identifier: ISC */
#include "tests/unit/dm-net/libp2p/vectors.h"

#include "dm-net/libp2p/varint.h"

static const struct {
	uint64_t value;
	const char *hex;
} pairs[] = {
    {0, "00"},
    {1, "01"},
    {127, "7f"},
    {128, "8001"},
    {255, "ff01"},
    {300, "ac02"},
    {16384, "808001"},
    {(uint64_t)INT64_MAX, "ffffffffffffffff7f"},
};

static void
writes_and_reads_the_shortest_form(void **state)
{
	uint8_t out[VARINT_BYTES_MAX];
	uint64_t value;
	size_t used;

	for (size_t i = 0; i < COUNT(pairs); i++) {
		struct bytes b = hex(pairs[i].hex);

		assert_int_equal(varint_encode(out, pairs[i].value), b.len);
		assert_memory_equal(out, b.at, b.len);
		assert_int_equal(varint_size(pairs[i].value), b.len);
		b.at[b.len] = 0xff; /* what follows is left alone */
		assert_int_equal(
		    varint_decode(b.at, b.len + 1, &value, &used), VARINT_OK);
		assert_int_equal(value, pairs[i].value);
		assert_int_equal(used, b.len);
		for (size_t n = 0; n < b.len; n++)
			assert_int_equal(varint_decode(b.at, n, &value, &used),
			    VARINT_INCOMPLETE);
	}
}

static void
refuses_longer_forms(void **state)
{
	static const char *const bad[] = {"8000", "818000", "ff00",
	    "ffffffffffffffffff", "ffffffffffffffffff01",
	    "80808080808080808000"};
	uint64_t value = 7;
	size_t used = 7;

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct bytes b = hex(bad[i]);

		assert_int_equal(
		    varint_decode(b.at, b.len, &value, &used), VARINT_INVALID);
		assert_int_equal(value, 7);
		assert_int_equal(used, 7);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes_and_reads_the_shortest_form),
	    cmocka_unit_test(refuses_longer_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
