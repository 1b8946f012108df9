/* SPDX-License-Identifier: ISC */
/*
 * Warns if two nodes use one identity.
 */
#ifndef DM_NET_MESH_TWIN_H
#define DM_NET_MESH_TWIN_H

#include "dm-net/mesh/mesh_internal.h"

/* The connection is established with that peer: warns if it came in from
 * elsewhere than another one, for the third time in a minute. */
void twin_look(const struct peer_conn *, const struct peer_id *);

#endif
