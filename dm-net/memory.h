/* SPDX-License-Identifier: ISC */
/*
 * An account of memory: how many bytes there may be in all, and who holds how
 * many of them. Each connection is a holder, and each holder belongs to a
 * source, where it comes from. When the account is full, who holds most has to
 * go or to wait: of the sources the greediest, and of its holders the
 * greediest, but one that is trusted only when no other is left. Pure: the
 * owner ends connections and frees what they held.
 *
 * Two ways of charging: memory_take() is for what can wait, and asks before
 * anything is allocated; memory_add() is for what a holder needs now, and is
 * never refused. So an account may be exceeded, until the owner has freed who
 * was dropped, by what is added in one turn of one holder.
 */
#ifndef DM_NET_MEMORY_H
#define DM_NET_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "dm-net/sync/netsource.h"

struct memory;
struct memory_source;

/* Part of the owner's connection; the fields are memory.c's. */
struct memory_holder {
	struct memory *account; /* NULL: nothing is counted */
	struct memory_source *source;
	LIST_ENTRY(memory_holder) next; /* of its source */
	size_t bytes;
	bool is_trusted;
	bool is_dropped; /* its owner was told */
};

/*
 * The holder has to go: its owner ends its connection, now or at the end of
 * its turn, and then calls memory_leave(), not in this callback.
 */
typedef void memory_drop_fn(struct memory_holder *);

/* An account of that many bytes. memory_free() only without holders. */
struct memory *memory_new(size_t bytes_max, memory_drop_fn *);
void memory_free(struct memory *); /* NULL is fine */

/* The holder, of that source, holds nothing yet. */
void memory_join(
    struct memory *, struct memory_holder *, const struct netsource *);

/* It is another source's from now on, and perhaps trusted. */
void memory_move(
    struct memory_holder *, const struct netsource *, bool is_trusted);

/* All that it held was freed, and it is gone. One that never joined is fine. */
void memory_leave(struct memory_holder *);

/*
 * Charges bytes that are about to be allocated. False, and nothing is charged,
 * if there is no room: the holder waits, since it is of the greediest, or until
 * those that were dropped for it are gone.
 */
bool memory_take(struct memory_holder *, size_t bytes);

/* Charges bytes in any case. If they are too many the greediest is dropped,
 * which may be the holder itself. */
void memory_add(struct memory_holder *, size_t bytes);

/* Bytes that were charged are freed. */
void memory_give(struct memory_holder *, size_t bytes);

/* In all, and how many holders were dropped since the start. */
size_t memory_bytes(const struct memory *);
uint64_t memory_dropped(const struct memory *);

#endif
