/* SPDX-License-Identifier: ISC */
/*
 * Rows of kind value (control.def): what the daemon's processes say about
 * themselves, gathered and printed. The keys are the daemon's own, so that a
 * newer one may say more.
 */
#ifndef DMCTL_FACTS_H
#define DMCTL_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/control.h"

#define FACTS_MAX 1024
#define FACT_KEY_MAX 65 /* terminated */
#define FACT_TEXT_MAX 513

struct fact {
	const char *part; /* who says it, a constant */
	char key[FACT_KEY_MAX];
	unsigned kind; /* of a value row */
	uint64_t number;
	char text[FACT_TEXT_MAX];
};

struct facts {
	struct fact *item;
	size_t n;
};

/* Copies the row; what is over FACTS_MAX is dropped. */
void facts_add(struct facts *, const char *part, const struct row_value *);
void facts_clear(struct facts *);

/* The first fact of this key, NULL: nobody said it. */
const struct fact *facts_find(const struct facts *, const char *key);

/* Its number, or otherwise. */
uint64_t facts_number(
    const struct facts *, const char *key, uint64_t otherwise);

/*
 * "key value" lines, with the parts as headings if there are several; or, with
 * tabs, "key<TAB>value".
 */
void facts_print(const struct facts *, bool with_tabs);

/*
 * The members of a JSON object, each with a comma in front. Keys that may come
 * more than once are always arrays; one that two parts say has the second
 * part's name in front. There, and with tabs, durations are in nanoseconds and
 * their keys end in _ns.
 */
void facts_print_json(const struct facts *);

#endif
