/* SPDX-License-Identifier: ISC */
/*
 * Versions that are wanted, and the sessions that have them. fetch.c fetches
 * them.
 */
#ifndef DMNET_SYNC_WANTED_H
#define DMNET_SYNC_WANTED_H

#include "dm-net/sync/core.h"

struct want *want_find(
    struct sync *, const uint8_t *key, const uint8_t *version);

/* The first of a key; want_next() for the others. */
struct want *want_first(struct sync *, const uint8_t *key);
struct want *want_next(struct sync *, const struct want *);

/* How many of the versions that are wanted can be expected to come. The others
 * wait too, but nothing else waits for them. */
size_t want_count_coming(const struct sync *);
/* NULL: no room; the ticket was given back. */
struct want *want_add(struct sync *, const uint8_t *key,
    const struct entry_rank *, uint64_t size, uint64_t ticket);
void want_source(struct sync *, struct want *, uint64_t conn);
/* If all places for sources are taken and some of these failed: now and then
 * notes others that are known to have it. */
void want_look_for_sources(struct sync *, struct want *);
void want_unsource(struct want *, uint64_t conn);
void want_remove(struct sync *, struct want *, bool drop_ticket);

/* Removes those of a key that are not above what is held. */
void want_prune(struct sync *, const uint8_t *key);

/* Content that came with the announcement. */
void want_put(
    struct sync *, struct want *, uint64_t conn, uint8_t *content, size_t len);
void want_lost(struct sync *);
void want_conn_gone(struct sync *, uint64_t conn);

#endif
