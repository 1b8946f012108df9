/* SPDX-License-Identifier: ISC */
/*
 * The messages of identify, /ipfs/id/1.0.0, and its push (libp2p specs,
 * identify): what a peer says about itself and how it sees us.
 *
 * The host collects what a peer writes on the stream until the peer's FIN (at
 * most IDENTIFY_STREAM_MAX bytes, more is refused) and hands it to
 * identify_decode(). Keep the result with the live connection only. Uses
 * protobuf-c and libcrypto; no I/O.
 */
#ifndef DMNET_LIBP2P_IDENTIFY_H
#define DMNET_LIBP2P_IDENTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dm-net/libp2p/envelope.h"
#include "dm-net/libp2p/multiaddr.h"
#include "dm-net/libp2p/peer_id.h"
#include "dm-net/libp2p/peer_record_open.h"

#define IDENTIFY_PROTOCOL "/ipfs/id/1.0.0"
#define IDENTIFY_PUSH_PROTOCOL "/ipfs/id/push/1.0.0"

/* One message as we write it: rust reads no longer ones. */
#define IDENTIFY_ENCODED_MAX 4096
/* All of a peer's messages together, and with their length prefixes. */
#define IDENTIFY_BYTES_MAX 8192
#define IDENTIFY_MESSAGES_MAX 10
#define IDENTIFY_STREAM_MAX (IDENTIFY_BYTES_MAX + 2 * IDENTIFY_MESSAGES_MAX)
/* Kept of a peer; what is beyond is ignored. */
#define IDENTIFY_PROTOCOLS_MAX 32
#define IDENTIFY_ADDRS_MAX 32
#define IDENTIFY_TEXT_MAX 127 /* of a protocol or version, in bytes */
/* A message that claims more than these is refused. */
#define IDENTIFY_PROTOCOLS_READ_MAX 128
#define IDENTIFY_ADDRS_READ_MAX 64

enum identify_error {
	IDENTIFY_OK,
	IDENTIFY_TOO_LONG,  /* too many bytes or messages */
	IDENTIFY_EMPTY,	    /* no message at all */
	IDENTIFY_TRUNCATED, /* it ends within a message */
	IDENTIFY_MALFORMED, /* not a message, or too many of something */
	IDENTIFY_NO_KEY,    /* no public key (fine in a push) */
	IDENTIFY_KEY	    /* not the key of the peer we talk to */
};

/* The facts that this node sends about itself. Everything is borrowed. */
struct identify_self {
	const struct peer_id *id;
	const char *agent_version;
	const char *const *protocols; /* <= IDENTIFY_PROTOCOLS_MAX */
	size_t protocol_count;
	const struct multiaddr_raw *listen_addrs; /* <= IDENTIFY_ADDRS_MAX */
	size_t listen_addr_count;
	const struct multiaddr_raw *observed; /* the peer's; NULL for none */
	struct envelope_bytes record; /* signed peer record; len 0: none */
};

/* The facts that a peer sends about itself. */
struct identify {
	/* Set once a message had the peer's key, the right one. */
	bool has_key;
	char agent_version[IDENTIFY_TEXT_MAX + 1];
	char protocol_version[IDENTIFY_TEXT_MAX + 1];
	size_t protocol_count;
	char protocols[IDENTIFY_PROTOCOLS_MAX][IDENTIFY_TEXT_MAX + 1];
	/*
	 * Where the peer says it listens, without /p2p: the signed record's
	 * addresses if there is a valid one, else listenAddrs.
	 */
	size_t addr_count;
	struct multiaddr_raw addrs[IDENTIFY_ADDRS_MAX];
	/* How the peer sees us, without /p2p. */
	bool has_observed;
	struct multiaddr_raw observed;
	/*
	 * A valid record of this peer: its sequence, and its envelope within
	 * the bytes given to identify_decode(), to be passed on.
	 */
	bool has_record;
	uint64_t record_seq;
	struct envelope_bytes record;
};

/*
 * Writes one message with its length before it, as it goes on the stream:
 * `out_size` of IDENTIFY_ENCODED_MAX + 2 is always enough. Returns the length,
 * or 0 if the message would be over IDENTIFY_ENCODED_MAX bytes.
 */
size_t identify_encode(
    uint8_t *out, size_t out_size, const struct identify_self *self);

/*
 * Reads everything that `peer` wrote on an identify stream (`is_push`: on a
 * push stream), merging the messages. Texts that are too long or not plain
 * ASCII and addresses we cannot read are skipped; so is a signed record that
 * is not valid or not of this peer. `*out` is meaningful on IDENTIFY_OK.
 */
enum identify_error identify_decode(struct identify *out, const uint8_t *bytes,
    size_t bytes_len, const struct peer_id *peer, bool is_push);

/* Whether the peer says it speaks `protocol`. */
bool identify_has_protocol(const struct identify *id, const char *protocol);

/* A sentence without a full stop. */
const char *identify_error_text(enum identify_error error);

#endif
