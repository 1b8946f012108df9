/* SPDX-License-Identifier: ISC */
/*
 * One connection to a peer: its states, its end, what the peer is known to
 * hold.
 */
#ifndef DMNET_SYNC_SESSION_H
#define DMNET_SYNC_SESSION_H

#include "dm-net/sync/core.h"

struct session *session_find(const struct sync *, uint64_t handle);

/* Who pays for what the peer costs. */
struct ledger_who session_who(const struct session *);
/* False: its source owes too much, and the work is not to be done; that is
 * counted. The first one charges nothing yet. */
bool session_can_pay(
    struct sync *, const struct session *, enum ledger_kind, uint64_t cost_ns);
bool session_pay(
    struct sync *, const struct session *, enum ledger_kind, uint64_t cost_ns);

/* There is something to pull. */
void session_want_write(struct sync *, struct session *);

/* Ends it, after the last words that are due if flush. */
void session_close(struct sync *, struct session *, enum sync_close,
    const char *text, bool flush);
void session_hostile(struct sync *, struct session *, const char *text);
void session_bye(struct sync *, struct session *, enum wire_bye,
    enum sync_close, const char *text);

/* Its last words are out. */
void session_flushed(struct sync *, struct session *);
bool session_is_interested(const struct session *, const char *name);
void session_note_has(struct session *, const uint8_t *key,
    uint64_t signed_at_ns, const uint8_t *version);
bool session_has(
    const struct session *, const uint8_t *key, const struct entry_rank *);
void session_free(struct session *);

#endif
