/* SPDX-License-Identifier: ISC */
/*
 * A client of whom nobody knows what it sends, for the fuzz targets of HTTP:
 * one server behind all of its connections, with a store in memory.
 */
#ifndef TESTS_DOUBLE_HTTP_FUZZ_H
#define TESTS_DOUBLE_HTTP_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/*
 * Sends the opening, then data: its first byte says in pieces of how many
 * 16 bytes the rest arrives, 0: in one. The client then goes, and whatever it
 * leaves behind in the server is fatal.
 */
void http_fuzz(const void *opening, size_t opening_len, const uint8_t *data,
    size_t len);

#endif
