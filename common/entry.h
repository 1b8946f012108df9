/* SPDX-License-Identifier: ISC */
/*
 * An entry: the signed fields of one version of a file, and its signature.
 * Owns the signed text, the version hash, the one total order and the entry's
 * MessagePack form (wire and disk). Pure: no clock, no disk. Used everywhere;
 * it never decides whether an entry is acceptable: dm-store does.
 */
#ifndef COMMON_ENTRY_H
#define COMMON_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"

struct key_check;

enum entry_kind {
	ENTRY_FILE = 0,
	ENTRY_DELETE = 1, /* a tombstone: size 0, sha256 of nothing */
};

struct entry {
	enum entry_kind kind;
	bool has_network;
	uint8_t network[32];	     /* zeros without a network */
	char name[NAME_LEN_MAX + 1]; /* valid (name.h), terminated */
	uint64_t signed_at_ns;	     /* Unix time, 1 to SIGNED_AT_NS_MAX */
	uint64_t valid_for_s;	     /* 0: no end */
	uint64_t size;		     /* bytes of content */
	uint8_t sha256[32];	     /* of the content */
	uint8_t signer[32];	     /* raw ed25519 public key */
	uint8_t signature[64];	     /* raw ed25519 signature */
};

/*
 * True if the fields are such as may be signed: a valid name, times in range
 * without overflow, a delete with size 0, valid_for 0 and the hash of nothing.
 */
bool entry_is_sane(const struct entry *);

/*
 * The signed text (dm.toml(5), "What is signed") into text, at most
 * TEXT_LEN_MAX bytes, not terminated. Returns its length.
 */
size_t entry_text(const struct entry *, char text[static TEXT_LEN_MAX]);

/* version = sha256(raw signer key | signed text). */
void entry_version(const struct entry *, uint8_t version[static 32]);

/*
 * The one total order: signed_at, then delete above file, then version
 * bytewise. <0, 0 or >0 as a is less than, the same version as, or greater
 * than b. Signature bytes are never compared.
 */
int entry_compare(const struct entry *a, const struct entry *b);

/* The same order for the fields that a replica's row holds, without the
 * entries. */
struct entry_rank {
	uint64_t signed_at_ns;
	enum entry_kind kind;
	uint8_t version[32];
};
void entry_rank(const struct entry *, struct entry_rank *);
int entry_rank_compare(const struct entry_rank *, const struct entry_rank *);

/* Unix ns when it expires, 0 for never. */
uint64_t entry_expires_ns(const struct entry *);

/* True if it has an end and that is at or before now_ns (Unix). */
bool entry_is_expired(const struct entry *, uint64_t now_ns);

/*
 * The MessagePack form: array of 9 [kind, network nil|bin32, name str,
 * signed_at, valid_for, size, sha256 bin32, signer bin32, signature bin64].
 * Encoding is deterministic (smallest integer forms). Returns the bytes
 * written, always > 0.
 */
size_t entry_encode(const struct entry *, uint8_t buf[static ENTRY_SIZE_MAX]);

/*
 * Decodes one entry from the start of buf. Returns the bytes it took, 0 if
 * malformed, truncated or not entry_is_sane(). Copies; nothing is borrowed.
 */
size_t entry_decode(struct entry *, const uint8_t *buf, size_t len);

/*
 * Verifies the signature (SSHSIG wrapping rebuilt, namespace file@data-mesher).
 * False for a weak signer too. About 150 us; everything cheaper comes first.
 */
bool entry_verify(const struct entry *);
/* The same for a caller that verifies many (key_check.h; may be NULL). */
bool entry_verify_with(struct key_check *, const struct entry *);

#endif
