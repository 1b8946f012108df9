/* SPDX-License-Identifier: ISC */
/*
 * Making signed envelopes (libp2p RFC 0002), byte for byte the same each time
 * so that they can be signed in one place and put together in another. The
 * signing itself is the caller's. Opening them: envelope_open.h.
 *
 * Linked into the privileged parent, so it depends on the C library only. No
 * allocation, no I/O.
 */
#ifndef DMNET_LIBP2P_ENVELOPE_H
#define DMNET_LIBP2P_ENVELOPE_H

#include <stddef.h>
#include <stdint.h>

#include "dm-net/libp2p/peer_id.h"

#define ENVELOPE_SIGNATURE_BYTES 64
/* Longest domain and longest payload type. */
#define ENVELOPE_LABEL_MAX 64
/* Longest envelope, read or written. */
#define ENVELOPE_BYTES_MAX 8192
#define ENVELOPE_PAYLOAD_MAX (ENVELOPE_BYTES_MAX - 256)
/* Longest result of envelope_signed_bytes(). */
#define ENVELOPE_SIGNED_MAX (ENVELOPE_PAYLOAD_MAX + 2 * ENVELOPE_LABEL_MAX + 16)

/* Borrowed bytes. */
struct envelope_bytes {
	const uint8_t *bytes;
	size_t len;
};

/*
 * Writes what the signature covers: domain, type and payload, each with its
 * length before it. Returns the length, or 0 if a part is over its limit or
 * all do not fit in `out_size`.
 */
size_t envelope_signed_bytes(uint8_t *out, size_t out_size, const char *domain,
    struct envelope_bytes type, struct envelope_bytes payload);

/*
 * Writes the envelope of `signer` with a signature over the bytes above.
 * Returns the length, or 0 as above.
 */
size_t envelope_encode(uint8_t *out, size_t out_size,
    const struct peer_id *signer, struct envelope_bytes type,
    struct envelope_bytes payload,
    const uint8_t signature[static ENVELOPE_SIGNATURE_BYTES]);

#endif
