/* SPDX-License-Identifier: ISC */
/*
 * Finds one member of a JSON object (RFC 8259) that came from outside: enough
 * for the answers of dmd's HTTP side. Bounded, no recursion, no allocation; the
 * member counts as not found if the text before it is malformed. Pure.
 */
#ifndef DMCTL_JSON_SCAN_H
#define DMCTL_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

enum json_found {
	JSON_NONE, /* not there, malformed, or of another type */
	JSON_NULL,
	JSON_STRING,
};

/*
 * The member `key` of the object in text. JSON_STRING: its value in out,
 * terminated, escapes resolved (beyond ASCII as '?'), cut at out_size.
 */
enum json_found json_scan_text(
    const char *text, size_t len, const char *key, char *out, size_t out_size);

#endif
