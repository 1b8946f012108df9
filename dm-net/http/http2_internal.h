/* SPDX-License-Identifier: ISC */
/*
 * Shared by http2.c (the session) and http2_stream.c (its streams). No other
 * source includes this or nghttp2.
 */
#ifndef DM_NET_HTTP_HTTP2_INTERNAL_H
#define DM_NET_HTTP_HTTP2_INTERNAL_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "dm-net/http/exchange.h"
#include "dm-net/http/request.h"
#include "dm-net/http/text.h"

struct http_conn;

struct h2_stream {
	struct http_exchange x;
	TAILQ_ENTRY(h2_stream) next;
	struct http2 *h2;
	int32_t id;
	uint64_t since_s; /* headers began; later: it last went on */
	bool has_begun;	  /* the head was complete */
	bool is_too_large;
	bool is_draining; /* answered, and the client still sends */
	size_t drained;
	bool is_deferred; /* its response waits for more text */
	bool has_news;
	unsigned n_fields;
	size_t list_size;
	enum http_method method;
	struct http_text arena; /* the values, until the head is complete */
	struct {
		bool is_set;
		size_t off;
		size_t len;
	} value[FIELD_COUNT], target;
	bool is_repeated;
	struct http_text body; /* received, and not taken yet */
};

/* What a stream takes with nghttp2's own of it, whose part is about 2 KiB. */
#define H2_STREAM_BYTES (sizeof(struct h2_stream) + 2048)

struct http2 {
	struct http_conn *conn;
	nghttp2_session *session;
	TAILQ_HEAD(, h2_stream) streams;
	unsigned n_streams;
	bool is_fresh; /* no stream yet */
	bool is_ending;
	uint64_t idle_since_s;
	unsigned resets;
};

/* A stream whose head begins; its H2_STREAM_BYTES are charged already. */
struct h2_stream *h2_stream_new(struct http2 *, int32_t id);

/* Ends its exchange and frees it. */
void h2_stream_free(struct h2_stream *);

/* A field of its head; what is too much is noted and skipped. */
void h2_stream_field(struct h2_stream *, const uint8_t *name, size_t name_len,
    const uint8_t *value, size_t len);

/* Its head is complete. */
void h2_stream_begin(struct h2_stream *);

/* Bytes of its body. */
void h2_stream_data(struct h2_stream *, const uint8_t *data, size_t len);

/* The end of its response is out while the client still sends. */
void h2_stream_drain(struct h2_stream *);

/* Its response goes on if it waited for this. */
void h2_stream_resume(struct h2_stream *);

void h2_stream_tick(struct h2_stream *, uint64_t now_s);

#endif
