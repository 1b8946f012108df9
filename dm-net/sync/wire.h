/* SPDX-License-Identifier: ISC */
/*
 * The messages of /data-mesher/sync/1.0.0, the one place where they are
 * written and read. Each is an unsigned varint length and a MessagePack array
 * that starts with its type; surplus elements are ignored.
 *
 *	hello	[0, version, agent, network|nil, start, generation,
 *		interests|nil, root, count, peers]
 *	entries	[1, [[entry, content|nil]...], missing keys]
 *	compare	[2, prefix, hash, count, children|nil, generation, role]
 *	rows	[3, prefix, cursor|nil, more, rows, role]
 *	want	[4, keys]
 *	records	[5, [record...], ask]
 *	bad-content [6, key, version]
 *	busy	[7]
 *	bye	[8, reason]
 *
 * interests: 8 bytes of sha256 each, sorted; nil: too many to list. prefix: a
 * nibble a byte. children: 16 of hash 16, count u32 BE. rows: key 16,
 * signed-at u64 BE, version 32 each. keys: 16 bytes each.
 *
 * Decoding borrows, allocates nothing and checks the whole message; an entry is
 * decoded as it is taken.
 */
#ifndef DMNET_SYNC_WIRE_H
#define DMNET_SYNC_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/entry.h"
#include "common/msgpull.h"
#include "common/msgput.h"
#include "dm-net/sync/sync.h"
#include "dm-net/sync/trie.h"

#define WIRE_ROW_BYTES 56
#define WIRE_SUM_BYTES 20
#define WIRE_ROWS_MAX 1000	/* in a message */
#define WIRE_KEYS_MAX 64	/* of a want, and missing of entries */
#define WIRE_ENTRIES_MAX 256	/* in a message */
#define WIRE_INTERESTS_MAX 4096 /* more are sent as nil: all */
#define WIRE_RECORDS_MAX 32
#define WIRE_HEAD_MAX 3 /* bytes of a length */

enum wire_type {
	WIRE_HELLO = 0,
	WIRE_ENTRIES,
	WIRE_COMPARE,
	WIRE_ROWS,
	WIRE_WANT,
	WIRE_RECORDS,
	WIRE_BAD_CONTENT,
	WIRE_BUSY,
	WIRE_BYE,
	WIRE_TYPES
};

enum wire_role {
	WIRE_ASK = 0,	 /* answer me */
	WIRE_ANSWER = 1, /* to your question about this prefix or one above */
	WIRE_TELL = 2,	 /* rows only: these are mine; acknowledge */
};

enum wire_bye {
	WIRE_BYE_CLOSING = 0,
	WIRE_BYE_FULL = 1,
	WIRE_BYE_SURPLUS = 2,
	WIRE_BYE_NETWORK = 3,
};

struct wire_hello {
	uint64_t version;
	const char *agent;
	size_t agent_len;
	bool has_network;
	uint8_t network[32];
	uint64_t start, generation;
	bool is_all; /* too many interests to list */
	const uint8_t *interests;
	size_t interest_count;
	struct trie_sum root;
	uint64_t peers; /* connections it holds */
};

struct wire_entries {
	struct msgpull items; /* for wire_entry_next() */
	size_t count;
	const uint8_t *missing;
	size_t missing_count;
};

struct wire_compare {
	struct trie_prefix prefix;
	struct trie_sum sum;
	bool has_children;
	struct trie_sum children[TRIE_FANOUT];
	uint64_t generation;
	enum wire_role role;
};

struct wire_rows {
	struct trie_prefix prefix;
	bool has_cursor;
	uint8_t cursor[16];
	bool more;
	const uint8_t *rows;
	size_t count;
	enum wire_role role;
};

struct wire_row {
	uint8_t key[16];
	uint64_t signed_at_ns;
	uint8_t version[32];
};

struct wire_want {
	const uint8_t *keys;
	size_t count;
};

struct wire_records {
	struct msgpull items; /* `count` bins, checked */
	size_t count;
	bool is_ask;
};

struct wire_message {
	enum wire_type type;
	union {
		struct wire_hello hello;
		struct wire_entries entries;
		struct wire_compare compare;
		struct wire_rows rows;
		struct wire_want want;
		struct wire_records records;
		struct {
			uint8_t key[16], version[32];
		} bad;
		uint64_t bye;
	};
};

/*
 * Finds the length before a message: the bytes it takes, *len set; 0: more
 * bytes are needed; -1: malformed or over SYNC_MESSAGE_MAX.
 */
int wire_length(const uint8_t *bytes, size_t have, size_t *len);

enum wire_result { WIRE_OK, WIRE_UNKNOWN, WIRE_MALFORMED };

/* One message without its length; bytes are borrowed by *out. UNKNOWN: of a
 * type from the future, to be skipped. */
enum wire_result wire_decode(
    struct wire_message *out, const uint8_t *bytes, size_t len);

/*
 * The next entry of a message: 1, 0 at the end, -1 if malformed. content is
 * NULL or borrowed.
 */
int wire_entry_next(struct wire_entries *, struct entry *,
    const uint8_t **content, size_t *content_len);

/* The next record; false at the end. Borrowed. */
bool wire_record_next(struct wire_records *, const uint8_t **, size_t *len);

/* Row i of a list. */
void wire_row_at(const struct wire_rows *, size_t i, struct wire_row *);

/*
 * Writing: wire_begin() leaves room for the length, wire_end() sets it and
 * returns the bytes of the whole message; 0 if it did not fit.
 */
void wire_begin(struct msgput *, uint8_t *buf, size_t size);
size_t wire_end(struct msgput *);

void wire_put_hello(struct msgput *, const struct wire_hello *);
void wire_put_compare(struct msgput *, const struct wire_compare *);
/* The head of rows; wire_put_row() `count` times, then wire_put_rows_end(). */
void wire_put_rows(struct msgput *, const struct wire_rows *);
void wire_put_row(struct msgput *, const struct trie_row *);
void wire_put_rows_end(struct msgput *, const struct wire_rows *);
/* want; entries is [head] items [missing]. */
void wire_put_want(struct msgput *, const uint8_t *keys, size_t count);
void wire_put_entries(struct msgput *, size_t count);
void wire_put_item(struct msgput *, const uint8_t *entry, size_t len,
    const uint8_t *content, size_t content_len);
void wire_put_missing(struct msgput *, const uint8_t *keys, size_t count);
/* records: the head, each as a bin, then the flag. */
void wire_put_records(struct msgput *, size_t count);
void wire_put_bad(struct msgput *, const uint8_t key[static 16],
    const uint8_t version[static 32]);
void wire_put_busy(struct msgput *);
void wire_put_bye(struct msgput *, enum wire_bye);

#endif
