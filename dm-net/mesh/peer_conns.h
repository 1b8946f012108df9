/* SPDX-License-Identifier: ISC */
/*
 * Finds a connection of the mesh, and names it.
 */
#ifndef DM_NET_MESH_PEER_CONNS_H
#define DM_NET_MESH_PEER_CONNS_H

#include "dm-net/mesh/mesh_address.h"

/* NULL if it is gone. */
struct peer_conn *peer_conn_find(struct mesh *, uint64_t id);
/* The address of the other side as text; returns out. */
const char *peer_conn_address(
    const struct peer_conn *, char out[static ADDRESS_TEXT_SIZE]);
/* The peer id as text; "" for NULL and before it is known. */
void peer_conn_id_text(
    const struct peer_conn *, char out[static PEER_ID_TEXT_SIZE]);

#endif
