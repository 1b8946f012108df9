/* SPDX-License-Identifier: ISC */
/*
 * The messages of dm-store: answers to questions, and changes for dm-net
 * (ENTRY, RETRACT, WANT). No change is told before it is durable and visible.
 */
#ifndef DM_STORE_NOTIFY_H
#define DM_STORE_NOTIFY_H

#include "dm-store/commit.h"

/* Tickets that wants may hold: the rest is for what peers announce. */
#define ANNOUNCE_WANTS_MAX 512

void notify_change(struct store *, const struct change *);

/* Frees what reply owns. */
void notify_answer(struct store *, const struct reply *, const struct answer *);

/* The winner whose content is missing. */
void notify_want(
    struct store *, const struct entry *, const uint8_t version[static 32]);

#endif
