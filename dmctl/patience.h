/* SPDX-License-Identifier: ISC */
/* Trying again, with longer and longer pauses, until --timeout is over; after
 * about a second the user is told what is being waited for. */
#ifndef DMCTL_PATIENCE_H
#define DMCTL_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

struct patience {
	uint64_t timeout_ns;
	uint64_t deadline_mono_ns;
	uint64_t pause_ns;
	bool has_told;
};

void patience_begin(struct patience *, uint64_t timeout_ns);

/* Waits before the next attempt; false if there is no time for one. why: what
 * the last attempt came to, a sentence. */
bool patience_wait(struct patience *, const char *why);

#endif
