/* SPDX-License-Identifier: ISC */
/*
 * A connection as its protocol and the routes see it: bytes in and out, when
 * it runs next, its end, and which other connections come from the same place.
 * Knows neither protocol, and calls nothing that would run one: connection.c
 * does.
 */
#ifndef DM_NET_HTTP_CONN_IO_H
#define DM_NET_HTTP_CONN_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "dm-net/http/source.h"
#include "dm-net/http/text.h"
#include "dm-net/memory.h"

struct event;
struct http1;
struct http2;
struct http_server;

struct http_conn {
	TAILQ_ENTRY(http_conn) all;
	TAILQ_ENTRY(http_conn) turn; /* in ready or dead */
	struct http_server *server;
	int fd;
	struct event *read_event;
	struct event *write_event;
	bool is_reading;  /* read_event is pending */
	bool is_readable; /* there may be something that was not read */
	bool is_writing;
	bool is_ready; /* in the ready list */
	bool is_due;   /* in this turn */
	bool is_running;
	bool is_dead;
	bool is_loopback;
	uint8_t address[16]; /* 4 or 16 bytes */
	size_t address_len;
	struct http_source *source;
	struct http1 *h1; /* exactly one of both */
	struct http2 *h2;
	struct http_text out; /* what the socket did not take yet */
	struct memory_holder memory;
	unsigned n_files;    /* exchanges that have one, or asked for it */
	uint64_t progress_s; /* the socket last took or gave a byte */
	uint64_t begun_ns;   /* what it is at: a head, requests, waiting */
	uint64_t moved;	     /* bytes both ways since then */
};

/* Its work is over: it begins a new one, or waits for one. */
void http_conn_begin(struct http_conn *);

/* Has it run at the end of this turn. */
void http_conn_kick(struct http_conn *);

/* Ends it; what it still had to send is lost. Freed at the end of the turn. */
void http_conn_close(struct http_conn *);

/* Runs it when there is something to read. */
void http_conn_want_read(struct http_conn *);
void http_conn_want_write(struct http_conn *, bool);

/*
 * Reads what is there: more than 0; 0 if nothing is, or at end of file or after
 * an error, when the connection has been closed.
 */
size_t http_conn_read(struct http_conn *, void *buf, size_t len);

/*
 * Sends what is in out, then data; what the socket does not take of data is
 * kept in out. True if all is gone; false if it has to wait, or died.
 */
bool http_conn_send(
    struct http_conn *, const void *data, size_t len, bool more_follows);
bool http_conn_flush(struct http_conn *);

/* From loopback, or from one of the node's own addresses. */
bool http_conn_is_local(const struct http_conn *);

/* Files that the clients of c's source have, or have asked for. */
unsigned http_conn_source_files(const struct http_conn *c);

#endif
