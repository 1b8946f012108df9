/* SPDX-License-Identifier: ISC */
/*
 * How long to wait before a child that ended is started again: the first time
 * not at all, from the second within a minute twice as long each time. A child
 * that has worked for a while does not wait: the outage would be longer than
 * its cause. Pure: the caller has the clock.
 */
#ifndef DMD_BACKOFF_H
#define DMD_BACKOFF_H

#include <stdint.h>

#include "common/clock.h"

#define BACKOFF_CALM_NS (60 * NS_PER_S) /* forgives earlier ends */
#define BACKOFF_WELL_NS (10 * NS_PER_S) /* ready so long forgives too */
#define BACKOFF_FIRST_NS NS_PER_S	/* second time */
#define BACKOFF_MOST_NS (30 * NS_PER_S) /* ever */

/* All zero at the start. */
struct backoff {
	uint64_t last_ns; /* when the last start was due */
	unsigned strikes; /* ends without a calm minute between them */
};

/* The child ended at now_ns, after it was ready for ready_ns (0: never): how
 * many ns until it is started again. */
uint64_t backoff_next_ns(struct backoff *, uint64_t now_ns, uint64_t ready_ns);

#endif
