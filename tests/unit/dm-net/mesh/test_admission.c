/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "dm-net/mesh/admission.h"

#define S UINT64_C(1000000000)

static struct netsource
source(uint8_t last)
{
	const uint8_t address[4] = {192, 0, 2, last};
	struct netsource s;

	s = netsource_of_address(address, 4);
	return s;
}

/* One address opens as fast as it can: a burst, then parking, then refusal;
 * a second later it has tokens again. */
static void
test_rate(void **state)
{
	struct admission *a = admission_new();
	struct netsource s = source(1);
	int admitted = 0, parked = 0, refused = 0;

	for (int i = 0; i < 400; i++) {
		switch (admission_arrive(a, &s, true, S)) {
		case ADMISSION_ADMIT:
			admission_settled(a, &s);
			admitted++;
			break;
		case ADMISSION_PARK:
			parked++;
			break;
		case ADMISSION_REFUSE:
			refused++;
			break;
		}
	}
	assert_int_equal(admitted, ADMISSION_BURST);
	assert_int_equal(parked, ADMISSION_PARKED_SOURCE_MAX);
	assert_int_equal(refused, 400 - admitted - parked);
	assert_int_equal(admission_refused(a), refused);
	assert_false(admission_unpark(a, &s, S));
	for (int i = 0; i < parked; i++)
		assert_true(admission_unpark(a, &s, 2 * S));
	for (int i = 0; i < parked; i++)
		admission_settled(a, &s);
	for (int i = parked; i < ADMISSION_RATE_PER_S; i++) {
		assert_int_equal(
		    admission_arrive(a, &s, true, 2 * S), ADMISSION_ADMIT);
		admission_settled(a, &s);
	}
	assert_int_equal(admission_arrive(a, &s, true, 2 * S), ADMISSION_PARK);
	admission_free(a);
}

/* One that never finishes its handshakes does not keep others out. */
static void
test_half_open(void **state)
{
	struct admission *a = admission_new();
	struct netsource s = source(1), other = source(2);

	for (int i = 0; i < ADMISSION_HALF_OPEN_SOURCE_MAX; i++)
		assert_int_equal(
		    admission_arrive(a, &s, true, S), ADMISSION_ADMIT);
	assert_int_equal(admission_arrive(a, &s, true, S), ADMISSION_PARK);
	assert_int_equal(admission_arrive(a, &other, true, S), ADMISSION_ADMIT);
	admission_settled(a, &s);
	/* the parked one goes first */
	assert_int_equal(admission_arrive(a, &s, true, S), ADMISSION_PARK);
	assert_true(admission_unpark(a, &s, S));
	admission_left(a, &s);
	admission_settled(a, &s);
	assert_int_equal(admission_arrive(a, &s, true, S), ADMISSION_ADMIT);
	admission_free(a);
}

static void
test_total(void **state)
{
	struct admission *a = admission_new();
	struct netsource s;
	int admitted = 0;

	for (int i = 0; i < 200; i++) {
		s = source((uint8_t)i);
		if (admission_arrive(a, &s, true, S) == ADMISSION_ADMIT)
			admitted++;
	}
	assert_int_equal(admitted, ADMISSION_HALF_OPEN_MAX);
	admission_free(a);
}

/* A /64 is one source, an IPv4-mapped address is its IPv4 address. */
static void
test_sources(void **state)
{
	const uint8_t a6[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 9, 9, 9, 9};
	const uint8_t b6[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 7};
	const uint8_t mapped[16] = {
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
	struct netsource x, y;

	x = netsource_of_address(a6, 16);
	y = netsource_of_address(b6, 16);
	assert_memory_equal(&x, &y, sizeof(x));
	x = netsource_of_address(mapped, 16);
	y = source(1);
	assert_memory_equal(&x, &y, sizeof(x));
}

/* More sources than the table holds: idle ones make room. */
static void
test_table(void **state)
{
	struct admission *a = admission_new();
	struct netsource s;
	uint8_t address[4] = {10, 0, 0, 0};

	for (int i = 0; i < 2 * ADMISSION_SOURCES_MAX; i++) {
		address[2] = (uint8_t)(i >> 8);
		address[3] = (uint8_t)i;
		s = netsource_of_address(address, 4);
		assert_int_equal(
		    admission_arrive(a, &s, true, S + (uint64_t)i * S / 10),
		    ADMISSION_ADMIT);
		admission_settled(a, &s);
	}
	admission_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rate),
	    cmocka_unit_test(test_half_open),
	    cmocka_unit_test(test_total),
	    cmocka_unit_test(test_sources),
	    cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
