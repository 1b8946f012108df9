/* SPDX-License-Identifier: ISC */
/*
 * Making peer records (libp2p RFC 0003): which addresses a peer says it has.
 * Three steps, of which the second is made by whoever holds the key:
 *
 *	peer_record_payload()	the record
 *	peer_record_signed()	what to sign with ed25519
 *	peer_record_seal()	the envelope that is sent
 *
 * Reading them: peer_record_open.h. Linked into the privileged parent, so it
 * depends on the C library only. No allocation, no I/O.
 */
#ifndef DMNET_LIBP2P_PEER_RECORD_H
#define DMNET_LIBP2P_PEER_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "dm-net/libp2p/envelope.h"
#include "dm-net/libp2p/multiaddr.h"
#include "dm-net/libp2p/peer_id.h"

#define PEER_RECORD_DOMAIN "libp2p-peer-record"
/* Most addresses written, and most kept of a record that was read. */
#define PEER_RECORD_ADDRS_MAX 32
/* The size in bytes of a record without its addresses, and of each address
 * without its own bytes. */
#define PEER_RECORD_FIXED 64
#define PEER_RECORD_ADDR_FIXED 6
/* Room for the longest payload: half as many addresses as may be there, if all
 * are as long as they can be. */
#define PEER_RECORD_PAYLOAD_MAX         \
	(PEER_RECORD_FIXED +            \
	    PEER_RECORD_ADDRS_MAX / 2 * \
		(MULTIADDR_BYTES_MAX + PEER_RECORD_ADDR_FIXED))
#define PEER_RECORD_SIGNED_MAX (PEER_RECORD_PAYLOAD_MAX + 32)
#define PEER_RECORD_ENVELOPE_MAX (PEER_RECORD_PAYLOAD_MAX + 128)

/* The payload type, the two bytes 03 01. */
struct envelope_bytes peer_record_type(void);

/*
 * Writes the record of `id`: `seq` (a clock in nanoseconds, at most
 * INT64_MAX) and up to PEER_RECORD_ADDRS_MAX addresses without /p2p. Returns
 * the length, or 0 if there are too many or it does not fit.
 */
size_t peer_record_payload(uint8_t *out, size_t out_size,
    const struct peer_id *id, uint64_t seq, const struct multiaddr_raw *addrs,
    size_t addr_count);

/* Writes the bytes to be signed; 0 if they do not fit. */
size_t peer_record_signed(
    uint8_t *out, size_t out_size, struct envelope_bytes payload);

/* Writes the signed envelope; 0 if it does not fit. */
size_t peer_record_seal(uint8_t *out, size_t out_size, const struct peer_id *id,
    struct envelope_bytes payload,
    const uint8_t signature[static ENVELOPE_SIGNATURE_BYTES]);

#endif
