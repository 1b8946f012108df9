/* SPDX-License-Identifier: ISC */
/*
 * The serving end of the control socket in whichever process answers: dm-net
 * and dm-store take over a client from dmd (message client), dmd serves its
 * own commands. Reads exactly one record, refuses one whose header differs from
 * the one that came with the descriptor, never reads again, writes rows as the
 * client takes them and closes. A client idle for CONTROL_IDLE_NS_MAX is cut.
 * At most CONTROL_CLIENTS_MAX at once; one more is answered BUSY.
 */
#ifndef COMMON_CONTROL_SERVE_H
#define COMMON_CONTROL_SERVE_H

#include "common/control.h"

struct event_base;
struct control_server;
struct control_client;

/*
 * request: the decoded struct control_NAME; borrows until the handler returns.
 * attached_fd: -1 or what came with the request; the handler owns it. The
 * handler answers now or later, always ending with control_client_end().
 */
typedef void control_handler(void *ctx, struct control_client *,
    enum control_command, const void *request, int attached_fd);

struct control_server *control_server_new(struct event_base *, enum role self,
    control_handler *, void *ctx);
void control_server_free(struct control_server *);

/* Takes fd. header is what dmd peeked; privileged as dmd judged it. A command
 * that needs privilege and has none is answered DENIED here. */
void control_server_take(struct control_server *, int fd,
    const uint8_t header[static CONTROL_HEADER_SIZE], uint64_t uid,
    uint64_t gid, bool privileged);

/* Queues a row; takes fd (-1: none). */
void control_client_row(struct control_client *, enum control_row,
    const void *row, int fd);

/* Convenience: a row of kind value. */
void control_client_text(struct control_client *, const char *key,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* kind as in control.def: 1 number, 2 bool, 3 ns, 4 Unix ns */
void control_client_number(struct control_client *, const char *key,
    unsigned kind, uint64_t number);

/* The last record; sentence NULL: the verdict's own. The client is gone for
 * the caller after this. */
void control_client_end(struct control_client *, enum verdict,
    const char *sentence);

/*
 * For long answers: true while more rows are welcome (little is queued); else
 * stop, and fn is called when they are again. fn(ctx, NULL-safe client); if the
 * client goes away before control_client_end(), gone(ctx) is called instead.
 */
bool control_client_wants(const struct control_client *);
void control_client_on_wants(struct control_client *,
    void (*fn)(void *ctx, struct control_client *), void (*gone)(void *ctx),
    void *ctx);

#endif
