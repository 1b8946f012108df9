/* SPDX-License-Identifier: ISC */
/*
 * Accepts connections on the listening sockets that dmd made.
 */
#ifndef DM_NET_MESH_ACCEPT_H
#define DM_NET_MESH_ACCEPT_H

#include "dm-net/mesh/mesh_internal.h"

void accept_init(struct mesh *);
void accept_free_all(struct mesh *);

#endif
