/* SPDX-License-Identifier: ISC */
/*
 * Certificates of libp2p (libp2p specs, tls): self-signed by a key made for
 * the purpose, and bound to the peer's identity by one extension, which has
 * the identity key and its signature over the certificate's key.
 *
 * Ours: P-256, empty names, valid 1975 to 4096, that one extension and no
 * other (js looks only at the first). The signature is made elsewhere.
 *
 * A peer's: cert_shape.h has looked at its bytes, OpenSSL decodes it, and
 * cert_check() judges it. Only
 * ed25519 identities, in their one form; certificate keys P-256, P-384 and
 * ed25519.
 *
 * Uses libcrypto; no I/O, no clock.
 */
#ifndef DMNET_LIBP2P_CERT_H
#define DMNET_LIBP2P_CERT_H

#include <openssl/x509.h>
#include <stdint.h>

#include "dm-net/libp2p/host.h"

/* The extension's value: SEQUENCE { OCTET STRING key, OCTET STRING sig }. */
#define CERT_EXTENSION_BYTES 106

enum cert_error {
	CERT_OK,
	CERT_FORM,	   /* not a message with a certificate as they are */
	CERT_NONE,	   /* no certificate in it */
	CERT_CHAIN,	   /* more than one */
	CERT_LONG,	   /* longer than CERT_BYTES_MAX */
	CERT_KEY,	   /* key of a kind that is not accepted */
	CERT_ALGORITHM,	   /* signature algorithm likewise */
	CERT_NO_EXTENSION, /* libp2p's is not there */
	CERT_EXTENSION,	   /* ... is there twice, or malformed */
	CERT_CRITICAL,	   /* another extension is critical */
	CERT_IDENTITY,	   /* identity key is not a sound ed25519 key */
	CERT_PEER,	   /* not the peer that was expected */
	CERT_DATE,	   /* not valid yet, or not any more */
	CERT_BINDING,	   /* the extension's signature does not verify */
	CERT_SIGNATURE	   /* the certificate's own does not */
};

/* The key of p2p_tls_key_new() for OpenSSL; borrowed. */
EVP_PKEY *cert_key(const struct p2p_tls_key *key);

/*
 * Makes the certificate for `key`; NULL if `signature` is not one of
 * `identity` over the key. The caller frees it.
 */
X509 *cert_make(const struct p2p_tls_key *key,
    const uint8_t identity[static 32], const uint8_t signature[static 64]);

/*
 * Judges a peer's certificate at `unix_s` (0: dates are not judged) by all
 * but the signatures in it. `expected` may be NULL. On CERT_OK, and on
 * CERT_PEER, `*peer` is whose it says it is.
 */
enum cert_error cert_read(X509 *cert, int64_t unix_s,
    const struct peer_id *expected, struct peer_id *peer);

/* Whether that is proven: verifies the signatures in a certificate that
 * cert_read() found good. It depends on nothing but the certificate. */
enum cert_error cert_prove(X509 *cert);

/* Both. Only on CERT_OK is `*peer` proven. */
enum cert_error cert_check(X509 *cert, int64_t unix_s,
    const struct peer_id *expected, struct peer_id *peer);

/* A sentence without a full stop. */
const char *cert_error_text(enum cert_error error);

#endif
