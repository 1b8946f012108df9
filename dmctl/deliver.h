/* SPDX-License-Identifier: ISC */
/*
 * Brings a signed entry and its content to a daemon, over the control socket or
 * HTTP, and goes on trying while that may help (the daemon starts, restarts or
 * is busy) until --timeout.
 */
#ifndef DMCTL_DELIVER_H
#define DMCTL_DELIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/entry.h"
#include "common/verdict.h"
#include "dmctl/target.h"

#define DELIVER_TEXT_MAX 1024

struct delivery {
	bool is_judged; /* a daemon said verdict; else code tells why not */
	enum verdict verdict;
	int code;		     /* exit code */
	uint64_t held_signed_at_ns;  /* with NOT_NEWER, 0: not said */
	char text[DELIVER_TEXT_MAX]; /* a sentence, escaped */
};

/* fd: the content (memory that is sealed, for the control socket), -1 for a
 * deletion; stays the caller's. It writes nothing to stderr, but that it waits.
 */
void deliver(struct target *, const struct entry *, int fd, struct delivery *);

#endif
