/* SPDX-License-Identifier: ISC */
/*
 * What the disk refused, as lines of the log: which operation on which file,
 * why, and for which name. Every cause once a minute, with how often it was
 * seen meanwhile: who uploads gets a code that sends him to the log, and may
 * come back at once. It decides nothing.
 */
#ifndef DMSTORE_FAILURES_H
#define DMSTORE_FAILURES_H

#include "common/clock.h"
#include "dm-store/store.h"

#define FAILURES_EVERY_NS (60 * NS_PER_S)
#define FAILURES_MAX 16 /* causes that are told apart */

struct failures *failures_new(void);
void failures_free(struct failures *); /* NULL is fine */

/*
 * A cause is an operation and why it failed. doing: "writing", lives on. path:
 * below state_dir. name: the file that is concerned, "" if path says it, or if
 * it is many.
 */
void failures_tell(struct store *, const char *doing, const char *path,
    const char *name, const char *why);

#endif
