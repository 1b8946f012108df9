/* SPDX-License-Identifier: ISC */
/*
 * The configured names and patterns: which names are ours, and what we tell
 * peers of them.
 */
#ifndef DMNET_SYNC_NAMES_H
#define DMNET_SYNC_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names;

struct names *names_new(void);
void names_free(struct names *);

/* Adds a valid name or pattern; one that is there already is no error. */
void names_add(struct names *, const char *pattern);

/* True if a valid name is covered. */
bool names_cover(const struct names *, const char *name);

/*
 * Their hashes of 8 bytes each, sorted, in one run of memory that lives until
 * the next names_add().
 */
const uint8_t *names_interests(struct names *, size_t *count);

/* True if the name, or the pattern that covers it, is in such a sorted run. */
bool names_interest_has(
    const uint8_t *interests, size_t count, const char *name);

#endif
