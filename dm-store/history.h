/* SPDX-License-Identifier: ISC */
/*
 * Superseded content in old/: its list, with the time since when, and its
 * removal, the oldest first, down to history_size. Content that was replaced
 * within the last minute is still served under its version, and stays that
 * long.
 */
#ifndef DMSTORE_HISTORY_H
#define DMSTORE_HISTORY_H

#include "common/clock.h"
#include "dm-store/store.h"

#define HISTORY_SERVED_NS (60 * NS_PER_S)

struct recent *recent_new(void);
void recent_free(struct recent *);

/* The content of e goes to old/: its row, in the open batch. */
void history_add(struct store *, const struct entry *e);

/*
 * A version is no longer listed: its content goes soon, unless another one
 * has the same, or it is still its signer's last. Into the open batch.
 */
void history_doom(struct store *, const struct entry *e);

/* Content in old/, or -1 with errno. */
int history_open(struct store *, const struct entry *e);

/* Removes what is over the budget: rows in a batch, which it opens, and
 * files. True if it opened one: commit_schedule(). */
bool history_trim(struct store *);

/* The row of content in old/: since when, and of what. False if there is
 * none, or it is damaged. */
bool history_find(struct store *, const uint8_t sha256[static 32],
    uint64_t *when_ns, struct history *);

/* Its row goes, damaged or not, in the open batch; the file has gone. */
void history_drop(struct store *, const uint8_t sha256[static 32]);

/* Sums up old/ at the start. */
void history_load(struct store *);

/* A version was replaced, durably. */
void recent_add(struct store *, const uint8_t key[static 16],
    const uint8_t version[static 32], const struct entry *);

/* The entry of a version replaced less than a minute ago, else NULL. */
const struct entry *recent_find(const struct store *,
    const uint8_t key[static 16], const uint8_t version[static 32]);

#endif
