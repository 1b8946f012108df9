/* SPDX-License-Identifier: ISC */
/*
 * Dials a peer: tries its addresses, a few at once.
 */
#ifndef DM_NET_MESH_DIAL_H
#define DM_NET_MESH_DIAL_H

#include "dm-net/mesh/mesh_internal.h"

/* Tries the addresses, a few at once; dial_failed() of the core, or an
 * established connection, follows. */
void dial_start(struct mesh *, const struct sync_action *);
void dial_free_all(struct mesh *);

#endif
