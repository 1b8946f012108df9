/* SPDX-License-Identifier: ISC */
/*
 * Unsigned varints as libp2p uses them (multiformats unsigned-varint): 7 bits
 * a byte, least significant first, at most 9 bytes, shortest form only.
 *
 * Protobuf has laxer varints of its own: see pb.h. No allocation, no I/O.
 */
#ifndef DMNET_LIBP2P_VARINT_H
#define DMNET_LIBP2P_VARINT_H

#include <stddef.h>
#include <stdint.h>

#define VARINT_BYTES_MAX 9
#define VARINT_VALUE_MAX ((uint64_t)INT64_MAX)

enum varint_status {
	VARINT_OK,
	VARINT_INCOMPLETE, /* all bytes given are fine, more are needed */
	VARINT_INVALID	   /* more than 9 bytes, or not the shortest form */
};

/*
 * Decodes the varint at the start of `in`. On VARINT_OK `*value` is set and
 * `*used` is the number of bytes it took (1 to 9); otherwise neither is
 * touched.
 */
enum varint_status varint_decode(
    const uint8_t *in, size_t in_len, uint64_t *value, size_t *used);

/*
 * Writes `value` (at most VARINT_VALUE_MAX, the caller's duty: more aborts)
 * and returns the number of bytes, 1 to 9.
 */
size_t varint_encode(uint8_t out[static VARINT_BYTES_MAX], uint64_t value);

/* The number of bytes varint_encode() would write. */
size_t varint_size(uint64_t value);

#endif
