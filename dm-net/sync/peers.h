/* SPDX-License-Identifier: ISC */
/*
 * The table of peers: addresses, records, back-off. It opens no connection
 * (members.c does).
 */
#ifndef DMNET_SYNC_PEERS_H
#define DMNET_SYNC_PEERS_H

#include "dm-net/sync/core.h"

struct peer *peer_find(const struct sync *, const struct peer_id *);

/* Finds or adds; NULL: the table is full, or the teller told enough. */
struct peer *peer_add(struct sync *, const struct peer_id *, uint64_t teller);
uint64_t peer_hash(const struct sync *, const struct peer_id *);
void peer_add_addr(struct peer *, const struct sync_addr *, bool is_static);
void peer_drop(struct sync *, struct peer *);

/* A failure: sets next_dial_ns, with jitter. */
void peer_back_off(struct sync *, struct peer *);

/* Known peers are dialled within a second. except: because that one came, which
 * counts once in RESET_PAUSE. */
void peer_reset_backoff(struct sync *, const struct peer *except);

/* All that are not connected, as why they refused us has changed. */
void peer_forgive(struct sync *);

/* It was hostile, and may be gone already: its source pays, and for a while
 * it is neither dialled nor let in; longer each time while it is in the table.
 */
void peer_offends(struct sync *, const struct ledger_who *);

/*
 * Takes in a signed record that came over conn; false: it is not good. Its
 * sequence is a clock: beyond ours and max_clock_skew it is refused for time.
 * The check of its signature is charged to the session's source: one that owes
 * too much is not listened to. Bytes that are held already cost nothing.
 */
bool peer_record(struct sync *, const uint8_t *bytes, size_t len,
    uint64_t teller, uint64_t conn);

/* Trusted, or it answered when it was dialled, once. That it dialled us proves
 * nothing of its addresses. */
bool peer_is_proven(const struct peer *);

/* The dial of a peer begins; it ended, well or not, if one was under way. */
void peer_dial_began(struct sync *, struct peer *);
void peer_dial_ended(struct sync *, struct peer *);

/* May its record be handed on? */
bool peer_is_good(const struct sync *, const struct peer *);

#endif
