/* SPDX-License-Identifier: ISC */
/*
 * One value of a result, and its text. Text that came from outside is escaped
 * here.
 */
#ifndef DMCTL_CELL_H
#define DMCTL_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec.h"

enum cell_kind {
	CELL_NULL,
	CELL_TEXT,
	CELL_NUMBER,
	CELL_BOOL,
	CELL_SIZE,     /* bytes */
	CELL_TIME,     /* Unix ns */
	CELL_DURATION, /* ns */
};

struct cell {
	enum cell_kind kind;
	uint64_t number;
	struct bytes text; /* borrowed */
};

struct cell cell_null(void);
struct cell cell_text(struct bytes);
struct cell cell_string(const char *);
struct cell cell_number(uint64_t);
struct cell cell_bool(bool);
struct cell cell_size(uint64_t bytes);
struct cell cell_time(uint64_t unix_ns); /* 0: null */
struct cell cell_duration(uint64_t ns);	 /* 0: null */

#define CELL_TEXT_MAX 2112 /* 512 bytes escaped, and more */

/* Writes the text for people (is_exact false) or for scripts, escaped and
 * terminated. */
const char *cell_format(
    const struct cell *, bool is_exact, char out[static CELL_TEXT_MAX]);

#endif
