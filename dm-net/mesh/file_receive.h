/* SPDX-License-Identifier: ISC */
/*
 * Content from peers.
 */
#ifndef DM_NET_MESH_FILE_RECEIVE_H
#define DM_NET_MESH_FILE_RECEIVE_H

#include "dm-net/mesh/mesh_internal.h"

void file_receive_start(struct mesh *, const struct sync_action *);
void file_receive_cancel(struct mesh *, uint64_t id);
/* The connection is going: its fetches end without a report. */
void file_receive_conn_gone(struct peer_conn *);
/* The store is gone: all fetches end without a report. */
void file_receive_store_lost(struct mesh *);
void file_receive_inline(struct mesh *, const struct sync_action *);
void file_receive_free_all(struct mesh *);

#endif
