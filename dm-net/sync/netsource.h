/* SPDX-License-Identifier: ISC */
/*
 * Where a connection comes from, as far as somebody can be held to it: an IPv4
 * address, or the /64 of an IPv6 address, of which one host has all. It holds
 * no state.
 */
#ifndef DMNET_SYNC_NETSOURCE_H
#define DMNET_SYNC_NETSOURCE_H

#include <stddef.h>
#include <stdint.h>

/* Compared as bytes; all zero: not known. */
struct netsource {
	uint8_t bytes[9]; /* 4 or 16, and the first 4 or 8 of the address */
};

#define NETSOURCE_TEXT_SIZE 44 /* an IPv6 address, "/64" and the NUL */

/* address: 4 or 16 bytes; an IPv4-mapped IPv6 address counts as IPv4. Of any
 * other length it is not known. */
struct netsource netsource_of_address(const uint8_t *address, size_t len);

/* A binary multiaddr that begins with ip4, ip6, or ip6zone and ip6; of another
 * one the source is not known. */
struct netsource netsource_of_multiaddr(const uint8_t *bytes, size_t len);

/* The network of so many bits (at most 32 or 64) that the source lies in. */
struct netsource netsource_network(const struct netsource *, unsigned bits);

/* "192.0.2.1" (of 32 bits or more), "192.0.2.0/24", "2001:db8:1:2::/64", or
 * "-". */
const char *netsource_text(const struct netsource *, unsigned bits,
    char out[static NETSOURCE_TEXT_SIZE]);

#endif
