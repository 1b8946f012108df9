/* SPDX-License-Identifier: ISC */
#include "dmd/backoff.h"

uint64_t
backoff_next_ns(struct backoff *b, uint64_t now_ns, uint64_t ready_ns)
{
	uint64_t delay_ns;

	if (ready_ns >= BACKOFF_WELL_NS ||
	    (b->strikes > 0 && now_ns - b->last_ns >= BACKOFF_CALM_NS))
		b->strikes = 0;
	if (b->strikes == 0)
		delay_ns = 0;
	else if (b->strikes > 5)
		delay_ns = BACKOFF_MOST_NS;
	else
		delay_ns = BACKOFF_FIRST_NS << (b->strikes - 1);
	b->strikes++;
	b->last_ns = now_ns + delay_ns;
	return delay_ns;
}
