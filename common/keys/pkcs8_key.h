/* SPDX-License-Identifier: ISC */
/*
 * Reads an ed25519 private key from PKCS#8: PrivateKeyInfo (RFC 5208) and its
 * second version, OneAsymmetricKey with the public key (RFC 5958), as RFC 8410
 * fills them. Pure; it keeps no secret. By hand, since OpenSSL 3.0 takes the
 * first version only.
 */
#ifndef COMMON_KEYS_PKCS8_KEY_H
#define COMMON_KEYS_PKCS8_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "common/keys/keys.h"

/*
 * DER of exactly len bytes. KEY_OTHER_TYPE for another algorithm, KEY_MISMATCH
 * if a public key is there that does not belong to the private one. The
 * caller wipes der.
 */
enum key_error pkcs8_key_parse(
    const uint8_t *der, size_t len, struct key_pair *);

#endif
