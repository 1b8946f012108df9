/* SPDX-License-Identifier: ISC */
/*
 * Multiaddresses (libp2p specs, addressing): text, binary, and a parsed view
 * of the one form that we dial and listen on, plain TCP:
 *
 *	[/ip6zone/Z] /ip4|ip6|dns|dns4|dns6/HOST /tcp/PORT [/p2p/ID]
 *
 * Known besides these: dnsaddr udp p2p-circuit quic quic-v1 tls noise ws wss
 * (and /ipfs/ as the old name of /p2p/ in text), so that addresses of other
 * implementations can be shown. Everything else is refused: callers skip such
 * an address.
 *
 * Linked into the privileged parent as well, so it depends on the C library
 * only. No allocation, no I/O, no name lookup.
 */
#ifndef DMNET_LIBP2P_MULTIADDR_H
#define DMNET_LIBP2P_MULTIADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "dm-net/libp2p/peer_id.h"

#define MULTIADDR_BYTES_MAX 256
#define MULTIADDR_TEXT_MAX 512
#define MULTIADDR_TEXT_SIZE (MULTIADDR_TEXT_MAX + 1)
#define MULTIADDR_NAME_MAX 253 /* a DNS name */
#define MULTIADDR_ZONE_MAX 15  /* an interface's name */

enum multiaddr_error {
	MULTIADDR_OK,
	MULTIADDR_EMPTY,    /* nothing there */
	MULTIADDR_TOO_LONG, /* over 512 characters, 256 bytes or 8 parts */
	MULTIADDR_SYNTAX, /* no leading slash, an empty part, a part missing */
	MULTIADDR_PROTOCOL,  /* a protocol that is not in the list above */
	MULTIADDR_VALUE,     /* a bad address, name, zone, port or peer id */
	MULTIADDR_TRUNCATED, /* binary form ends within a part */
	MULTIADDR_NOT_TCP    /* well-formed, but not of the plain TCP form */
};

enum multiaddr_host {
	MULTIADDR_IP4,
	MULTIADDR_IP6,
	MULTIADDR_DNS, /* either family */
	MULTIADDR_DNS4,
	MULTIADDR_DNS6
};

/* The binary form, always well-formed once a function here has set it. */
struct multiaddr_raw {
	uint16_t len;
	uint8_t bytes[MULTIADDR_BYTES_MAX];
};

/* The plain TCP form, taken apart. */
struct multiaddr {
	enum multiaddr_host host;
	uint16_t port;	/* host byte order; 0 is well-formed, not dialable */
	uint8_t ip[16]; /* IP4: the first 4 bytes. IP6: all */
	char name[MULTIADDR_NAME_MAX + 1]; /* DNS*: the name, else "" */
	char zone[MULTIADDR_ZONE_MAX + 1]; /* IP6 only; "" for none */
	bool has_peer_id;
	struct peer_id peer_id;
};

/* A sentence without a full stop, for messages about a refused address. */
const char *multiaddr_error_text(enum multiaddr_error error);

/* Text to binary. `raw` is only written on MULTIADDR_OK. */
enum multiaddr_error multiaddr_from_text(
    struct multiaddr_raw *raw, const char *text, size_t text_len);

/* Untrusted binary to checked binary; `raw` is only written on OK. */
enum multiaddr_error multiaddr_from_bytes(
    struct multiaddr_raw *raw, const uint8_t *bytes, size_t bytes_len);

/*
 * The same for an address that `peer` says is its own: a /p2p/ID at the end
 * is removed, and must be `peer` (MULTIADDR_VALUE otherwise).
 */
enum multiaddr_error multiaddr_from_peer(struct multiaddr_raw *raw,
    const uint8_t *bytes, size_t bytes_len, const struct peer_id *peer);

/* Binary to text with a NUL; always fits. Returns the length. */
size_t multiaddr_to_text(
    const struct multiaddr_raw *raw, char text[static MULTIADDR_TEXT_SIZE]);

/* Takes the plain TCP form apart, else MULTIADDR_NOT_TCP. */
enum multiaddr_error multiaddr_parse(
    struct multiaddr *addr, const struct multiaddr_raw *raw);

/* multiaddr_from_text() and multiaddr_parse() in one. */
enum multiaddr_error multiaddr_parse_text(
    struct multiaddr *addr, const char *text, size_t text_len);

/*
 * The reverse of multiaddr_parse(). MULTIADDR_VALUE if the name or the zone
 * is not one that parsing would accept, MULTIADDR_TOO_LONG if it does not fit.
 */
enum multiaddr_error multiaddr_build(
    struct multiaddr_raw *raw, const struct multiaddr *addr);

/*
 * From an AF_INET or AF_INET6 address; false for others. `zone` names the
 * interface of a link-local IPv6 address (it is left out for others); NULL or
 * "" for none. An IPv4 address mapped into IPv6 becomes IPv4. No peer id.
 */
bool multiaddr_from_sockaddr(
    struct multiaddr *addr, const struct sockaddr *sa, const char *zone);

/*
 * To a socket address, for IP4 and IP6; returns its length, 0 for names.
 * `scope_id` is the interface index that the caller found for addr->zone; it
 * is used only if there is a zone.
 */
socklen_t multiaddr_to_sockaddr(const struct multiaddr *addr,
    struct sockaddr_storage *ss, uint32_t scope_id);

/*
 * Whether one may connect to it: a port other than 0; not the unspecified,
 * a multicast or the IPv4 broadcast address; not link-local IPv6 without a
 * zone. Loopback may be dialed.
 */
bool multiaddr_is_dialable(const struct multiaddr *addr);

/* Removes one trailing /p2p/ID, if any is there and something is before it. */
void multiaddr_strip_peer(struct multiaddr_raw *raw);

bool multiaddr_equal(
    const struct multiaddr_raw *a, const struct multiaddr_raw *b);

#endif
