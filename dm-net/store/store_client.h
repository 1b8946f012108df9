/* SPDX-License-Identifier: ISC */
/*
 * dm-net's side of the channel to dm-store: requests with ids and the answers
 * to them, puts with credits. It decides nothing about files: dm-store does.
 *
 * Every request either is refused at once (NO_STORE without a channel, BUSY
 * when too many wait) and its callback never called, or its callback is called
 * exactly once, never from within the call that made the request: with the
 * store's answer, or with NO_STORE when the channel ends first. A cancelled
 * request's callback is not called. Callbacks may make and cancel requests.
 *
 * main.c owns the channel: it calls store_client_attach() with each new one,
 * store_client_detach() when it has ended, and the store_client_on_*()
 * functions from its handlers. An answer that no request asked for ends the
 * channel.
 */
#ifndef DM_NET_STORE_STORE_CLIENT_H
#define DM_NET_STORE_STORE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/entry.h"
#include "common/ipc.h"
#include "common/verdict.h"

struct store_client;
struct store_put;

struct store_client *store_client_new(void);

/* Everything still asked is dropped without its callback. NULL is fine. */
void store_client_free(struct store_client *);

/* The channel may be used from now on; still the caller's. Detaches from an
 * earlier one first. */
void store_client_attach(struct store_client *, struct ipc *);

/* The channel has ended: all that waits fails with NO_STORE. Must be called
 * before ipc_free() of that channel. */
void store_client_detach(struct store_client *);

bool store_client_is_up(const struct store_client *);

/*
 * Counts the channels seen: what was learnt from the store under another
 * number may be out of date.
 */
uint64_t store_client_epoch(const struct store_client *);

/* Ends the channel if something was asked too long ago: a store that answers
 * pings answers. To be called every few seconds. */
void store_client_tick(struct store_client *);

/* --- one question, one answer ----------------------------------------- */

/* May this entry be stored? ticket: with VERDICT_FETCH; held_signed_at_ns:
 * with NOT_NEWER. */
typedef void store_judged_fn(
    void *ctx, enum verdict, uint64_t ticket, uint64_t held_signed_at_ns);

/*
 * entry: NULL if the store sent none (an absent file has none; a deleted one
 * has its tombstone). fd: only with VERDICT_OK, the callback owns it.
 */
typedef void store_opened_fn(
    void *ctx, enum verdict, const struct entry *, int fd);
typedef void store_entry_fn(void *ctx, enum verdict, const struct entry *);

/* Rows come one by one, then the end; more: ask again with the last name as
 * the cursor. */
struct store_list_owner {
	void (*row)(void *ctx, const struct entry *);
	void (*end)(void *ctx, enum verdict, bool more);
	void *ctx;
};

/*
 * VERDICT_OK: asked, or waiting for its turn. id (may be NULL) is for
 * store_cancel(); it is never 0 and never used again.
 * At most IPC_JUDGES_MAX judgements and IPC_OPENS_MAX of the others are under
 * way, STORE_LINK_QUEUE_MAX of each wait, the next is BUSY.
 */
/* from: who announced it, a peer id or "", for the store's log. */
enum verdict store_judge(struct store_client *, const struct entry *,
    const char *from, store_judged_fn *, void *ctx, uint64_t *id);

/* version: NULL for the current one. */
enum verdict store_open(struct store_client *, const uint8_t key[static 16],
    const uint8_t *version, store_opened_fn *, void *ctx, uint64_t *id);
enum verdict store_read_entry(struct store_client *,
    const uint8_t key[static 16], store_entry_fn *, void *ctx, uint64_t *id);

/* prefix and cursor: terminated, "" for all and from the start; limit: 1 to
 * IPC_LIST_LIMIT_MAX. */
enum verdict store_list(struct store_client *, const char *prefix,
    const char *cursor, unsigned limit, const struct store_list_owner *,
    uint64_t *id);

/* Forgets a request; one that is over already, or 0, is fine. */
void store_cancel(struct store_client *, uint64_t id);

/* Fire and forget; dropped while the store is away, or without credit. */
void store_suspect(struct store_client *, const uint8_t key[static 16],
    const uint8_t version[static 32]);

/* For the store's log of refusals; dropped while the store is away. */
void store_refused(struct store_client *, const struct ipc_refused *);

/* The content of this ticket is not wanted any more; dropped while the store
 * is away. */
void store_drop_ticket(struct store_client *, uint64_t ticket);

/* --- content to the store --------------------------------------------- */

struct store_put_owner {
	/* So many bytes in all may be handed to store_put_data() now; called
	 * when that grows. The first call means that the store has judged the
	 * entry and wants the content (0 bytes if there are none). */
	void (*credit)(void *ctx, size_t bytes);
	/* Durable and visible if verdict_is_ok(); the put is gone. */
	void (*done)(void *ctx, enum verdict, uint64_t held_signed_at_ns);
	void *ctx;
	/* The sender, a peer id or an address of at most 64 bytes, for the
	 * store's log of refusals; NULL: not known. */
	const char *from;
};

/*
 * Begins a put: of an entry (ticket 0), judged by the store before it gives
 * credit, or under the ticket of VERDICT_FETCH or of a want (entry NULL).
 * sha256_known is false when the client did not say it: the signature is then
 * verified at the end. A tombstone has no content: store_put_end() follows.
 * VERDICT_OK and *out, or BUSY (IPC_PUTS_MAX under way) or NO_STORE.
 */
enum verdict store_put_begin(struct store_client *, const struct entry *,
    uint64_t ticket, bool sha256_known, const struct store_put_owner *,
    struct store_put **out);

/*
 * The same where all of the content is at hand, at most IPC_CHUNK_MAX bytes
 * (copied), and its sha256 is known: no credit() comes, done() follows.
 */
enum verdict store_put_whole(struct store_client *, const struct entry *,
    uint64_t ticket, const void *content, size_t len,
    const struct store_put_owner *, struct store_put **out);

/* Bytes that may be sent now. */
size_t store_put_allowed(const struct store_put *);

/* Copies and sends at most store_put_allowed() bytes, in chunks. */
void store_put_data(struct store_put *, const void *data, size_t len);

/* All is sent; done() follows. */
void store_put_end(struct store_put *);

/* Gives up; no callback follows and the put is gone. NULL is fine. */
void store_put_abort(struct store_put *);

/* Puts under way, for those who leave room to others. */
unsigned store_client_puts(const struct store_client *);

/* --- from the handlers of main.c -------------------------------------- */

void store_client_on_verdict(struct store_client *, const struct ipc_verdict *);
void store_client_on_suspect_credit(
    struct store_client *, const struct ipc_suspect_credit *);
void store_client_on_put_credit(
    struct store_client *, const struct ipc_put_credit *);
void store_client_on_put_result(
    struct store_client *, const struct ipc_put_result *);
void store_client_on_opened(
    struct store_client *, const struct ipc_opened *, int fd); /* takes fd */
void store_client_on_entry_read(
    struct store_client *, const struct ipc_entry_read *);
void store_client_on_list_row(
    struct store_client *, const struct ipc_list_row *);
void store_client_on_list_end(
    struct store_client *, const struct ipc_list_end *);

#endif
