/* SPDX-License-Identifier: ISC */
/*
 * Verification of ed25519 signatures by OpenSSL. Most signatures that one
 * thread checks are by few keys: OpenSSL's form of the last key is kept for the
 * next signature. It never decides whether a key is trusted: the configuration
 * does.
 */
#ifndef COMMON_KEYS_KEY_CHECK_H
#define COMMON_KEYS_KEY_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct key_check;

/* Of one thread at a time. Never NULL: without memory, fatal(). */
struct key_check *key_check_new(void);
/* NULL is fine. */
void key_check_free(struct key_check *);

/* RFC 8032, 5.1.7. False for a key that is no point of the curve, too. */
bool key_check_signature(struct key_check *,
    const uint8_t public_key[static 32], const uint8_t *data, size_t len,
    const uint8_t signature[static 64]);

/* The same, for a caller that checks a single signature. */
bool key_verify(const uint8_t public_key[static 32], const uint8_t *data,
    size_t len, const uint8_t signature[static 64]);

#endif
