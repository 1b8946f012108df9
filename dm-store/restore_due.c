/* SPDX-License-Identifier: ISC */
#include "dm-store/restore_due.h"

#include "dm-store/loop.h"

void
restore_soon(struct store *s)
{
	struct restore_due *d = &s->restore_due;

	if (d->is_busy) {
		d->is_again = true;
		return;
	}
	d->is_busy = true;
	loop_soon(d->turn);
}

bool
restore_is_busy(const struct store *s)
{
	return s->restore_due.is_busy;
}

void
restore_passed(struct store *s)
{
	s->restore_due.is_busy = s->restore_due.is_again;
	s->restore_due.is_again = false;
}
