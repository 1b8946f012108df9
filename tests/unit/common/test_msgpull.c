/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/msgpull.h"
#include "common/msgput.h"

static struct msgpull
over(const char *bytes, size_t len)
{
	struct msgpull m;

	msgpull_init(&m, (const uint8_t *)bytes, len);
	return m;
}

#define OVER(s) over(s, sizeof(s) - 1)

static void
test_round_trip(void **state)
{
	static const uint64_t numbers[] = { 0, 127, 128, 255, 256, 65535, 65536,
		UINT32_MAX, UINT64_C(1) << 32, INT64_MAX, UINT64_MAX };
	static const int64_t ints[] = { -1, -32, -33, -128, -129, -32768,
		-32769, INT32_MIN, INT64_MIN, 5, INT64_MAX };
	uint8_t buf[512];
	struct msgput out;
	struct msgpull in;
	uint64_t u;
	int64_t i;

	msgput_init(&out, buf, sizeof(buf));
	for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++)
		msgput_u64(&out, numbers[k]);
	for (size_t k = 0; k < sizeof(ints) / sizeof(ints[0]); k++)
		msgput_i64(&out, ints[k]);
	msgpull_init(&in, buf, msgput_len(&out));
	for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++) {
		assert_true(msgpull_u64(&in, UINT64_MAX, &u));
		assert_true(u == numbers[k]);
	}
	for (size_t k = 0; k < sizeof(ints) / sizeof(ints[0]); k++) {
		assert_true(msgpull_i64(&in, &i));
		assert_true(i == ints[k]);
	}
	assert_true(msgpull_done(&in));
}

static void
test_bytes(void **state)
{
	uint8_t buf[64], fixed[3];
	struct msgput out;
	struct msgpull in;
	const uint8_t *bin;
	const char *str;
	size_t len, count;
	bool flag;

	msgput_init(&out, buf, sizeof(buf));
	msgput_array(&out, 5);
	msgput_str(&out, "abc", 3);
	msgput_bin(&out, (const uint8_t *)"xyz", 3);
	msgput_bin(&out, (const uint8_t *)"pq", 2);
	msgput_nil(&out);
	msgput_bool(&out, true);
	msgpull_init(&in, buf, msgput_len(&out));
	assert_true(msgpull_array(&in, 5, &count));
	assert_int_equal(count, 5);
	assert_false(msgpull_try_nil(&in));
	assert_true(msgpull_str(&in, 3, &str, &len));
	assert_memory_equal(str, "abc", 3);
	assert_true(msgpull_fixed(&in, fixed, 3));
	assert_memory_equal(fixed, "xyz", 3);
	assert_true(msgpull_bin(&in, 9, &bin, &len));
	assert_int_equal(len, 2);
	assert_true(msgpull_try_nil(&in));
	assert_true(msgpull_bool(&in, &flag));
	assert_true(flag);
	assert_true(msgpull_done(&in));
}

/* A count or length that the bytes cannot hold is refused by its head. */
static void
test_claims(void **state)
{
	struct msgpull m;
	const uint8_t *bin;
	size_t n;

	m = OVER("\xdd\xff\xff\xff\xff");
	assert_false(msgpull_array(&m, SIZE_MAX, &n));
	m = OVER("\xc6\xff\xff\xff\xff""a");
	assert_false(msgpull_bin(&m, SIZE_MAX, &bin, &n));
	m = OVER("\xdf\x00\x00\x00\x02\x01\x01\x01");
	assert_false(msgpull_skip(&m));
	m = OVER("\xc4\x03""ab");
	assert_false(msgpull_bin(&m, 3, &bin, &n));
	m = OVER("\xc4\x03""abc");
	assert_false(msgpull_bin(&m, 2, &bin, &n));
	m = OVER("\xcd\x01");
	assert_false(msgpull_skip(&m));
	m = OVER("\xc1");
	assert_false(msgpull_skip(&m));
	m = OVER("");
	assert_false(msgpull_skip(&m));
}

static void
test_types(void **state)
{
	struct msgpull m;
	uint64_t u = 7;
	int64_t i;
	bool b;

	m = OVER("\xff");
	assert_false(msgpull_u64(&m, UINT64_MAX, &u));
	m = OVER("\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
	assert_false(msgpull_i64(&m, &i));
	m = OVER("\x05");
	assert_false(msgpull_u64(&m, 4, &u));
	m = OVER("\x01");
	assert_false(msgpull_bool(&m, &b));
	assert_int_equal(u, 7);
	/* a failure stays */
	m = OVER("\xc0\x05");
	assert_false(msgpull_u64(&m, 9, &u));
	assert_false(msgpull_try_nil(&m));
	assert_false(msgpull_done(&m));
	/* a signed form of a positive number is a number */
	m = OVER("\xd1\x01\x00");
	assert_true(msgpull_u64(&m, 256, &u));
	assert_int_equal(u, 256);
}

static void
test_skip(void **state)
{
	static const char *good[] = { "\x93\x01\xa1""a\x92\xc0\xc3",
		"\x81\xa1k\x91\x05", "\xd4\x05x", "\xcb""12345678", "\xc7\x01\x05x",
		"\xd8\x05""0123456789abcdef" };
	char deep[MSGPULL_DEPTH_MAX + 2];
	struct msgpull m;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		m = over(good[i], strlen(good[i]));
		assert_true(msgpull_skip(&m));
		assert_true(msgpull_done(&m));
	}
	memset(deep, '\x91', sizeof(deep));
	deep[MSGPULL_DEPTH_MAX] = '\x01';
	m = over(deep, MSGPULL_DEPTH_MAX + 1);
	assert_true(msgpull_skip(&m));
	deep[MSGPULL_DEPTH_MAX] = '\x91';
	deep[MSGPULL_DEPTH_MAX + 1] = '\x01';
	m = over(deep, sizeof(deep));
	assert_false(msgpull_skip(&m));
}

static void
test_put_overflow(void **state)
{
	uint8_t buf[4];
	struct msgput out;

	msgput_init(&out, buf, sizeof(buf));
	msgput_u64(&out, 1);
	assert_int_equal(msgput_len(&out), 1);
	msgput_bin(&out, (const uint8_t *)"abc", 3);
	assert_true(out.overflow);
	assert_int_equal(msgput_len(&out), 0);
	msgput_nil(&out);
	assert_int_equal(msgput_len(&out), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_put_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
