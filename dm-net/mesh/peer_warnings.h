/* SPDX-License-Identifier: ISC */
/*
 * Warnings in the log that name a peer or an address. warn_limit.h bounds their
 * number.
 */
#ifndef DM_NET_MESH_PEER_WARNINGS_H
#define DM_NET_MESH_PEER_WARNINGS_H

#include "dm-net/mesh/mesh_internal.h"

void peer_warnings_init(struct mesh *);
void peer_warnings_free(struct mesh *);
/* Tells what was left out and is due; to be called every few seconds. */
void peer_warnings_tick(struct mesh *);
/* The peer broke rules; reason may be "". Nobody is named for a connection that
 * was dialled and on which no id was proved. */
void peer_warnings_misbehaving(
    const struct peer_conn *, const char *reason, const char *text);
/* It is not in allowed_peers. */
void peer_warnings_uninvited(const struct peer_conn *, const struct peer_id *);

#endif
