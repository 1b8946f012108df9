/* SPDX-License-Identifier: ISC */
/*
 * Opening signed envelopes (libp2p RFC 0002): the decoder for bytes that any
 * peer may have made up. An envelope comes out only with its signature
 * verified under the key it names, which must be an ed25519 key.
 *
 * Uses protobuf-c and libcrypto.
 */
#ifndef DMNET_LIBP2P_ENVELOPE_OPEN_H
#define DMNET_LIBP2P_ENVELOPE_OPEN_H

#include <stddef.h>
#include <stdint.h>

#include "dm-net/libp2p/envelope.h"
#include "dm-net/libp2p/peer_id.h"

enum envelope_error {
	ENVELOPE_OK,
	ENVELOPE_TOO_LONG,  /* over ENVELOPE_BYTES_MAX */
	ENVELOPE_MALFORMED, /* not an envelope, or a field is missing */
	ENVELOPE_KEY,	    /* not a sound ed25519 key */
	ENVELOPE_TYPE,	    /* its payload type is another one */
	ENVELOPE_SIGNATURE  /* does not verify */
};

/* An opened envelope; free it with envelope_clear(). */
struct envelope {
	struct peer_id signer;
	uint8_t *payload;
	size_t payload_len;
};

/*
 * Opens `bytes`. The cheap checks come first, the signature last. On
 * ENVELOPE_OK `*env` is the caller's to clear, otherwise it is untouched.
 */
enum envelope_error envelope_open(struct envelope *env, const uint8_t *bytes,
    size_t bytes_len, const char *domain, struct envelope_bytes type);

void envelope_clear(struct envelope *env);

#endif
