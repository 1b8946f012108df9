/* SPDX-License-Identifier: ISC */
/*
 * An ed25519 key pair in memory (RFC 8032): made, used to sign, wiped. It knows
 * no format of a key. A failure of OpenSSL ends the process.
 */
#ifndef COMMON_KEYS_KEY_PAIR_H
#define COMMON_KEYS_KEY_PAIR_H

#include <stddef.h>
#include <stdint.h>

struct key_pair {
	uint8_t seed[32]; /* RFC 8032 private key; secret */
	uint8_t public_key[32];
};

/* A fresh key from the system's random numbers. */
void key_generate(struct key_pair *);

/* From a seed. */
void key_from_seed(struct key_pair *, const uint8_t seed[static 32]);

/* Wipes it. */
void key_clear(struct key_pair *);

/* Raw ed25519 signature over data. */
void key_sign(const struct key_pair *, const uint8_t *data, size_t len,
    uint8_t signature[static 64]);

#endif
