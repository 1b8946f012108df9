/* SPDX-License-Identifier: ISC */
#include "common/clock.h"

#include <time.h>

#include "common/log.h"

static uint64_t
clock_read(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) == -1)
		fatal("the system's clock cannot be read");
	if (ts.tv_sec < 0)
		return 0;
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t
clock_unix_ns(void)
{
	return clock_read(CLOCK_REALTIME);
}

uint64_t
clock_mono_ns(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

uint64_t
clock_mono_s(void)
{
	return clock_mono_ns() / NS_PER_S;
}

uint64_t
clock_boot_ns(void)
{
	return clock_read(CLOCK_BOOTTIME);
}

uint64_t
clock_thread_ns(void)
{
	return clock_read(CLOCK_THREAD_CPUTIME_ID);
}
