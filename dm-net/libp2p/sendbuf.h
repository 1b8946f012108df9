/* SPDX-License-Identifier: ISC */
/*
 * The bytes that wait to be sent on one socket: a few TLS records at most,
 * since they are made only when there is room here. Has memory only while it
 * has bytes.
 *
 * tls fills it, conn empties it. No I/O.
 */
#ifndef DMNET_LIBP2P_SENDBUF_H
#define DMNET_LIBP2P_SENDBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Twelve full records, and small ones beside them: as many in one write as
 * still makes it cheaper. */
#define SENDBUF_BYTES (12 * 16512 + 1024)

/* Starts as { 0 }. */
struct sendbuf {
	uint8_t *bytes;
	size_t size; /* of the memory */
	size_t head;
	size_t len; /* waiting: bytes[head .. head + len) */
};

void sendbuf_clear(struct sendbuf *b);
/* Bytes that sendbuf_put() would take. */
size_t sendbuf_room(const struct sendbuf *b);
/* All or nothing; false if there is no room. */
bool sendbuf_put(struct sendbuf *b, const void *bytes, size_t len);
/* The first `len` waiting bytes were sent. */
void sendbuf_taken(struct sendbuf *b, size_t len);

#endif
