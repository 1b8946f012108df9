/* SPDX-License-Identifier: ISC */
#include "dm-store/seek_due.h"

#include "dm-store/loop.h"

void
seek_soon(struct store *s)
{
	struct seek_due *d = &s->seek_due;

	if (d->is_busy) {
		d->is_again = true;
		return;
	}
	d->is_busy = true;
	loop_soon(d->turn);
}

bool
seek_is_busy(const struct store *s)
{
	return s->seek_due.is_busy;
}

void
seek_passed(struct store *s)
{
	s->seek_due.is_busy = s->seek_due.is_again;
	s->seek_due.is_again = false;
}
