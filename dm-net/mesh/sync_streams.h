/* SPDX-License-Identifier: ISC */
/*
 * The streams of the sync protocol of one connection.
 */
#ifndef DM_NET_MESH_SYNC_STREAMS_H
#define DM_NET_MESH_SYNC_STREAMS_H

#include "dm-net/mesh/mesh_internal.h"

void sync_streams_serve(struct mesh *); /* before any connection */
void sync_streams_open(struct peer_conn *);
void sync_streams_want_write(struct peer_conn *);

#endif
