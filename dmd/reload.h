/* SPDX-License-Identifier: ISC */
/*
 * The configuration while dmd runs: read again, and told to the children. A
 * file with an error changes nothing.
 */
#ifndef DMD_RELOAD_H
#define DMD_RELOAD_H

#include <stdint.h>

#include "common/verdict.h"

struct child;
struct dmd;

/*
 * Reads the configuration again. OK, and the changes in text; or BAD_CONFIG or
 * NEEDS_RESTART with the reason in text, and nothing changed.
 */
#define RELOAD_TEXT_MAX 512
enum verdict reload_now(struct dmd *, char text[static RELOAD_TEXT_MAX]);

/* Tells dm-net or dm-store the configuration as it is now: at once, as soon as
 * it has read the last one, or not at all if it knows it. */
void reload_send(struct dmd *, struct child *);

/* It has answered a ping: if that followed a configuration, the newest that
 * waits is sent. */
void reload_answered(struct dmd *, struct child *, uint64_t ping);

/* After a change of the interfaces: an interface that a peer's address names
 * came, or has another number. */
void reload_follow_zones(struct dmd *);

#endif
