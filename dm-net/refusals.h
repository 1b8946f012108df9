/* SPDX-License-Identifier: ISC */
/*
 * What dm-net refuses by itself, before dm-store sees it: malformed uploads,
 * versions of peers that the configuration rules out. Collected for a second,
 * one row a source and reason with a count, then told to dm-store, which keeps
 * the log that `dmctl rejects` shows. It decides nothing; what is too much is
 * left out.
 */
#ifndef DM_NET_REFUSALS_H
#define DM_NET_REFUSALS_H

#include "common/entry.h"
#include "common/verdict.h"

struct event_base;
struct refusals;
struct store_link;

/* The link outlives it. */
struct refusals *refusals_new(struct event_base *, struct store_link *);
void refusals_free(struct refusals *);

/*
 * e: as far as it was understood, NULL: not at all. from: a peer id or an
 * address of at most 64 bytes. Verdicts that say nothing about what was sent
 * (busy, starting...) are left out. refusals may be NULL.
 */
void refusals_note(
    struct refusals *, enum verdict, const struct entry *e, const char *from);

#endif
