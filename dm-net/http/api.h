/* SPDX-License-Identifier: ISC */
/*
 * How an exchange is answered, once: with text, with a file, or with a refusal
 * that becomes a problem document (RFC 9457). Counts each answer by method and
 * status, and hands it to the transport. Knows no route.
 */
#ifndef DM_NET_HTTP_API_H
#define DM_NET_HTTP_API_H

#include "common/verdict.h"
#include "dm-net/http/exchange.h"

/* Refuses it with the verdict's status and a problem document. */
void http_api_refuse(struct http_exchange *, enum verdict);

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

#endif
