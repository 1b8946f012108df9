/* SPDX-License-Identifier: ISC */
/*
 * A client that sends any bytes, for the fuzz targets of HTTP: one server for
 * all of its connections, with a store in memory.
 */
#ifndef TESTS_DOUBLE_HTTP_FUZZ_H
#define TESTS_DOUBLE_HTTP_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/*
 * Sends the opening, then data: its first byte gives the size of the pieces of
 * the rest, in units of 16 bytes, 0: one piece. The client then goes, and
 * anything of it that stays in the server is fatal.
 */
void http_fuzz(
    const void *opening, size_t opening_len, const uint8_t *data, size_t len);

#endif
