/* SPDX-License-Identifier: ISC */
/*
 * The look at a peer's Certificate message (RFC 8446, section 4.4.2) before
 * OpenSSL decodes anything in it. OpenSSL decodes the key of each certificate
 * as soon as it parses it, and takes an elliptic curve of the sender's own
 * making: 0.1 s of computing for a few hundred bytes of a stranger.
 *
 * Only bytes are compared here: one certificate, and its
 * SubjectPublicKeyInfo in one of the three forms that are used: P-256 and
 * P-384 with a named curve and an uncompressed point, and ed25519. All else
 * about a certificate is judged by cert.h. No allocation, no I/O.
 */
#ifndef DMNET_LIBP2P_CERT_SHAPE_H
#define DMNET_LIBP2P_CERT_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include "dm-net/libp2p/cert.h"

/* The longest certificate; those of ed25519 identities have about 400. */
#define CERT_BYTES_MAX 2048

/* Where they are in the message; borrowed from it. */
struct cert_shape {
	const uint8_t *cert; /* DER */
	size_t cert_len;
	const uint8_t *spki; /* inside it, DER */
	size_t spki_len;     /* 44, 91 or 120 */
};

/*
 * Looks at a whole handshake message with its head of four bytes. On CERT_OK
 * `*shape` is set. Else CERT_FORM, CERT_NONE, CERT_CHAIN,
 * CERT_LONG or CERT_KEY.
 */
enum cert_error cert_shape_look(
    const uint8_t *message, size_t len, struct cert_shape *shape);

#endif
