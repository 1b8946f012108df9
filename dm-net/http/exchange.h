/* SPDX-License-Identifier: ISC */
/*
 * One request and its response, whatever the version of HTTP: what api.c and
 * the routes see. A transport (http1.c, http2.c) owns it, embedded in its own
 * object, hands over the head and the body, and sends what the exchange holds
 * once it is answered.
 */
#ifndef DM_NET_HTTP_EXCHANGE_H
#define DM_NET_HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/entry.h"
#include "dm-net/http/head.h"
#include "dm-net/http/request.h"
#include "dm-net/http/text.h"

struct http_conn;
struct http_exchange;
struct http_file;
struct http_server;
struct store_put;

/* The calls of an exchange to its transport. Each only notes the fact and has
 * the connection run soon, so any callback may make them. The last one asks. */
struct http_transport {
	void (*go_on)(struct http_exchange *);	   /* 100 Continue */
	void (*want_body)(struct http_exchange *); /* http_put_allowed() grew */
	void (*respond)(struct http_exchange *);   /* it is answered */
	void (*more)(struct http_exchange *);	   /* text grew, ended, broke */
	/* The client would take a byte of the response's body now. */
	bool (*is_taken)(const struct http_exchange *);
};

enum http_body {
	BODY_NONE,
	BODY_TEXT,   /* text; more follows until text_ends */
	BODY_FILE,   /* left bytes of file from offset */
	BODY_BROKEN, /* cannot be completed: the transport cuts it */
};

/* A walk over the store's list, or the peers, page by page as the client takes
 * it. */
struct http_walk {
	void (*row)(struct http_exchange *, const struct entry *);
	void (*end)(struct http_exchange *); /* all rows were seen */
	char prefix[NAME_LEN_MAX + 1];
	char cursor[NAME_LEN_MAX + 1];
	uint64_t rows;
	bool is_asking;
	const char *type; /* of the whole text */
	size_t peer;	  /* instead of rows of the store: the next one */
};

struct http_exchange {
	const struct http_transport *via;
	struct http_server *server;
	struct http_conn *conn;
	enum http_method method;

	/* the request's body */
	uint64_t body_left;    /* bytes still to come; UINT64_MAX: unknown */
	uint64_t rate_since_s; /* the window over which its rate is taken */
	uint64_t rate_bytes;
	struct bytes at_hand; /* what came with the head, while the request
				 begins; borrowed */
	bool has_taken;	      /* all that was at hand */

	bool is_subscriber; /* of /events */
	TAILQ_ENTRY(http_exchange) subscriber;

	/* what it waits for */
	uint64_t asked; /* request to the store, 0: none */
	bool has_reserved;
	bool is_reading; /* a file: counted in its connection's n_files */
	struct store_put *put;
	bool is_put; /* counted among the server's uploads */
	bool is_without_sha256;
	bool is_judged;
	bool expects_continue;
	struct http_walk walk;
	void (*pull)(struct http_exchange *); /* makes text that has no end
						 yet; may be NULL */
	size_t page;	 /* bytes charged for text that is to be made */
	bool is_waiting; /* for memory */
	TAILQ_ENTRY(http_exchange) waiting;

	/* the response */
	bool is_answered;
	int status;
	const struct http_head *head; /* own_head, or that of file */
	enum http_body body;
	bool text_ends;	 /* all of it is in text */
	bool has_length; /* it was known when the head was made */
	struct http_file *file;
	uint64_t offset;
	uint64_t left;
	struct http_head own_head;

	/*
	 * A request begins with all of the above clear, up to the fields that
	 * own_head counts. The members after this one are written before they
	 * are read.
	 */
	struct http_text text; /* of the response; keeps its memory */
	struct entry entry;    /* PUT, DELETE: the version offered */
	struct {
		bool has_range;
		bool has_if_range;
		bool has_if_none_match;
		char range[64];
		char if_range[80];
		char if_none_match[512];
	} get; /* kept while the store is asked */
	char name[NAME_LEN_MAX + 1];
};

#endif
