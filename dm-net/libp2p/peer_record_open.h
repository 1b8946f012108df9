/* SPDX-License-Identifier: ISC */
/*
 * Reading signed peer records (libp2p RFC 0003): the decoder for records that
 * came from any peer, about any peer. It judges the signature and the form;
 * whether `seq` is newer than a record already held is the caller's.
 *
 * Uses protobuf-c and libcrypto.
 */
#ifndef DMNET_LIBP2P_PEER_RECORD_OPEN_H
#define DMNET_LIBP2P_PEER_RECORD_OPEN_H

#include <stddef.h>
#include <stdint.h>

#include "dm-net/libp2p/envelope_open.h"
#include "dm-net/libp2p/multiaddr.h"
#include "dm-net/libp2p/peer_id.h"
#include "dm-net/libp2p/peer_record.h"

/* Addresses beyond PEER_RECORD_ADDRS_MAX are ignored up to here. */
#define PEER_RECORD_ADDRS_READ_MAX 64

enum peer_record_error {
	PEER_RECORD_OK,
	PEER_RECORD_ENVELOPE,  /* the envelope is not sound */
	PEER_RECORD_SIGNATURE, /* the envelope's signature does not verify */
	PEER_RECORD_MALFORMED, /* the payload is not a peer record */
	PEER_RECORD_PEER       /* it is about another peer than its signer */
};

struct peer_record {
	struct peer_id id; /* the signer, whom it is about */
	uint64_t seq;
	size_t addr_count;
	/* Without /p2p. Those we cannot read, or about others, are left out. */
	struct multiaddr_raw addrs[PEER_RECORD_ADDRS_MAX];
};

/* Opens an envelope. `*record` is only meaningful on PEER_RECORD_OK. */
enum peer_record_error peer_record_open(
    struct peer_record *record, const uint8_t *bytes, size_t bytes_len);

/* A sentence without a full stop. */
const char *peer_record_error_text(enum peer_record_error error);

#endif
