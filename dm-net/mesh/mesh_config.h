/* SPDX-License-Identifier: ISC */
/*
 * The part of the configuration that concerns peers, between its begin and its
 * commit.
 */
#ifndef DM_NET_MESH_MESH_CONFIG_H
#define DM_NET_MESH_MESH_CONFIG_H

#include "dm-net/mesh/mesh_internal.h"

bool mesh_is_allowed(const struct mesh *, const struct peer_id *);

#endif
