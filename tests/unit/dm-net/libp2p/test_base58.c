/* SPDX-License-Identifier: ISC */
#include "tests/unit/dm-net/libp2p/vectors.h"

#include "dm-net/libp2p/base58.h"

/* From draft-msporny-base58, and leading zeros. */
static const struct {
	const char *hex, *text;
} pairs[] = {
    {"", ""},
    {"00", "1"},
    {"0000287fb4cd", "11233QC4"},
    {"48656c6c6f20576f726c6421", "2NEpo7TZRRrLZSi2U"},
    {"54686520717569636b2062726f776e20666f78206a756d7073206f76657220746865"
     "206c617a7920646f672e",
	"USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z"},
};

static void
goes_both_ways(void **state)
{
	char text[BASE58_TEXT_MAX + 1];
	uint8_t out[BASE58_BYTES_MAX];

	for (size_t i = 0; i < COUNT(pairs); i++) {
		struct bytes b = hex(pairs[i].hex);
		size_t len = strlen(pairs[i].text);

		assert_int_equal(
		    base58_encode(text, sizeof(text), b.at, b.len), len);
		assert_string_equal(text, pairs[i].text);
		assert_int_equal(
		    base58_decode(out, sizeof(out), text, len), b.len);
		assert_memory_equal(out, b.at, b.len);
	}
}

static void
longest_goes_both_ways(void **state)
{
	char text[BASE58_TEXT_MAX + 1];
	uint8_t in[BASE58_BYTES_MAX], out[BASE58_BYTES_MAX];
	int len;

	memset(in, 0xff, sizeof(in));
	len = base58_encode(text, sizeof(text), in, sizeof(in));
	assert_int_equal(len, BASE58_TEXT_MAX);
	assert_int_equal(
	    base58_decode(out, sizeof(out), text, (size_t)len), sizeof(in));
	assert_memory_equal(out, in, sizeof(in));
	/* One more than that number does not fit any more. */
	text[BASE58_TEXT_MAX - 1]++;
	assert_int_equal(
	    base58_decode(out, sizeof(out), text, (size_t)len), -1);
}

static void
refuses_what_does_not_fit(void **state)
{
	static const uint8_t in[BASE58_BYTES_MAX + 1];
	char text[128], small[4];
	uint8_t out[2];

	assert_int_equal(base58_encode(text, sizeof(text), in, sizeof(in)), -1);
	assert_int_equal(base58_encode(small, sizeof(small), in, 4), -1);
	assert_int_equal(base58_encode(small, sizeof(small), in, 3), 3);
	assert_int_equal(base58_decode(out, sizeof(out), "111", 3), -1);
	memset(text, 'z', sizeof(text));
	assert_int_equal(
	    base58_decode(out, sizeof(out), text, sizeof(text)), -1);
}

static void
refuses_other_characters(void **state)
{
	static const char bad[] = {'0', 'O', 'I', 'l', ' ', '\0', '+', '\x80'};
	uint8_t out[8];

	for (size_t i = 0; i < sizeof(bad); i++) {
		char text[3] = {'2', bad[i], '2'};

		assert_int_equal(
		    base58_decode(out, sizeof(out), text, sizeof(text)), -1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(goes_both_ways),
	    cmocka_unit_test(longest_goes_both_ways),
	    cmocka_unit_test(refuses_what_does_not_fit),
	    cmocka_unit_test(refuses_other_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
