/* SPDX-License-Identifier: ISC */
/*
 * File names and the patterns of [files] in dm.toml(5). Pure. dm-store's check
 * is the one that counts.
 */
#ifndef COMMON_NAME_H
#define COMMON_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * True for 1 to NAME_LEN_MAX bytes: components of
 * [A-Za-z0-9_][A-Za-z0-9._:-]* joined by single '/', at most NAME_DEPTH_MAX.
 * name need not be terminated.
 */
bool name_is_valid(const char *name, size_t len);

/* A valid name, or "prefix/" + "*" where prefix is a valid name. */
bool name_pattern_is_valid(const char *pattern, size_t len);

/* True if the (valid, terminated) name is the pattern or matches it: '*' stands
 * for exactly one whole last component. */
bool name_matches(const char *pattern, const char *name);

/*
 * True if some name of pattern a could be a proper path prefix of some name of
 * pattern b or the other way round, so that both could not be files on one
 * disk ("a" and "a/b", "a/" "*" and "a/b/" "*").
 */
bool name_patterns_clash(const char *a, const char *b);

/*
 * Path order: like strcmp(), but '/' before every other character, so that all
 * that is below "a" follows "a" at once, and a pattern comes before the names
 * it matches. <0, 0 or >0.
 */
int name_order(const char *a, const char *b);

/* True if inner lies below outer, or, for a pattern, below its directory. */
bool name_is_inside(const char *outer, const char *inner);

/* key: the first 16 bytes of sha256(name), by which peers speak of a file. */
void name_key(const char *name, uint8_t key[static 16]);

/* The first 8 bytes of sha256(pattern), as sent in a sync hello. */
void name_interest(const char *pattern, uint8_t hash[static 8]);

#endif
