/* SPDX-License-Identifier: ISC */
/*
 * Decides when a child gets a configuration: never the same twice, and one at a
 * time. While the child has not read the last one, a newer one waits, and a
 * still newer one takes its place: so a busy child gets no outdated
 * configurations. Pure: it sends nothing itself.
 */
#ifndef DMD_DELIVERY_H
#define DMD_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

#define DELIVERY_DIGEST_LEN 32

/* All zero at the start of a child's life. */
struct delivery {
	uint8_t digest[DELIVERY_DIGEST_LEN]; /* of the last that was sent */
	bool has_sent;
	bool is_owed;	  /* a newer one waits */
	uint64_t awaited; /* the ping after the last; 0: it was answered */
};

/* True if the configuration of this digest is to be sent now; else it is known
 * to the child, or waits. */
bool delivery_is_due(
    struct delivery *, const uint8_t digest[static DELIVERY_DIGEST_LEN]);

/* It was sent, and after it a ping of that number. */
void delivery_sent(struct delivery *,
    const uint8_t digest[static DELIVERY_DIGEST_LEN], uint64_t ping);

/* A ping was answered. True if that was awaited and a newer configuration
 * waits: ask delivery_is_due() for the newest. */
bool delivery_answered(struct delivery *, uint64_t ping);

#endif
