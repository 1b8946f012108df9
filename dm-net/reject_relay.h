/* SPDX-License-Identifier: ISC */
/*
 * The refusals of dm-net itself, before dm-store sees the version: malformed
 * uploads, versions of peers that the configuration rules out. Collected for a
 * second, one row a source and reason with a count, then told to dm-store,
 * which keeps the log that `dmctl rejects` shows. It decides nothing; refusals
 * beyond its bound are left out.
 */
#ifndef DM_NET_REJECT_RELAY_H
#define DM_NET_REJECT_RELAY_H

#include "common/entry.h"
#include "common/verdict.h"

struct event_base;
struct reject_relay;
struct store_client;

/* The link outlives it. */
struct reject_relay *reject_relay_new(
    struct event_base *, struct store_client *);
void reject_relay_free(struct reject_relay *);

/*
 * e: as far as it was understood, NULL: not at all. from: a peer id or an
 * address of at most 64 bytes. Verdicts that say nothing about what was sent
 * (busy, starting...) are left out. refusals may be NULL.
 */
void reject_relay_note(struct reject_relay *, enum verdict,
    const struct entry *e, const char *from);

#endif
