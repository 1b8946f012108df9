/* SPDX-License-Identifier: ISC */
/*
 * One TCP connection to a peer: its socket, its events, its libp2p connection.
 * It decides nothing about the peer.
 */
#ifndef DM_NET_MESH_PEER_CONN_H
#define DM_NET_MESH_PEER_CONN_H

#include "dm-net/mesh/mesh_internal.h"

/* Takes fd, connected. expected NULL: inbound. The outcome, if not NULL, lives
 * until it is told, or the caller sets it to NULL in the connection. */
struct peer_conn *peer_conn_new(struct mesh *, int fd, enum p2p_role,
    const struct peer_id *expected, const struct sockaddr *remote,
    socklen_t remote_len, struct peer_conn_outcome *);
/* Gives back what those that are gone have used; every few seconds. */
void peer_conn_tick(struct mesh *);
/* Before its end is due: tells the core. Never inside a p2p callback. */
void peer_conn_free(struct peer_conn *);
/* The callbacks of the p2p host. */
extern const struct p2p_callbacks peer_conn_callbacks;
/* Last words, as far as the socket takes them now; peer_conn_free() follows. */
void peer_conn_say_goodbye(struct peer_conn *);

#endif
