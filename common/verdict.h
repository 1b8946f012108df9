/* SPDX-License-Identifier: ISC */
/*
 * enum verdict: the result of a request and the reason of a refusal, in all
 * processes. Declared once in verdict.def; carried unchanged from the process
 * that decides to the client that asked.
 */
#ifndef COMMON_VERDICT_H
#define COMMON_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

enum verdict {
#define VERDICT(id, code, http, exit, text) VERDICT_##id,
#include "common/verdict.def"
#undef VERDICT
	VERDICT_COUNT
};

/* The stable code, "not-newer"; "unknown" for a number out of range. */
const char *verdict_code(enum verdict);

/* The sentence for a person: the reason and the next step. */
const char *verdict_sentence(enum verdict);

/* HTTP status code; 500 where HTTP never sees it. */
int verdict_http(enum verdict);

/* sysexits(3) code for dmctl. */
int verdict_exit(enum verdict);

/* OK, CREATED, REPLACED or UNCHANGED. */
bool verdict_is_ok(enum verdict);

/* From a number that came over a wire: false when out of range. */
bool verdict_from(uint64_t number, enum verdict *out);

#endif
