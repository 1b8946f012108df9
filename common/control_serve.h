/* SPDX-License-Identifier: ISC */
/*
 * The serving end of the control socket in each process that answers: dm-net
 * and dm-store take over a client from dmd (message client), dmd serves its own
 * commands. Reads exactly one record, refuses one whose header differs from the
 * one that came with the descriptor, never reads again, writes rows as the
 * client takes them and closes. A client idle for CONTROL_IDLE_NS_MAX is cut,
 * as is one that closes its sending side: it keeps both open until it has the
 * last record. At most CONTROL_CLIENTS_MAX at once, fewer of one user without
 * privilege, and some places only for those who have it; one more is answered
 * BUSY.
 *
 * In dmd itself no MessagePack is decoded: its commands' bodies have one fixed
 * form in bytes, and nothing may be attached.
 */
#ifndef COMMON_CONTROL_SERVE_H
#define COMMON_CONTROL_SERVE_H

#include "common/control.h"

struct event_base;
struct control_server;
struct control_client;

/*
 * request: the decoded struct control_NAME; borrows until the handler returns.
 * attached_fd: what came with the request, a memfd sealed against writing,
 * growing and shrinking, which the handler owns; -1: none, as always with a
 * command that control.def gives no descriptor. The handler answers now
 * or later, always ending with control_client_end(). Until then the client is
 * valid for it, even if the peer has hung up (rows are dropped then), unless it
 * asked with control_client_on_wants() to be told.
 */
typedef void control_handler(
    void *ctx, struct control_client *, const void *request, int attached_fd);

/* commands: by number, a handler for each command that self owns in
 * control.def (control_dispatch.h makes that table); borrowed. */
struct control_server *control_server_new(struct event_base *, enum role self,
    control_handler *const commands[static CONTROL_COMMAND_COUNT], void *ctx);

/* Cuts all clients; gone() is called for those that asked. NULL is fine. */
void control_server_free(struct control_server *);

/* True if there is room for one more, with so many in all and of the same user.
 */
bool control_has_room(size_t all, size_t same, bool privileged);

/* Takes fd. header is the header that dmd peeked at; privileged as dmd judged
 * it. A command that needs privilege and has none is answered DENIED here. */
void control_server_take(struct control_server *, int fd,
    const uint8_t header[static CONTROL_HEADER_SIZE], uint64_t uid,
    uint64_t gid, bool privileged);

/* Queues a row; takes fd (-1: none). A row that breaks its limits is fatal():
 * see control_row_encode(). */
void control_client_row(
    struct control_client *, enum control_row, const void *row, int fd);

/* Convenience: a row of kind value. */
void control_client_text(struct control_client *, const char *key,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void control_client_number(struct control_client *, const char *key,
    enum row_value_kind, uint64_t number);

/* The last record; sentence NULL: the verdict's own. The client is gone for
 * the caller after this. */
void control_client_end(
    struct control_client *, enum verdict, const char *sentence);

/*
 * For long answers: true while more rows are welcome (little is queued); else
 * stop, and fn is called when they are again, and once soon after it is set.
 * fn may be NULL. If the client goes away before control_client_end(),
 * gone(ctx) is called and the client is no longer valid; both are called from
 * the event loop, never from within the calls above.
 */
bool control_client_wants(const struct control_client *);
void control_client_on_wants(struct control_client *,
    void (*fn)(void *ctx, struct control_client *), void (*gone)(void *ctx),
    void *ctx);

#endif
