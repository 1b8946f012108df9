/* SPDX-License-Identifier: ISC */
/*
 * What time it is, and how times are written: RFC 3339 for programs and
 * people. Used by every command. It keeps nothing.
 */
#ifndef DMCTL_CLOCK_H
#define DMCTL_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

/* Unix time. */
uint64_t clock_unix_ns(void);

/* A clock that never steps, for deadlines. */
uint64_t clock_mono_ns(void);

/* For poll(2): milliseconds to a deadline, 0 if it is over, rounded up. */
int clock_left_ms(uint64_t deadline_mono_ns);

void clock_sleep_ns(uint64_t);

/* "2026-04-10T14:23:20.000000001Z", UTC, nine decimals. Ends with the year
 * 9999. Returns out. */
#define CLOCK_TEXT_MAX 40
const char *clock_format(uint64_t unix_ns, char out[static CLOCK_TEXT_MAX]);

/* The same without decimals, for people. */
const char *clock_format_s(uint64_t unix_ns, char out[static CLOCK_TEXT_MAX]);

/* The reverse of clock_format(): "Z" only, none or 1 to 9 decimals. False if
 * malformed, before 1970 or over 2^63 ns. */
bool clock_parse(const char *text, size_t len, uint64_t *unix_ns);

#endif
