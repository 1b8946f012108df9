/* SPDX-License-Identifier: ISC */
/*
 * Entries and rows that peers offer: cheap checks, then the judgement of
 * dm-store. It stores nothing.
 */
#ifndef DMNET_SYNC_OFFERS_H
#define DMNET_SYNC_OFFERS_H

#include "dm-net/sync/core.h"

enum row_fate { ROW_HELD, ROW_OLDER, ROW_COMING, ROW_REFUSED, ROW_WANTED };

/* Takes a row that a peer listed: decides whether to ask for the entry, and
 * notes the peer as a source. */
enum row_fate offers_row(
    struct sync *, struct session *, const struct wire_row *);
void offers_entry(struct sync *, struct session *, const struct entry *,
    const uint8_t *content, size_t len);
void offers_tick(struct sync *);

/* A new configuration, here or in the store: what was refused may be welcome
 * now. */
void offers_reload(struct sync *);
void offers_lost(struct sync *);

/* For the log: why something from that connection was refused. Some are told;
 * a flood of them needs no more. */
void offers_turn_away(
    struct sync *, uint64_t conn, const struct entry *, enum verdict);

/* Too far ahead of our clock? */
bool offers_is_future(const struct sync *, uint64_t signed_at_ns);

#endif
