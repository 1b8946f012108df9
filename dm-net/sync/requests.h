/* SPDX-License-Identifier: ISC */
/*
 * Entries that a list showed and that are missing here: asked of the peer,
 * in small portions.
 */
#ifndef DMNET_SYNC_REQUESTS_H
#define DMNET_SYNC_REQUESTS_H

#include "dm-net/sync/core.h"

/* Rows that a peer listed: asks for the entries that are newer there, and
 * returns how many. */
size_t requests_take_rows(
    struct sync *, struct session *, const struct wire_rows *);

/* There is room again for what is asked for. */
void requests_more(struct sync *);
size_t requests_pull(
    struct sync *, struct session *, uint8_t *buf, size_t size);
void requests_tick(struct sync *, struct session *);

/* An answer to a want: true if the key was asked for. */
bool requests_answered(struct sync *, struct session *, const uint8_t *key);
void requests_drop(struct sync *, struct session *);

#endif
