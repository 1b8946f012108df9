/* SPDX-License-Identifier: ISC */
/*
 * What a store is put through while its calls are recorded, and what must be
 * true of any disk that a power cut may leave. The store is the real one, in
 * this process (tests/unit/dm-store/fixture.h).
 */
#ifndef TESTS_CRASH_SCENARIO_H
#define TESTS_CRASH_SCENARIO_H

#include "trace.h"

struct scenario {
	const char *name;
	void (*run)(void);
	void (*prepare)(void); /* before the record; NULL: an empty disk */
};
extern const struct scenario scenarios[];

/* The keys and versions of all scenarios; once. */
void scenario_setup(void);

/* What a scenario finds on dir when it begins: all durable, unrecorded. */
void scenario_prepare(const struct scenario *, const char *dir);

/* Runs one on the state directory dir, which it creates in: does not return
 * before it is through. */
void scenario_run(const struct scenario *, const char *dir);

/*
 * Starts a store on dir and compares with what was acknowledged within the
 * first cut operations. NULL, or what is wrong. is_deep: and stores one more
 * file, and starts once more.
 */
const char *scenario_check(
    const struct trace *, uint32_t cut, const char *dir, bool is_deep);

/* The start of a store on dir alone, for a record of its own. */
void scenario_recover(const char *dir);

#endif
