/* SPDX-License-Identifier: ISC */
/*
 * The addresses that peers are told for this node: those of `advertise`, then
 * those that it listens on. Pure; every address is made here or checked by the
 * configuration.
 */
#ifndef DMD_ADVERTISE_H
#define DMD_ADVERTISE_H

#include "dm-net/libp2p/multiaddr.h"
#include "dm-net/libp2p/peer_record.h"
#include "dmd/endpoint.h"

/*
 * Bytes of all addresses together, with the bytes that a record adds to each,
 * so that the record in its envelope is within the 1,024 bytes that peers take.
 */
#define ADVERTISE_BYTES_MAX 840

/*
 * bound: the addresses that dmd listens on. A wildcard stands for the machine's
 * lasting addresses; loopback is only named when the machine has nothing else,
 * or when it is listened on by itself. Without /p2p. The addresses of
 * `advertise` come first, then the others, the most useful ones in front.
 * Returns how many are in out; *left_out is how many more there were.
 */
size_t advertise_addresses(const struct config *, const struct interfaces *,
    const struct endpoint *bound, size_t n,
    struct multiaddr_raw out[static PEER_RECORD_ADDRS_MAX], size_t *left_out);

bool advertise_equal(const struct multiaddr_raw *a, size_t na,
    const struct multiaddr_raw *b, size_t nb);

#endif
