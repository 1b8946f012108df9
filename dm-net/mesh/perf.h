/* SPDX-License-Identifier: ISC */
/*
 * libp2p's perf protocol, served if the configuration allows it.
 */
#ifndef DM_NET_MESH_PERF_H
#define DM_NET_MESH_PERF_H

#include "dm-net/mesh/mesh_internal.h"

/* Serves the libp2p perf protocol from now on, or no longer. */
void perf_set(struct mesh *, bool is_on);

#endif
