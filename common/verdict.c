/* SPDX-License-Identifier: ISC */
#include "common/verdict.h"

#include <stddef.h>

static const struct {
	const char *code;
	const char *sentence;
	int http;
	int exit;
} verdicts[] = {
#define VERDICT(id, code, http, exit, text) {code, text, http, exit},
#include "common/verdict.def"
#undef VERDICT
};

const char *
verdict_code(enum verdict v)
{
	return (unsigned)v < VERDICT_COUNT ? verdicts[v].code : "unknown";
}

const char *
verdict_sentence(enum verdict v)
{
	return (unsigned)v < VERDICT_COUNT ? verdicts[v].sentence
					   : "unknown verdict";
}

int
verdict_http(enum verdict v)
{
	if ((unsigned)v >= VERDICT_COUNT || verdicts[v].http == 0)
		return 500;
	return verdicts[v].http;
}

int
verdict_exit(enum verdict v)
{
	return (unsigned)v < VERDICT_COUNT ? verdicts[v].exit : 70;
}

bool
verdict_is_ok(enum verdict v)
{
	return v == VERDICT_OK || v == VERDICT_CREATED ||
	       v == VERDICT_REPLACED || v == VERDICT_UNCHANGED;
}

bool
verdict_from(uint64_t number, enum verdict *out)
{
	if (number >= VERDICT_COUNT)
		return false;
	*out = (enum verdict)number;
	return true;
}
