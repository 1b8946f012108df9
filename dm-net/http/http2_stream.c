/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "dm-net/http/api.h"
#include "dm-net/http/conn_io.h"
#include "dm-net/http/files.h"
#include "dm-net/http/http2_internal.h"
#include "dm-net/http/put.h"
#include "dm-net/http/routes.h"
#include "dm-net/http/server.h"

#define FIELD_OVERHEAD 32 /* RFC 9113, 6.5.2 */

static struct h2_stream *
stream_of(struct http_exchange *x)
{
	return (struct h2_stream *)x; /* x is its first member */
}

/* --- the request's body ----------------------------------------------- */

/* Passes on what was received, as far as it is allowed. */
static void
feed(struct h2_stream *s)
{
	size_t n = http_put_allowed(&s->x), left = http_text_left(&s->body);

	if (n > left)
		n = left;
	if (n == 0)
		return;
	http_put_body(&s->x, http_text_at(&s->body), n);
	http_text_take(&s->body, n);
	nghttp2_session_consume(s->h2->session, s->id, n);
}

/* Nobody will take it: the connection's window must not suffer. */
static void
drop_body(struct h2_stream *s)
{
	size_t left = http_text_left(&s->body);

	if (left > 0)
		nghttp2_session_consume(s->h2->session, s->id, left);
	http_text_clear(&s->body);
}

/* Bytes of a body that come after the answer. */
static void
drain(struct h2_stream *s, size_t len)
{
	nghttp2_session_consume(s->h2->session, s->id, len);
	s->drained += len;
	if (s->drained > HTTP_DRAIN_MAX)
		nghttp2_submit_rst_stream(
		    s->h2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR);
}

void
h2_stream_data(struct h2_stream *s, const uint8_t *data, size_t len)
{
	if (s->x.is_answered) {
		drain(s, len);
		return;
	}
	s->since_s = clock_mono_s();
	if (http_text_left(&s->body) == 0 && http_put_allowed(&s->x) >= len) {
		http_put_body(&s->x, data, len);
		nghttp2_session_consume(s->h2->session, s->id, len);
		return;
	}
	http_text_add(&s->body, data, len);
	feed(s);
}

void
h2_stream_drain(struct h2_stream *s)
{
	s->is_draining = true;
	s->since_s = clock_mono_s();
}

/* --- what the exchange says ------------------------------------------- */

static void
on_go_on(struct http_exchange *x)
{
	struct h2_stream *s = stream_of(x);
	nghttp2_nv nv = {
	    (uint8_t *)":status", (uint8_t *)"100", 7, 3, NGHTTP2_NV_FLAG_NONE};

	nghttp2_submit_headers(
	    s->h2->session, NGHTTP2_FLAG_NONE, s->id, NULL, &nv, 1, NULL);
	http_conn_kick(x->conn);
}

static void
on_want_body(struct http_exchange *x)
{
	feed(stream_of(x));
	http_conn_kick(x->conn);
}

static void
on_more(struct http_exchange *x)
{
	stream_of(x)->has_news = true;
	http_conn_kick(x->conn);
}

static ssize_t
read_file(struct http_exchange *x, uint8_t *buf, size_t len, uint32_t *flags)
{
	ssize_t n = 0;

	if (len > x->left)
		len = (size_t)x->left;
	if (len > 0)
		n = pread(x->file->fd, buf, len, (off_t)x->offset);
	if (n < 0 || (n == 0 && len > 0)) {
		log_error(
		    "files/%s became shorter while it was sent: stream reset",
		    x->file->entry.name);
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	x->offset += (uint64_t)n;
	x->left -= (uint64_t)n;
	if (x->left == 0)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return n;
}

static ssize_t
read_text(struct h2_stream *s, uint8_t *buf, size_t len, uint32_t *flags)
{
	struct http_exchange *x = &s->x;
	size_t n;

	if (http_text_left(&x->text) == 0 && !x->text_ends)
		http_route_pull(x);
	if (x->body == BODY_BROKEN)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	n = http_text_left(&x->text);
	if (n == 0 && !x->text_ends) {
		s->is_deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (n > len)
		n = len;
	if (n > 0)
		memcpy(buf, http_text_at(&x->text), n);
	http_text_take(&x->text, n);
	if (http_text_left(&x->text) == 0 && x->text_ends)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static ssize_t
on_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len,
    uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct h2_stream *s = source->ptr;

	s->since_s = clock_mono_s();
	if (s->x.body == BODY_FILE)
		return read_file(&s->x, buf, len, flags);
	if (s->x.body == BODY_TEXT)
		return read_text(s, buf, len, flags);
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static nghttp2_nv
pair(const char *name, size_t name_len, const char *value, size_t value_len)
{
	nghttp2_nv nv = {(uint8_t *)(uintptr_t)name,
	    (uint8_t *)(uintptr_t)value, name_len, value_len,
	    NGHTTP2_NV_FLAG_NONE};

	return nv;
}

static void
on_respond(struct http_exchange *x)
{
	struct h2_stream *s = stream_of(x);
	const struct http_head *h = x->head;
	const char *date = http_date_now(&x->server->date);
	nghttp2_nv nv[HEAD_FIELDS_MAX + 2];
	nghttp2_data_provider body = {{.ptr = s}, on_read};
	bool is_empty = x->body == BODY_NONE || x->method == METHOD_HEAD;
	char status[12];
	size_t n = 0;

	snprintf(status, sizeof(status), "%d", x->status);
	nv[n++] = pair(":status", 7, status, strlen(status));
	nv[n++] = pair("date", 4, date, strlen(date));
	for (unsigned i = 0; i < h->n_fields; i++)
		nv[n++] = pair(h->text + h->field[i].name, h->field[i].name_len,
		    h->text + h->field[i].value, h->field[i].value_len);
	drop_body(s);
	s->since_s = clock_mono_s();
	if (nghttp2_submit_response(
		s->h2->session, s->id, nv, n, is_empty ? NULL : &body) != 0)
		nghttp2_submit_rst_stream(s->h2->session, NGHTTP2_FLAG_NONE,
		    s->id, NGHTTP2_INTERNAL_ERROR);
	http_conn_kick(x->conn);
}

static bool
is_taken(const struct http_exchange *x)
{
	const struct h2_stream *s = (const struct h2_stream *)x;
	nghttp2_session *session = s->h2->session;

	return http_text_left(&x->conn->out) == 0 &&
	       nghttp2_session_get_remote_window_size(session) > 0 &&
	       nghttp2_session_get_stream_remote_window_size(session, s->id) >
		   0;
}

static const struct http_transport transport = {
    on_go_on, on_want_body, on_respond, on_more, is_taken};

/* --- its life --------------------------------------------------------- */

struct h2_stream *
h2_stream_new(struct http2 *h2, int32_t id)
{
	struct h2_stream *s = xcalloc(1, sizeof(*s));

	s->h2 = h2;
	s->id = id;
	s->since_s = clock_mono_s();
	s->arena.holder = s->body.holder = &h2->conn->memory;
	http_exchange_init(&s->x, &transport, h2->conn, h2->conn->server);
	TAILQ_INSERT_TAIL(&h2->streams, s, next);
	if (h2->n_streams++ == 0)
		http_conn_begin(h2->conn);
	h2->is_fresh = false;
	return s;
}

void
h2_stream_free(struct h2_stream *s)
{
	drop_body(s);
	http_exchange_end(&s->x);
	TAILQ_REMOVE(&s->h2->streams, s, next);
	if (--s->h2->n_streams == 0)
		http_conn_begin(s->h2->conn);
	s->h2->idle_since_s = clock_mono_s();
	http_text_clear(&s->arena);
	memory_give(&s->h2->conn->memory, H2_STREAM_BYTES);
	free(s);
}

static void
keep_field(
    struct h2_stream *s, enum http_field f, const uint8_t *value, size_t len)
{
	if (f == FIELD_COUNT)
		return;
	if (s->value[f].is_set)
		s->is_repeated = true;
	s->value[f].is_set = true;
	s->value[f].off = s->arena.len;
	s->value[f].len = len;
	http_text_add(&s->arena, value, len);
}

static void
keep_pseudo(struct h2_stream *s, const uint8_t *name, size_t name_len,
    const uint8_t *value, size_t len)
{
	if (name_len == 7 && memcmp(name, ":method", 7) == 0) {
		s->method = http_method_from(value, len);
	} else if (name_len == 5 && memcmp(name, ":path", 5) == 0) {
		s->target.off = s->arena.len;
		s->target.len = len;
		http_text_add(&s->arena, value, len);
	} else if (name_len == 10 && memcmp(name, ":authority", 10) == 0) {
		keep_field(s, FIELD_HOST, value, len);
	}
}

void
h2_stream_field(struct h2_stream *s, const uint8_t *name, size_t name_len,
    const uint8_t *value, size_t len)
{
	enum http_field f;

	s->list_size += name_len + len + FIELD_OVERHEAD;
	if (++s->n_fields > HTTP_HEADERS_MAX || s->list_size > HTTP_HEAD_MAX)
		s->is_too_large = true;
	if (s->is_too_large)
		return;
	if (name_len > 0 && name[0] == ':') {
		keep_pseudo(s, name, name_len, value, len);
		return;
	}
	f = http_field_from(name, name_len);
	/* With :authority, a Host that says the same is not a second one. */
	if (f == FIELD_HOST && s->value[f].is_set && s->value[f].len == len &&
	    memcmp(s->arena.data + s->value[f].off, value, len) == 0)
		return;
	keep_field(s, f, value, len);
}

void
h2_stream_begin(struct h2_stream *s)
{
	struct http_request r = {.method = s->method,
	    .is_version_2 = true,
	    .is_repeated = s->is_repeated};

	s->has_begun = true;
	s->x.method = s->method;
	if (s->is_too_large) {
		http_api_refuse(&s->x, VERDICT_HEAD_TOO_LARGE);
	} else {
		/* Not NULL even when all of it is empty. */
		http_text_add(&s->arena, "", 1);
		r.target =
		    bytes_of(s->arena.data + s->target.off, s->target.len);
		for (int f = 0; f < FIELD_COUNT; f++)
			if (s->value[f].is_set)
				r.field[f] =
				    bytes_of(s->arena.data + s->value[f].off,
					s->value[f].len);
		http_route_begin(&s->x, &r);
	}
	http_text_clear(&s->arena);
}

void
h2_stream_resume(struct h2_stream *s)
{
	if (!s->is_deferred || !s->has_news)
		return;
	s->is_deferred = s->has_news = false;
	nghttp2_session_resume_data(s->h2->session, s->id);
}

static void
stream_cut(struct h2_stream *s)
{
	s->h2->conn->server->count.timed_out++;
	nghttp2_submit_rst_stream(
	    s->h2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_CANCEL);
	http_conn_kick(s->h2->conn);
}

void
h2_stream_tick(struct h2_stream *s, uint64_t now_s)
{
	uint64_t passed_s = now_s - s->since_s;

	if (!s->has_begun) {
		if (passed_s > HTTP_HEAD_S_MAX)
			stream_cut(s);
	} else if (s->is_draining) {
		if (passed_s > HTTP_DRAIN_S_MAX)
			nghttp2_submit_rst_stream(s->h2->session,
			    NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR);
		http_conn_kick(s->x.conn);
	} else if (s->x.is_answered) {
		/* Also when it is the client's window that is closed. */
		if (passed_s > HTTP_STALL_S_MAX && !s->is_deferred)
			stream_cut(s);
	} else if (http_put_is_slow(&s->x, now_s)) {
		s->h2->conn->server->count.timed_out++;
		http_put_end(&s->x);
		http_api_refuse(&s->x, VERDICT_TIMED_OUT);
	}
}
