/* SPDX-License-Identifier: ISC */
/*
 * Content to peers.
 */
#ifndef DM_NET_MESH_FILE_SEND_H
#define DM_NET_MESH_FILE_SEND_H

#include "dm-net/mesh/mesh_internal.h"

void file_send_serve(struct mesh *); /* before any connection */

#endif
