/* SPDX-License-Identifier: ISC */
/*
 * A stand-in for dm-store in tests: it speaks the message table on its end of
 * a socketpair and keeps everything in memory. It knows the order of versions
 * and checks hashes and signatures as the real one does; what else it refuses
 * is told it by the test.
 */
#ifndef TESTS_DOUBLE_FAKE_STORE_H
#define TESTS_DOUBLE_FAKE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/entry.h"
#include "common/verdict.h"

struct event_base;
struct ipc;

#define FAKE_PUTS 256

struct fake_file {
	struct fake_file *next; /* in the order of names */
	struct entry entry;
	uint8_t *content;
};

struct fake_put {
	bool is_used;
	uint64_t id;
	struct entry entry;
	bool sha256_known;
	uint8_t *content;
	size_t len;
	size_t credit;
};

struct fake_store {
	struct ipc *ipc;
	struct fake_file *files;
	struct fake_put put[FAKE_PUTS];

	/* what the test may set */
	enum verdict refuse;	 /* not OK: the next puts are refused so */
	bool without_signatures; /* do not verify them */
	bool is_mute;		 /* announces no entry */
	bool is_stalled;	 /* gives no more credit */
	bool is_silent;		 /* answers no open, list or read_entry */
	unsigned silent_after;	 /* lists answered before it falls silent */
	size_t cut;		 /* bytes that are missing from files on disk */
	unsigned page;		 /* rows of a list, 0 for what is asked */

	/* what the test may look at */
	unsigned begun;
	unsigned ended;
	unsigned aborted;
	unsigned opened;
	unsigned listed;
	unsigned suspects;
	size_t received;	/* bytes of content */
	size_t outstanding_max; /* largest credit that was given to a put */
};

struct fake_store *fake_store_new(struct event_base *, int fd);
void fake_store_free(struct fake_store *);

/* Gives credit again to those that wait for it. */
void fake_store_go_on(struct fake_store *);

/* Puts a version in place as if it had been uploaded. Copies. */
void fake_store_set(
    struct fake_store *, const struct entry *, const void *content);

struct fake_file *fake_store_find(struct fake_store *, const char *name);

/* A signed entry of this content by the key of a one-byte seed. */
void fake_entry(struct entry *, enum entry_kind, const char *name,
    uint64_t signed_at_ns, const void *content, size_t len, uint8_t seed);

#endif
