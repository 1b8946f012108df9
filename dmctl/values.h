/* SPDX-License-Identifier: ISC */
/*
 * Rows of kind value (control.def): facts that the daemon's processes send
 * about themselves, gathered and printed. The keys come from the daemon, so
 * that a newer one may send more.
 */
#ifndef DMCTL_VALUES_H
#define DMCTL_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/control.h"

#define VALUES_MAX 1024
#define FACT_KEY_MAX 65 /* terminated */
#define FACT_TEXT_MAX 513

struct fact {
	const char *part; /* the process that sent it, a constant */
	char key[FACT_KEY_MAX];
	enum row_value_kind kind;
	uint64_t number;
	char text[FACT_TEXT_MAX];
};

struct values {
	struct fact *item;
	size_t n;
};

/* Copies the row; rows over VALUES_MAX are dropped. */
void values_add(struct values *, const char *part, const struct row_value *);
void values_clear(struct values *);

/* The first fact of this key, NULL: no process sent it. */
const struct fact *values_find(const struct values *, const char *key);

/* Its number, or `otherwise` if no process sent it. */
uint64_t values_number(
    const struct values *, const char *key, uint64_t otherwise);

/*
 * "key value" lines, with the parts as headings if there are several; or, with
 * tabs, "key<TAB>value".
 */
void values_print(const struct values *, bool with_tabs);

/*
 * The members of a JSON object, each with a comma in front. Keys that may come
 * more than once are always arrays; one that two parts say has the second
 * part's name in front. There, and with tabs, durations are in nanoseconds and
 * their keys end in _ns.
 */
void values_print_json(const struct values *);

#endif
