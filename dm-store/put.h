/* SPDX-License-Identifier: ISC */
/*
 * Content on its way in, from dm-net in chunks with credit, or from a control
 * client's memfd: counted, hashed as it comes, kept in memory up to 64 KiB and
 * in tmp/ beyond, and handed to winner.c when it is all there and what was
 * signed. put_internal.h has the states of a put.
 */
#ifndef DMSTORE_PUT_H
#define DMSTORE_PUT_H

#include "dm-store/judge.h"
#include "dm-store/commit.h"

#define PUT_CONTROL_MAX 16 /* from control clients, beside IPC_PUTS_MAX */
#define PUT_UNKNOWN_MAX 2  /* whose sha256 is not known beforehand */

struct puts *puts_new(void);
void puts_free(struct store *); /* drops them, unanswered */

/* The link to dm-net is gone, and with it its puts. */
void puts_drop_link(struct store *);

/* Messages of dm-net. False: it broke the rules, why says how. */
bool put_on_begin(
    struct store *, const struct ipc_put_begin *, const char **why);
bool put_on_data(struct store *, const struct ipc_put_data *, const char **why);
void put_on_end(struct store *, const struct ipc_put_end *);
void put_on_abort(struct store *, const struct ipc_put_abort *);
bool put_on_whole(
    struct store *, const struct ipc_put_whole *, const char **why);

/* An upload of dmctl: e and its content (fd: sealed memfd, or -1 for a
 * tombstone), which it takes. The answer goes to reply. */
void put_memfd(
    struct store *, const struct entry *, int fd, const struct reply *);

/* Bytes that the puts under way will still take from the disk. */
uint64_t puts_reserved(const struct store *);

#endif
