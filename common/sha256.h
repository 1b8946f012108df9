/* SPDX-License-Identifier: ISC */
/*
 * SHA-256, at once or as bytes pass by. OpenSSL can refuse it only for want of
 * memory or of its own files: that is fatal, so no caller checks anything.
 */
#ifndef COMMON_SHA256_H
#define COMMON_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256;

/* The hash of no bytes, which a tombstone carries. */
extern const uint8_t sha256_empty[32];

void sha256_hash(const void *data, size_t len, uint8_t out[static 32]);

/* Bytes that come one after another. The caller frees it. */
struct sha256 *sha256_new(void);
void sha256_free(struct sha256 *); /* NULL is nothing */
void sha256_add(struct sha256 *, const void *data, size_t len);

/* Gives the hash of all added bytes. Then only sha256_begin() and sha256_free()
 * may follow. */
void sha256_end(struct sha256 *, uint8_t out[static 32]);

/* Forgets the added bytes, and begins again. */
void sha256_begin(struct sha256 *);

#endif
