/* SPDX-License-Identifier: ISC */
/*
 * The parts of a binary multiaddress: which protocols there are, what values
 * they take, and the one decoder that judges them. Private to multiaddr.c and
 * multiaddr_text.c. Depends on the C library only.
 */
#ifndef DMNET_LIBP2P_MULTIADDR_PART_H
#define DMNET_LIBP2P_MULTIADDR_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dm-net/libp2p/multiaddr.h"

/* With at most this many parts the text of 256 bytes stays below 512. */
#define MULTIADDR_PARTS_MAX 8
#define MULTIADDR_PORT_BYTES 2
#define MULTIADDR_IP4_BYTES 4
#define MULTIADDR_IP6_BYTES 16

/* The kind of value that follows a protocol's code. */
enum multiaddr_kind {
	KIND_NONE, /* no value */
	KIND_IP4,
	KIND_IP6,
	KIND_PORT,
	KIND_ZONE,
	KIND_NAME,
	KIND_PEER
};

enum multiaddr_code {
	CODE_IP4 = 4,
	CODE_TCP = 6,
	CODE_IP6 = 41,
	CODE_IP6ZONE = 42,
	CODE_DNS = 53,
	CODE_DNS4 = 54,
	CODE_DNS6 = 55,
	CODE_DNSADDR = 56,
	CODE_UDP = 273,
	CODE_P2P_CIRCUIT = 290,
	CODE_P2P = 421,
	CODE_TLS = 448,
	CODE_NOISE = 454,
	CODE_QUIC = 460,
	CODE_QUIC_V1 = 461,
	CODE_WS = 477,
	CODE_WSS = 478
};

struct multiaddr_protocol {
	const char *name;
	enum multiaddr_code code;
	enum multiaddr_kind kind;
};

/* One part of a binary address; `value` points into it. */
struct multiaddr_part {
	const struct multiaddr_protocol *protocol;
	const uint8_t *value;
	size_t value_len;
};

/* The row of a code, the one whose name is written; NULL if there is none. */
const struct multiaddr_protocol *multiaddr_find_code(uint64_t code);

/* The row of a name; NULL if there is none. */
const struct multiaddr_protocol *multiaddr_find_name(
    const char *name, size_t name_len);

/* Reads the part at `*at`, judges its value and moves `*at` past it. */
enum multiaddr_error multiaddr_read_part(
    const uint8_t *bytes, size_t len, size_t *at, struct multiaddr_part *part);

/* The one place that decides whether a binary address is well-formed. */
enum multiaddr_error multiaddr_check(const uint8_t *bytes, size_t len);

/* Appends a part, unchecked but for the room; false if there is too little. */
bool multiaddr_append(struct multiaddr_raw *raw,
    const struct multiaddr_protocol *protocol, const uint8_t *value,
    size_t value_len);

#endif
