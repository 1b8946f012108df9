/* SPDX-License-Identifier: ISC */
/*
 * A client's connection: its socket, its output, its deadlines. It begins as
 * HTTP/1.1, and becomes HTTP/2 if the first bytes are that protocol's preface.
 * It is run (read, step, write) from the loop only, and freed at the end of a
 * turn, never while something still uses it. conn_io.h has the functions that
 * the protocols call on their connection.
 */
#ifndef DM_NET_HTTP_CONNECTION_H
#define DM_NET_HTTP_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "dm-net/sync/netsource.h"

struct http_conn;
struct http_server;

/* Where an address comes from, IPv4 or IPv6. */
struct netsource http_conn_source(const struct sockaddr *);

/* Takes a connected socket. */
void http_conn_new(struct http_server *, int fd, const struct sockaddr *);

/* Frees a dead one; server.c only. */
void http_conn_free(struct http_conn *);

/* Runs it until it would block; server.c and the events only. */
void http_conn_run(struct http_conn *);

/* Looks at its deadlines, once a second. */
void http_conn_tick(struct http_conn *, uint64_t now_s);

/* The state of a client. A client that is not being served goes first when room
 * is needed. */
enum http_standing {
	HTTP_STANDING_IDLE, /* between requests */
	HTTP_STANDING_HEAD, /* has not sent a whole head yet */
	HTTP_STANDING_REQUEST
};

enum http_standing http_conn_standing(const struct http_conn *);

#endif
