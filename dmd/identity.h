/* SPDX-License-Identifier: ISC */
/*
 * The node's identity key. Owns it; nothing else reads or uses it, and it
 * never leaves this process. It signs two things and no third: the libp2p TLS
 * extension for a certificate key that dm-net made (libp2p specs, tls), and
 * this node's peer record (libp2p RFC 0003). Both are put together here, with
 * their own prefix and domain, from parts that cannot be anything else.
 */
#ifndef DMD_IDENTITY_H
#define DMD_IDENTITY_H

#include "common/clock.h"
#include "dm-net/libp2p/multiaddr.h"
#include "dm-net/libp2p/peer_id.h"
#include "dm-net/libp2p/peer_record.h"

struct identity;

/* Records are signed at most this often. */
#define IDENTITY_RECORD_NS_MIN NS_PER_S

/*
 * Reads the key file, or makes one (0600) if there is none. NULL: logged, and
 * *exit_code is a sysexits code.
 */
struct identity *identity_open(const char *path, int *exit_code);

/* Wipes the key. */
void identity_free(struct identity *);

const struct peer_id *identity_peer(const struct identity *);

/*
 * Signs "libp2p-tls-handshake:" and the SubjectPublicKeyInfo. False, and
 * nothing signed, unless that is an uncompressed P-256 key in its one form.
 */
bool identity_sign_tls(const struct identity *, const uint8_t *spki, size_t len,
    uint8_t signature[static 64]);

struct identity_time {
	uint64_t unix_ns;
	uint64_t mono_ns;
	uint64_t skew_ns; /* max_clock_skew, which peers allow */
};

/*
 * Makes the signed envelope of a record with these addresses. The sequence is
 * unix_ns; or the last one plus 1, if that is ahead of it by less than
 * skew_ns. 0 if the last record is younger than IDENTITY_RECORD_NS_MIN (by
 * mono_ns); else the length.
 */
size_t identity_sign_record(struct identity *,
    const struct multiaddr_raw *addresses, size_t n,
    const struct identity_time *now,
    uint8_t out[static PEER_RECORD_ENVELOPE_MAX]);

/*
 * Puts a new key into the file and leaves the one in use alone: it takes
 * effect at the next start. *id is the new peer id. Logged and false if not.
 */
bool identity_rotate(const char *path, struct peer_id *id);

#endif
