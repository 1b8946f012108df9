/* SPDX-License-Identifier: ISC */
/*
 * Certificates that were found good before, by their SHA-256: a peer that
 * comes back with the same certificate need not have the two signatures in it
 * verified again, which are half the work of a handshake. It still proves by
 * TLS that it has the certificate's key, and the rest is judged each time.
 *
 * A set of fixed size that forgets: of a peer's reconnecting, nothing is
 * decided here but how long it takes. Only those who were let in get into it,
 * so that strangers cannot push others out.
 *
 * No I/O, no clock.
 */
#ifndef DMNET_LIBP2P_JUDGED_H
#define DMNET_LIBP2P_JUDGED_H

#include <stdbool.h>
#include <stdint.h>

#define JUDGED_DIGEST_BYTES 32
#define JUDGED_SETS 256
#define JUDGED_WAYS 4

/* Starts as { 0 }. */
struct judged {
	struct judged_set {
		uint8_t digests[JUDGED_WAYS][JUDGED_DIGEST_BYTES];
		uint8_t count;
		uint8_t next; /* to be replaced */
	} sets[JUDGED_SETS];
};

bool judged_has(const struct judged *judged,
    const uint8_t digest[static JUDGED_DIGEST_BYTES]);
void judged_add(
    struct judged *judged, const uint8_t digest[static JUDGED_DIGEST_BYTES]);

#endif
