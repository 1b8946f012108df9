/* SPDX-License-Identifier: ISC */
/*
 * The HTTP server of dm-net, dmd(8) "HTTP": HTTP/1.1 and HTTP/2 with prior
 * knowledge on the same listeners. It streams content between clients and
 * dm-store and answers questions about this node. It never decides whether a
 * file is acceptable, never opens a file and never writes one: dm-store does.
 *
 * Everything runs on one libevent base; nothing blocks.
 */
#ifndef DM_NET_HTTP_HTTP_H
#define DM_NET_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/config/config.h"
#include "common/control.h"
#include "common/entry.h"

struct event_base;
struct http_server;
struct http_text;
struct store_client;

/* The facts of /healthz and /metrics about the rest of the node. */
struct http_facts {
	bool configured; /* a configuration is in force */
	uint64_t config_generation;
	bool listening;	  /* libp2p too */
	bool store_ready; /* link up, index complete */
	bool store_writable;
	unsigned peers_connected;
	unsigned peers_known;
	unsigned peers_ahead;
	/* store_stats, as last sent */
	uint64_t files;
	uint64_t records;
	uint64_t store_bytes;
	uint64_t free_bytes; /* UINT64_MAX: not known */
	uint64_t rejected[VERDICT_COUNT];
	uint64_t conflicts;
	uint64_t damaged;
	uint64_t quarantined;
	uint64_t healed;
	uint64_t wanted;
};

struct http_backend {
	struct store_client *store; /* outlives the server */
	void *ctx;

	/* Calls row(arg, ...) for at most max peers from *cursor (0: from the
	 * first) on, before it returns. True if there may be more. */
	bool (*peers)(void *ctx, size_t *cursor, unsigned max,
	    void (*row)(void *arg, const struct row_peer *), void *arg);

	void (*facts)(void *ctx, struct http_facts *out); /* zeroed before */

	/* True if the address (4 or 16 bytes) is one of this node's own.
	 * Loopback need not be asked for. */
	bool (*is_own_address)(void *ctx, const uint8_t *address, size_t len);

	/* A PUT or DELETE that dm-store never saw; the entry as far as it was
	 * understood, from: an address. May be NULL. */
	void (*refused)(
	    void *ctx, enum verdict, const struct entry *, const char *from);

	/* One of http_server_listen() accepts no more, and is gone; may be
	 * NULL. */
	void (*listener_ended)(void *ctx);

	/* Further lines of /metrics, by http_text_printf(); may be NULL. */
	void (*metrics)(void *ctx, struct http_text *out);

	/* At most HTTP_CONNECTIONS_MAX and HTTP_FILES_MAX; 0: these. */
	unsigned connections_max;
	unsigned files_max;
};

/* The settings of the configuration; copied. */
struct http_settings {
	enum config_read read;
	uint64_t max_file_size; /* bytes */
	uint64_t max_clock_skew_ns;
	bool has_network;
	uint8_t network[32];
};

/* backend is copied. Before http_server_configure() everything but /healthz is
 * answered 503. */
struct http_server *http_server_new(
    struct event_base *, const struct http_backend *);

/* Closes all connections and listeners. NULL is fine. */
void http_server_free(struct http_server *);

void http_server_configure(struct http_server *, const struct http_settings *);

/* Takes a bound, listening, non-blocking descriptor. id: for unlisten. */
void http_server_listen(struct http_server *, int fd, uint64_t id);

/* Stops accepting there; connections go on. An unknown id is fine. */
void http_server_unlisten(struct http_server *, uint64_t id);

/* Takes a connected, non-blocking stream socket as if it had been accepted from
 * that address (tests, and what accept does). */
void http_server_take(struct http_server *, int fd, const struct sockaddr *);

/* The winner of a name changed, or is gone: what is held open of it is stale.
 * main.c calls these from the handlers of ENTRY and RETRACT. */
void http_on_entry(struct http_server *, const struct entry *);
void http_on_retract(struct http_server *, const uint8_t key[static 16]);

/* Open connections. */
unsigned http_server_connections(const struct http_server *);

/* Appends to a growing text (printf). */
void http_text_printf(struct http_text *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
