/* SPDX-License-Identifier: ISC */
/*
 * Reads the system's clocks, and names the units of time. It is the only
 * place that calls clock_gettime(2); libp2p, which stands alone, is told the
 * time. It judges nothing: dm-store/clock.c decides whether the wall clock is
 * to be believed.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

/* Unix time, ns: for texts, for peers, for data on disk. It may step. 0 if the
 * clock is before 1970. */
uint64_t clock_unix_ns(void);

/* A clock that never steps, ns and s: for intervals and deadlines. It stands
 * still while the machine is suspended. */
uint64_t clock_mono_ns(void);
uint64_t clock_mono_s(void);

/* The same, but it goes on while the machine is suspended. */
uint64_t clock_boot_ns(void);

/* The time that this thread has computed, ns. While it waits, or others run in
 * its place, it stands still. */
uint64_t clock_thread_ns(void);

#endif
