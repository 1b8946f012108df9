/* SPDX-License-Identifier: ISC */
/* The peer of mesh_node.h: how mesh_node.c brings it about. */
#ifndef TESTS_DOUBLE_SCRIPT_PEER_H
#define TESTS_DOUBLE_SCRIPT_PEER_H

#include "tests/double/mesh_node.h"

/* A TLS key and its signature by the identity of that seed. */
struct p2p_tls_key *peer_key(
    uint8_t seed, uint8_t public_key[static 32], uint8_t signature[static 64]);
/* Connects to the mesh and says hello. */
void peer_connect(struct peer *, int port, const struct peer_id *expected);
/* Moves the bytes that can be moved. */
void peer_drive(struct peer *);
void peer_clear(struct peer *);

#endif
