/* SPDX-License-Identifier: ISC */
#include "dm-store/read_budget.h"

#define REFILL_BYTES ((uint64_t)1 << 20)
#define REFILL_NS (NS_PER_S / 10)

bool
read_budget_take(struct store *s, uint64_t bytes)
{
	struct read_budget *b = &s->read_budget;
	uint64_t mono = s->clock.mono_ns();

	if (mono >= b->refill_ns) {
		b->left = REFILL_BYTES;
		b->refill_ns = mono + REFILL_NS;
	}
	if (bytes > b->left)
		return false;
	b->left -= bytes;
	return true;
}
