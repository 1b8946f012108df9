/* SPDX-License-Identifier: ISC */
/*
 * The one interface behind both versions of HTTP: a transport begins an
 * exchange with a head, hands over the body as far as it is allowed, and ends
 * the exchange when the response was sent or the client is gone. Judges what
 * concerns every request (Host, Origin, method, who may read) and passes it to
 * its route.
 */
#ifndef DM_NET_HTTP_API_H
#define DM_NET_HTTP_API_H

#include "common/verdict.h"
#include "dm-net/http/exchange.h"
#include "dm-net/http/target.h"

/* Clears and binds an exchange; for the transport, before all else. */
void http_exchange_init(struct http_exchange *, const struct http_transport *,
    struct http_conn *, struct http_server *);

/* Gives up what it holds and asks; may be used again after init. */
void http_exchange_end(struct http_exchange *);

/* The head is complete. What request borrows is not needed afterwards. */
void http_api_begin(struct http_exchange *, const struct http_request *);

/* Bytes of the body that are taken now. */
size_t http_api_allowed(const struct http_exchange *);

/* At most http_api_allowed() bytes of it. */
void http_api_body(struct http_exchange *, const void *data, size_t len);

/* The streamed text ran empty: get more. */
void http_api_pull(struct http_exchange *);

/* True if the client is too slow with a body that is being waited for. */
bool http_api_is_slow(struct http_exchange *, uint64_t now_s);

/* Refuses it with the verdict's status and a problem document. */
void http_api_refuse(struct http_exchange *, enum verdict);

/* --- for the routes --------------------------------------------------- */

struct http_problem {
	const char *detail; /* NULL: the verdict's sentence */
	const char *allow;
	uint64_t held_signed_at_ns; /* 0: not said */
	uint64_t limit;		    /* bytes, 0: not said */
	uint64_t retry_after_s;	    /* 0: not said */
	uint64_t size;		    /* 416 */
	bool has_size;
};
void http_api_problem(
    struct http_exchange *, enum verdict, const struct http_problem *);

/* Answers with the text gathered so far; more may follow until text_ends. */
void http_api_answer_text(
    struct http_exchange *, int status, const char *content_type);

/* Answers with own_head or another head; body, file, offset and left are set.
 */
void http_api_answer(
    struct http_exchange *, int status, const struct http_head *);

/* get.c */
void http_get_begin(struct http_exchange *, const struct http_request *,
    const struct http_target *);
/* put.c */
/* A PUT or DELETE that ends without the store: told to whoever keeps a log. e:
 * as far as it was understood, or NULL. */
void http_put_refused(
    const struct http_exchange *, enum verdict, const struct entry *e);

void http_put_begin(struct http_exchange *, const struct http_request *,
    const struct http_target *);
void http_put_end(struct http_exchange *);
/* list.c */
void http_walk_begin(struct http_exchange *);
void http_walk_pull(struct http_exchange *);
void http_list_begin(struct http_exchange *, const struct http_request *,
    const struct http_target *);
/* One version as JSON. */
void http_list_entry(struct http_text *, const struct entry *);
/* events.c */
void http_events_begin(struct http_exchange *, const struct http_request *,
    const struct http_target *);
/* info.c */
void http_peers_begin(struct http_exchange *, const struct http_request *,
    const struct http_target *);
void http_healthz_begin(struct http_exchange *, const struct http_request *,
    const struct http_target *);
void http_metrics_begin(struct http_exchange *, const struct http_request *,
    const struct http_target *);

#endif
