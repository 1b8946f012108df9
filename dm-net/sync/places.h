/* SPDX-License-Identifier: ISC */
/*
 * Which connection gives up its place when there are too many. Places are
 * shared between the networks that connections come from (an IPv4 /24, an IPv6
 * /48), and inside a network between its hosts (an IPv4 address, an IPv6 /64):
 * identities cost nothing, addresses do. A host is the remote end of the
 * connection, never an address that a peer claims.
 *
 * The functions choose; they close nothing.
 */
#ifndef DMNET_SYNC_PLACES_H
#define DMNET_SYNC_PLACES_H

#include "dm-net/sync/core.h"

/* The host and network of a multiaddress; all zero if it has no IP address. */
struct place place_of(const struct sync_addr *);

/*
 * All inbound places are taken and the newcomer is on trial. The session that
 * makes room for it, or NULL: the newcomer goes. A session of the network with
 * the most places goes if the newcomer's network has fewer, the newest first.
 * At equal shares a newcomer that nobody can dial replaces a peer that finds
 * other nodes.
 */
struct session *places_yield(struct sync *, const struct session *newcomer);

/*
 * So many connections are not yet judged that no more fit. Of those that sent
 * no hello, or are on trial, the one that goes; NULL: the newcomer itself.
 */
struct session *places_yield_early(
    struct sync *, const struct session *newcomer);

/*
 * Are enough connections dialled to that place, apart from `except`? Peers
 * that the configuration names do not count. Loopback is never full.
 */
bool places_dialled_enough(
    const struct sync *, const struct place *, const struct session *except);

#endif
