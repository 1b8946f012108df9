/* SPDX-License-Identifier: ISC */
/*
 * The store's idea of time, and whether to believe it. A clock before the year
 * of this software, or one that stepped by a day, is plainly wrong: until it
 * has been steady for an hour nothing expires. Three questions, by what an
 * answer costs that turns out wrong: - clock_is_set(): to show again what an
 * end has hidden; - clock_is_sane(): to hide what has come to its end; -
 * clock_is_steady(): to give up for good what is old enough. It never sets the
 * clock.
 */
#ifndef DMSTORE_CLOCK_H
#define DMSTORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"

struct clock {
	uint64_t (*wall_ns)(void); /* since 1970 */
	uint64_t (*mono_ns)(void); /* goes on in suspend, never steps */
	uint64_t offset_ns;	   /* wall - mono, modulo 2^64 */
	bool has_stepped;
	int64_t step_s;		   /* the last one */
	uint64_t steady_since_ns;  /* mono */
	uint64_t steady_offset_ns; /* wall - mono, since then */
};

/* A clock before that is plainly wrong: 2026-01-01. */
#define CLOCK_FLOOR_NS (1767225600 * NS_PER_S)

/* With the system's clocks. Nothing is known of them before this. */
void clock_init(struct clock *);

uint64_t clock_now_ns(const struct clock *);

/* Once a second: looks for steps. True if the clock went back by more than a
 * second since the last time. */
bool clock_check(struct clock *);

/* From now on it is to be watched: as at the start. */
void clock_watch(struct clock *);

/* False before the year of this software: nobody has set it yet. */
bool clock_is_set(const struct clock *);

/* False while the clock is plainly wrong. */
bool clock_is_sane(const struct clock *);

/* True after an hour of this process in which the clock did not leave that of
 * the machine's uptime by more than a minute, in one step or in many. */
bool clock_is_steady(const struct clock *);

/* Why it is not believed, as a clause for people; "" if it is. */
#define CLOCK_DOUBT_MAX 128
const char *clock_doubt(const struct clock *, char out[static CLOCK_DOUBT_MAX]);

#endif
