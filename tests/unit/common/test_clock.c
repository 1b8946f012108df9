/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/unit/common/forked.h"

/* The clock that the next reads see; tv_sec -2: it cannot be read. */
static struct timespec unix_clock, mono_clock, boot_clock;

/* In the place of the C library's. */
int
clock_gettime(clockid_t id, struct timespec *ts)
{
	switch (id) {
	case CLOCK_REALTIME:
		*ts = unix_clock;
		break;
	case CLOCK_MONOTONIC:
		*ts = mono_clock;
		break;
	case CLOCK_BOOTTIME:
		*ts = boot_clock;
		break;
	default:
		return (int)syscall(SYS_clock_gettime, id, ts);
	}
	return ts->tv_sec == -2 ? -1 : 0;
}

static void
test_each_clock_is_its_own(void **state)
{
	unix_clock = (struct timespec){1775831000, 1};
	mono_clock = (struct timespec){12, 999999999};
	boot_clock = (struct timespec){13, 0};
	assert_int_equal(clock_unix_ns(), UINT64_C(1775831000000000001));
	assert_int_equal(clock_mono_ns(), UINT64_C(12999999999));
	assert_int_equal(clock_mono_s(), 12);
	assert_int_equal(clock_boot_ns(), UINT64_C(13000000000));
}

static void
test_before_1970_is_0(void **state)
{
	unix_clock = (struct timespec){-1, 999999999};
	assert_int_equal(clock_unix_ns(), 0);
}

static long
read_unix(void *arg)
{
	return clock_unix_ns() == 0 ? 0 : 1;
}

static void
test_no_clock_ends_the_process(void **state)
{
	unix_clock = (struct timespec){-2, 0};
	assert_int_not_equal(forked(read_unix, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_clock_is_its_own),
		cmocka_unit_test(test_before_1970_is_0),
		cmocka_unit_test(test_no_clock_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
