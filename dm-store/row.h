/* SPDX-License-Identifier: ISC */
/*
 * The rows of the index as bytes: how each is laid out and the seal around it.
 * Pure. It never trusts what it decodes: a row that is not exactly as it was
 * written is damaged.
 *
 * A sealed row: format (1 byte, ROW_FORMAT), body, check (8 bytes): FNV-1a
 * over table, length of the key, key, format and body. The check finds bits
 * that the disk changed and rows under a wrong key; it is no defence against
 * somebody who can write to the index. Integers are big-endian.
 */
#ifndef DMSTORE_ROW_H
#define DMSTORE_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec.h"
#include "common/entry.h"
#include "common/limits.h"

/* Content up to this size travels inside the index (redo). */
#define REDO_CONTENT_MAX ((size_t)64 << 10)

#define ROW_FORMAT 1
#define ROW_SEAL_SIZE 9
#define ROW_BODY_MAX (REDO_CONTENT_MAX + 1024)
#define ROW_SEALED_MAX (ROW_BODY_MAX + ROW_SEAL_SIZE)
#define ROW_SMALL_MAX 1024 /* body of every row but redo */

/*
 * Seals a body that lies at buf + 1 with room for ROW_SEAL_SIZE in all.
 * Returns the sealed length.
 */
size_t row_seal(unsigned table, const void *key, size_t key_len, uint8_t *buf,
    size_t body_len);

/* The body of a sealed row, borrowed; false if it is damaged. */
bool row_open(unsigned table, const void *key, size_t key_len,
    const uint8_t *sealed, size_t len, struct bytes *body);

/* records: the key is row_record_key(). */
struct record {
	uint64_t stored_at_ns; /* Unix time when it came */
	struct entry entry;
};

/* name, a zero byte, signer: in the order of names. Returns the length. */
#define RECORD_KEY_MAX (NAME_LEN_MAX + 1 + 32)
size_t row_record_key(const char *name, const uint8_t signer[static 32],
    uint8_t key[static RECORD_KEY_MAX]);

/* The name in a record's key, terminated; false if it is malformed. */
bool row_record_name(const uint8_t *key, size_t len,
    char name[static NAME_LEN_MAX + 1], uint8_t signer[static 32]);

/* The state of a winner (winner.h). Numbers are on disk. */
enum winner_state {
	WINNER_SHOWN = 0,   /* its content is files/NAME */
	WINNER_HIDDEN = 1,  /* expired: a record, no content */
	WINNER_DELETED = 2, /* a tombstone */
	WINNER_WANTED = 3,  /* its content is missing */
	WINNER_LOST = 4,    /* its record was damaged: only the rank is left */
};

/* winners: the key is name_key(). */
struct winner {
	struct entry_rank rank;
	uint64_t size;
	enum winner_state state;
	uint8_t signer[32];
	uint8_t sha256[32];
	uint64_t expires_ns; /* 0: never */
	char name[NAME_LEN_MAX + 1];
};

/* The first bytes of a winner's body are those of an index row of
 * ipc_messages.def after the key: version, signed_at, kind and size. */
#define WINNER_ROW_SIZE (IPC_INDEX_ROW_SIZE - 16)

/*
 * redo: what has to happen in files/, with the content of a small file.
 * pending: the same for a content that waits as tmp/VERSION, synced. The keys
 * are sequence numbers.
 */
enum redo_op {
	REDO_PLACE = 0,	 /* content becomes files/NAME */
	REDO_REMOVE = 1, /* files/NAME goes */
};

struct redo {
	enum redo_op op;
	uint8_t version[32];
	uint8_t sha256[32]; /* place: of content; remove: of what goes */
	char name[NAME_LEN_MAX + 1];
	struct bytes content; /* borrowed; empty in pending */
};

/* history: content kept as old/SHA256, the key is time and sha256. */
struct history {
	uint64_t size;
	struct entry entry; /* the latest version with that content */
};

/* versions: one that was replaced; the key is row_version_key(). */
struct replaced {
	uint64_t at_ns; /* Unix time when it was */
	uint64_t by_signed_at_ns;
	uint8_t by_signer[32];
	struct entry entry;
};

/* name, a zero byte, the complement of signed_at, the first bytes of the
 * version: the versions of a name, the latest first. */
#define VERSION_KEY_MAX (NAME_LEN_MAX + 1 + 16)
size_t row_version_key(
    const struct entry *, uint8_t key[static VERSION_KEY_MAX]);

/* refusals: what was refused, or lost to another signer's; the key is a
 * number. Names are those of entries, whoever sent them. */
#define REJECT_CONFLICT 255 /* code: stored here, then lost */
#define REJECT_FROM_MAX 64
struct reject {
	uint64_t first_ns, last_ns; /* Unix time */
	uint64_t count;
	unsigned code; /* enum verdict, or REJECT_CONFLICT */
	enum entry_kind kind;
	uint64_t signed_at_ns;
	uint8_t signer[32];
	uint64_t by_signed_at_ns; /* 0: there was no other */
	uint8_t by_signer[32];
	char name[NAME_LEN_MAX + 1];	/* "" if there was none */
	char from[REJECT_FROM_MAX + 1]; /* "" if not known */
};

/* peers: hints that dm-net wants back; the key is a number. */
struct hint {
	uint8_t peer_id[38];
	uint64_t last_success_s;
	struct bytes address; /* borrowed, at most 256 */
};

/* Bodies, at most ROW_SMALL_MAX bytes (redo: ROW_BODY_MAX). The encoders
 * return the length; the decoders are false for anything they did not write. */
size_t row_record_encode(const struct record *, uint8_t *body);
bool row_record_decode(struct record *, const uint8_t *body, size_t len);
size_t row_winner_encode(const struct winner *, uint8_t *body);
bool row_winner_decode(struct winner *, const uint8_t *body, size_t len);
size_t row_redo_encode(const struct redo *, uint8_t *body);
bool row_redo_decode(struct redo *, const uint8_t *body, size_t len);
size_t row_history_encode(const struct history *, uint8_t *body);
bool row_history_decode(struct history *, const uint8_t *body, size_t len);
size_t row_replaced_encode(const struct replaced *, uint8_t *body);
bool row_replaced_decode(struct replaced *, const uint8_t *body, size_t len);
size_t row_reject_encode(const struct reject *, uint8_t *body);
bool row_reject_decode(struct reject *, const uint8_t *body, size_t len);
size_t row_hint_encode(const struct hint *, uint8_t *body);
bool row_hint_decode(struct hint *, const uint8_t *body, size_t len);

/* Big-endian integers, as keys need them. */
void row_put_u64(uint8_t *p, uint64_t v);
uint64_t row_get_u64(const uint8_t *p);

#endif
