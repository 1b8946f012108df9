/* SPDX-License-Identifier: ISC */
/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): the hash of every table whose
 * keys an outsider chooses. Without the secret nobody can choose keys that
 * share a bucket. It is no substitute for SHA-256: 64 bits collide. Owns
 * nothing; no allocation, no I/O.
 */
#ifndef COMMON_SIPHASH_H
#define COMMON_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_SECRET_BYTES 16

/* `secret` is random bytes, chosen anew at each start of a process. */
uint64_t siphash(const uint8_t secret[static SIPHASH_SECRET_BYTES],
    const void *data, size_t len);

#endif
