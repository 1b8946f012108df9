/* SPDX-License-Identifier: ISC */
/*
 * Writes and reads times (RFC 3339) for programs and people, and waits for
 * deadlines. It keeps nothing.
 */
#ifndef DMCTL_TIME_TEXT_H
#define DMCTL_TIME_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For poll(2): milliseconds to a deadline, 0 if it is over, rounded up. */
int time_left_ms(uint64_t deadline_mono_ns);

void time_sleep_ns(uint64_t);

/* "2026-04-10T14:23:20.000000001Z", UTC, nine decimals. Ends with the year
 * 9999. Returns out. */
#define WHEN_TEXT_MAX 40
const char *time_format(uint64_t unix_ns, char out[static WHEN_TEXT_MAX]);

/* The same without decimals, for people. */
const char *time_format_s(uint64_t unix_ns, char out[static WHEN_TEXT_MAX]);

/* The reverse of time_format(): "Z" only, none or 1 to 9 decimals. False if
 * malformed, before 1970 or over 2^63 ns. */
bool time_parse(const char *text, size_t len, uint64_t *unix_ns);

/* The ns that the slowest disk worth waiting for takes for so many bytes. */
uint64_t time_disk_ns(uint64_t bytes);

/* The same for the slowest network, 16 KiB a second. */
uint64_t time_network_ns(uint64_t bytes);

#endif
