/* SPDX-License-Identifier: ISC */
/*
 * Durations ("1h30m") and sizes ("64M") as people write them in dm.toml(5) and
 * on command lines, and the way back. Pure.
 */
#ifndef COMMON_DURATION_H
#define COMMON_DURATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An integer and a unit (ms s m h d), once or more, units falling: "30s",
 * "1h30m". "0" alone needs no unit. False if malformed or over 2^63 ns.
 */
bool duration_parse(const char *text, uint64_t *ns);

/* The reverse, exact to 1 ms (the rest is cut): "1h30m", "0s". */
#define DURATION_TEXT_MAX 48
const char *duration_format(uint64_t ns, char out[static DURATION_TEXT_MAX]);

/*
 * An integer, and K, M or G as powers of 1024 or nothing for bytes. False if
 * malformed or over 2^62 bytes.
 */
bool size_parse(const char *text, uint64_t *bytes);

/* The reverse, exact: the largest unit that divides it, "64M", "1000". */
#define SIZE_TEXT_MAX 24
const char *size_format(uint64_t bytes, char out[static SIZE_TEXT_MAX]);

#endif
