/* SPDX-License-Identifier: ISC */
/*
 * Addresses in the forms that the core, people and admission need.
 */
#ifndef DM_NET_MESH_MESH_ADDRESS_H
#define DM_NET_MESH_MESH_ADDRESS_H

#include "dm-net/mesh/mesh_internal.h"

void mesh_address_copy(struct sync_addr *, const struct multiaddr_raw *);
/* "192.0.2.1:7946" or "[2001:db8::1]:7946"; returns out. */
#define ADDRESS_TEXT_SIZE 80

const char *mesh_address_format(
    const struct sockaddr_storage *, char out[static ADDRESS_TEXT_SIZE]);
/* The source that an address belongs to. */
struct netsource mesh_address_source(const struct sockaddr_storage *);

#endif
