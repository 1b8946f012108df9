/* SPDX-License-Identifier: ISC */
/*
 * The time that a command waits. A --timeout that was given ends the whole
 * command; else each kind of wait has its own end. The pauses between attempts
 * grow, and after about a second the user is told the reason.
 */
#ifndef DMCTL_RETRY_H
#define DMCTL_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "dmctl/args.h"

struct retry {
	uint64_t timeout_ns;
	uint64_t deadline_mono_ns;
	uint64_t pause_ns;
	bool has_told;
};

/* When to give up waiting: at the end that --timeout sets, else (also with
 * --timeout 0, which only means not to try again) otherwise_ns from now. */
uint64_t retry_deadline(const struct args *, uint64_t otherwise_ns);

/* For --timeout, or its default. */
void retry_begin(struct retry *, const struct args *);

/* Waits before the next attempt; false if there is no time for one. why: the
 * failure of the last attempt, a sentence. */
bool retry_wait(struct retry *, const char *why);

#endif
