/* SPDX-License-Identifier: ISC */
#include "tests/unit/dm-net/libp2p/vectors.h"

#include "dm-net/libp2p/pb.h"

static const struct pb_rule rules[] = {
    {1, PB_BYTES, 2, 3},
    {2, PB_VARINT, 1, 0},
};

static bool
is_fine(const char *text)
{
	struct bytes b = hex(text);

	return pb_check(b.at, b.len, rules, COUNT(rules));
}

static void
judges_messages(void **state)
{
	static const char *const good[] = {"", "0a00", "0a03616263",
	    "0a01611005", "10ffffffffffffffffff01", "0a00100a0a00",
	    /* unknown fields of all four kinds */
	    "7801"
	    "7a0161"
	    "790102030405060708"
	    "7d01020304",
	    /* a tag and a length that are not the shortest: protobuf's way */
	    "8a0000", "0a8000"};
	static const char *const bad[] = {"0a", "0a01", "0a0461626364",
	    "0a000a000a00", "10011001", "0801", "1200", "7b", "7c", "7e", "7f",
	    "0001", "0200", "10ffffffffffffffffffff01",
	    "10ffffffffffffffffff02", "7901020304050607", "7d010203",
	    "0affffffffffffffffff01", "ffffffffff01", "10"};

	for (size_t i = 0; i < COUNT(good); i++) {
		if (!is_fine(good[i]))
			print_message("%s\n", good[i]);
		assert_true(is_fine(good[i]));
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (is_fine(bad[i]))
			print_message("%s\n", bad[i]);
		assert_false(is_fine(bad[i]));
	}
}

static void
unknown_fields_are_few(void **state)
{
	uint8_t message[2 * (PB_UNKNOWN_MAX + 1)];

	for (size_t i = 0; i < sizeof(message); i += 2) {
		message[i] = 15 << 3;
		message[i + 1] = 1;
	}
	assert_true(
	    pb_check(message, sizeof(message) - 2, rules, COUNT(rules)));
	assert_false(pb_check(message, sizeof(message), rules, COUNT(rules)));
}

static void
writing_past_the_end_sticks(void **state)
{
	struct pb_writer w;
	uint8_t out[6];

	memset(out, 0xee, sizeof(out));
	pb_write_init(&w, out, 5);
	pb_write_bytes(&w, 1, "abc", 3);
	assert_false(w.is_full);
	assert_int_equal(w.len, 5);
	assert_int_equal(pb_bytes_size(3), 5);
	pb_write_uint(&w, 2, 1);
	assert_true(w.is_full);
	assert_int_equal(out[5], 0xee);

	pb_write_init(&w, out, 5);
	pb_write_bytes(&w, 1, "abcd", 4);
	pb_write_raw(&w, "a", 1);
	assert_true(w.is_full);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(judges_messages),
	    cmocka_unit_test(unknown_fields_are_few),
	    cmocka_unit_test(writing_past_the_end_sticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
