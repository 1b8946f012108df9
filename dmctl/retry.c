/* SPDX-License-Identifier: ISC */
#include "dmctl/retry.h"

#include "common/clock.h"
#include "common/duration.h"
#include "common/log.h"
#include "dmctl/time_text.h"

#define PAUSE_FIRST_NS (50 * NS_PER_MS)
#define PAUSE_NS_MAX (2 * NS_PER_S)
#define QUIET_NS (800 * NS_PER_MS) /* a shorter wait needs no message */

uint64_t
retry_deadline(const struct args *args, uint64_t otherwise_ns)
{
	return args->deadline_mono_ns != 0 ? args->deadline_mono_ns
					   : clock_mono_ns() + otherwise_ns;
}

void
retry_begin(struct retry *p, const struct args *args)
{
	p->timeout_ns = args->timeout_ns;
	p->deadline_mono_ns = retry_deadline(args, args->timeout_ns);
	p->pause_ns = PAUSE_FIRST_NS;
	p->has_told = false;
}

bool
retry_wait(struct retry *p, const char *why)
{
	char text[DURATION_TEXT_MAX];

	if (clock_mono_ns() + p->pause_ns > p->deadline_mono_ns)
		return false;
	if (!p->has_told && p->pause_ns >= QUIET_NS) {
		log_warn("%s; trying for up to %s", why,
		    duration_format(p->timeout_ns, text));
		p->has_told = true;
	}
	time_sleep_ns(p->pause_ns);
	p->pause_ns *= 2;
	if (p->pause_ns > PAUSE_NS_MAX)
		p->pause_ns = PAUSE_NS_MAX;
	return true;
}
