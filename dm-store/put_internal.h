/* SPDX-License-Identifier: ISC */
/*
 * A put under way, as put.c keeps it and put_memfd.c feeds it. No other source
 * includes this.
 *
 * The states of a put, and the fields that say them:
 * 1. Judged (put_new()): its entry is worth its content. A put that is not has
 *    been answered and never exists.
 * 2. Verifying (is_asked): verify.h checks the signature. No credit has been
 *    given and no file made. A put without a known sha256 skips this state,
 *    since the signature covers the sha256: it is verified in state 4.
 * 3. Receiving (granted > 0, or source_fd): got bytes of content are here, in
 *    buf or in the file tmp/put-SERIAL.
 * 4. Complete (is_ended): the size and the sha256 are right. The signature is
 *    verified if it was not yet, then the file of a large one is synced.
 * 5. Stored: judged again, given to winner.h and answered after the batch, or
 *    refused. It is freed in both cases.
 * put_refuse() ends a put in any state. A put is answered exactly once, unless
 * dm-net aborts it or its link ends: then it is freed without an answer.
 */
#ifndef DMSTORE_PUT_INTERNAL_H
#define DMSTORE_PUT_INTERNAL_H

#include "common/sha256.h"
#include "dm-store/judge.h"
#include "dm-store/commit.h"
#include "dm-store/put.h"

struct put {
	struct store *store;
	struct reply reply;
	struct entry entry;
	enum judge_from from;
	char sender[REJECT_FROM_MAX + 1]; /* for the logs */
	bool is_known;			  /* its sha256 and version are */
	bool is_verified;		  /* so is the signature */
	bool is_asked;			  /* it is being verified */
	bool is_whole;			  /* its content came with it, in buf */
	bool is_ended;	 /* all content is there, and is what was signed */
	uint64_t number; /* for verify.h */
	uint8_t version[32];
	struct sha256 *hash;
	uint64_t got;	  /* bytes */
	uint64_t begun;	  /* of these, on their way to the disk */
	uint64_t granted; /* bytes of credit given in all */
	uint8_t *buf;	  /* content of a small one */
	int fd;		  /* of tmp/put-SERIAL, for a larger one */
	uint64_t serial;
	int source_fd; /* memfd, or -1 */
	struct event *pull;
};

/*
 * A put of an entry that was found worth its content, or NULL: then it has
 * been answered.
 */
struct put *put_new(struct store *, const struct entry *, bool is_known,
    bool is_verified, enum judge_from, struct bytes sender,
    const struct reply *);

/* Asks for its content, once its signature is known to be good. */
void put_start(struct put *);

/* More of its content. False when that was the end of the put. */
bool put_feed(struct put *, const void *data, size_t len);

/* All of its content is here. */
void put_end(struct put *);

/* The end of a put that was not stored. */
void put_refuse(struct put *, enum verdict, uint64_t held_ns);

/* Likewise, with a line in the log: what the disk refused to do to its file. */
void put_fail(struct put *, const char *doing, int error);

/* To one that never became a put. */
void put_answer(
    struct store *, const struct reply *, enum verdict, uint64_t held_ns);

#endif
