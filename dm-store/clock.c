/* SPDX-License-Identifier: ISC */
#include "dm-store/clock.h"

#include <stdio.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"

#define STEP_NS (86400 * NS_PER_S)
#define STEADY_NS (3600 * NS_PER_S)
#define DRIFT_NS (60 * NS_PER_S)

void
clock_init(struct clock *c)
{
	c->wall_ns = clock_unix_ns;
	c->mono_ns = clock_boot_ns;
	clock_watch(c);
}

void
clock_watch(struct clock *c)
{
	c->has_stepped = false;
	c->steady_since_ns = c->mono_ns();
	c->offset_ns = c->steady_offset_ns = c->wall_ns() - c->mono_ns();
}

uint64_t
clock_now_ns(const struct clock *c)
{
	return c->wall_ns();
}

/* Is the clock where it was when it was last found to be elsewhere? */
static bool
has_kept(const struct clock *c, uint64_t offset_ns)
{
	int64_t drift = (int64_t)(offset_ns - c->steady_offset_ns);

	return drift <= (int64_t)DRIFT_NS && drift >= -(int64_t)DRIFT_NS;
}

bool
clock_check(struct clock *c)
{
	uint64_t now = c->mono_ns(), offset = c->wall_ns() - now;
	uint64_t before = c->offset_ns + now; /* wall had it not stepped */
	int64_t step = (int64_t)(offset - c->offset_ns);

	c->offset_ns = offset;
	/* leaving a time that was plainly wrong is no reason for doubt */
	if (before >= CLOCK_FLOOR_NS &&
	    (step >= (int64_t)STEP_NS || step <= -(int64_t)STEP_NS)) {
		log_warn("the clock stepped by %lld s: nothing expires until "
			 "it has been steady for an hour",
		    (long long)(step / (int64_t)NS_PER_S));
		c->has_stepped = true;
		c->step_s = step / (int64_t)NS_PER_S;
	}
	if (!has_kept(c, offset)) {
		c->steady_since_ns = now;
		c->steady_offset_ns = offset;
	} else if (c->has_stepped && now - c->steady_since_ns >= STEADY_NS) {
		c->has_stepped = false;
	}
	return step < -(int64_t)NS_PER_S;
}

bool
clock_is_set(const struct clock *c)
{
	return c->wall_ns() >= CLOCK_FLOOR_NS;
}

bool
clock_is_sane(const struct clock *c)
{
	return clock_is_set(c) && !c->has_stepped;
}

/* It looks for itself: a step may be younger than the last clock_check(). */
bool
clock_is_steady(const struct clock *c)
{
	uint64_t now = c->mono_ns();

	return clock_is_sane(c) && has_kept(c, c->wall_ns() - now) &&
	       now - c->steady_since_ns >= STEADY_NS;
}

const char *
clock_doubt(const struct clock *c, char out[static CLOCK_DOUBT_MAX])
{
	uint64_t steady = c->mono_ns() - c->steady_since_ns;

	if (c->wall_ns() < CLOCK_FLOOR_NS)
		snprintf(out, CLOCK_DOUBT_MAX,
		    "the clock is before the year in which this software was "
		    "made: set it");
	else if (c->has_stepped)
		snprintf(out, CLOCK_DOUBT_MAX,
		    "the clock stepped by %lld s: it is trusted again in %u "
		    "min if it stays steady",
		    (long long)c->step_s,
		    steady < STEADY_NS
			? (unsigned)((STEADY_NS - steady) / NS_PER_S / 60) + 1
			: 1);
	else
		out[0] = '\0';
	return out;
}
