/* SPDX-License-Identifier: ISC */
/*
 * Decides whether an entry may be stored on this node. The one place that does,
 * for entries of peers, of HTTP clients and of dmctl alike, in the order of
 * dm.toml(5), "Which version wins": cheap checks first, the signature last.
 * Reads the index as the open batch has it. It changes nothing but the counters
 * of refusals.
 */
#ifndef DM_STORE_JUDGE_H
#define DM_STORE_JUDGE_H

#include "dm-store/store.h"

enum judge_from {
	FROM_PEER,   /* an expired version is kept as a record */
	FROM_CLIENT, /* an expired version is refused */
	/* From a peer, before its signature is checked. The time is judged
	 * after that: whose clock is wrong is no forger's to say. */
	FROM_PEER_UNPROVED,
};

/* More than that needs its sha256 beforehand. */
#define ACCEPT_UNKNOWN_MAX ((uint64_t)1 << 20)

struct accepted {
	uint64_t held_signed_at_ns; /* of the winner here, 0: none */
	bool was_visible;	    /* there is a file of this name */
	bool is_damaged;	    /* the row of the winner here */
};

/*
 * VERDICT_OK: greater than what is held (or wanted). version is NULL as long
 * as the hash of the content is not known: then what depends on it is left
 * out. The signature is not looked at. Nothing is held if out->is_damaged: see
 * winner_judge().
 */
enum verdict judge_entry(struct store *, const struct entry *,
    const uint8_t *version, enum judge_from, struct accepted *);

/* The limits of the disk and of the configuration for storing it:
 * VERDICT_OK or NO_SPACE. needed: bytes still to be written, for this and for
 * what is under way; 0: it is all on the disk already. */
enum verdict judge_room(struct store *, const struct entry *, uint64_t needed);

/* Counts refusals that others have decided. */
void judge_count(struct store *, enum verdict, uint64_t times);

/* The verdict on a signature that was checked (verify.h). */
enum verdict judge_signature(struct store *, bool is_good);

/* True if it has expired by a clock that can be believed. */
bool judge_is_expired(const struct store *, const struct entry *);

/* The verdict for an errno of the disk: NO_SPACE or IO_ERROR. */
enum verdict judge_error(int error);

/* CREATED, REPLACED, or OK for a tombstone. */
enum verdict judge_success(const struct entry *, const struct accepted *);

#endif
