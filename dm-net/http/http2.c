/* SPDX-License-Identifier: ISC */
#include "dm-net/http/http2.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/log.h"
#include "dm-net/http/api.h"
#include "dm-net/http/connection.h"
#include "dm-net/http/files.h"
#include "dm-net/http/server.h"

#define STEPS_PER_TURN 16
#define RESETS_MAX 200 /* of a client at once, and a second: */
#define RESETS_PER_S 33
#define FIELD_OVERHEAD 32 /* RFC 9113, 6.5.2 */
#define OUTBOUND_ACK_MAX 64
#define SETTINGS_MAX 16

struct h2_stream {
	struct http_exchange x;
	TAILQ_ENTRY(h2_stream) next;
	struct http2 *h2;
	int32_t id;
	uint64_t since_s; /* headers began; later: it last went on */
	bool has_begun;	  /* the head was complete */
	bool is_too_large;
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

static struct h2_stream *
stream_of(struct http_exchange *x)
{
	return (struct h2_stream *)x; /* x is its first member */
}

/* --- the request's body
 * --------------------------------------------------------------- */

/* Passes on what was received, as far as it is allowed. */
static void
feed(struct h2_stream *s)
{
	size_t n = http_api_allowed(&s->x), left = http_text_left(&s->body);

	if (n > left)
		n = left;
	if (n == 0)
		return;
	http_api_body(&s->x, http_text_at(&s->body), n);
	http_text_take(&s->body, n);
	nghttp2_session_consume(s->h2->session, s->id, n);
}

/* Nobody will take it: the connection's window must not suffer. */
static void
drop_body(struct h2_stream *s)
{
	size_t left = http_text_left(&s->body);

	if (left > 0)
		nghttp2_session_consume_connection(s->h2->session, left);
	http_text_clear(&s->body);
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t id,
    const uint8_t *data, size_t len, void *user)
{
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);

	(void)flags;
	(void)user;
	if (s == NULL || !s->has_begun || s->x.is_answered) {
		nghttp2_session_consume_connection(session, len);
		return 0;
	}
	s->since_s = http_clock_s();
	if (http_text_left(&s->body) == 0 && http_api_allowed(&s->x) >= len) {
		http_api_body(&s->x, data, len);
		nghttp2_session_consume(session, id, len);
		return 0;
	}
	http_text_add(&s->body, data, len);
	feed(s);
	return 0;
}

/* --- what the exchange says
 * -------------------------------------------------------------- */

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
		    "%s: the held file became shorter", x->file->entry.name);
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
		http_api_pull(x);
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

	(void)session;
	(void)id;
	(void)user;
	s->since_s = http_clock_s();
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
	const char *date = http_server_date(x->server);
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
	s->since_s = http_clock_s();
	if (nghttp2_submit_response(
		s->h2->session, s->id, nv, n, is_empty ? NULL : &body) != 0)
		nghttp2_submit_rst_stream(s->h2->session, NGHTTP2_FLAG_NONE,
		    s->id, NGHTTP2_INTERNAL_ERROR);
	http_conn_kick(x->conn);
}

static const struct http_transport transport = {
    on_go_on, on_want_body, on_respond, on_more};

/* --- heads
 * -----------------------------------------------------------------------------
 */

static int
on_begin_headers(
    nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct http2 *h2 = user;
	struct h2_stream *s;

	/* Trailers mean nothing here. */
	if (frame->hd.type != NGHTTP2_HEADERS ||
	    frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (h2->n_streams >= HTTP_STREAMS_MAX)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	s = xcalloc(1, sizeof(*s));
	s->h2 = h2;
	s->id = frame->hd.stream_id;
	s->since_s = http_clock_s();
	http_exchange_init(&s->x, &transport, h2->conn, h2->conn->server);
	TAILQ_INSERT_TAIL(&h2->streams, s, next);
	h2->n_streams++;
	h2->is_fresh = false;
	nghttp2_session_set_stream_user_data(session, s->id, s);
	return 0;
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

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame,
    const uint8_t *name, size_t name_len, const uint8_t *value,
    size_t value_len, uint8_t flags, void *user)
{
	struct h2_stream *s =
	    nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	enum http_field f;

	(void)flags;
	(void)user;
	if (s == NULL || s->has_begun)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	s->list_size += name_len + value_len + FIELD_OVERHEAD;
	if (++s->n_fields > HTTP_HEADERS_MAX || s->list_size > HTTP_HEAD_MAX)
		s->is_too_large = true;
	if (s->is_too_large)
		return 0;
	if (name_len > 0 && name[0] == ':') {
		keep_pseudo(s, name, name_len, value, value_len);
		return 0;
	}
	f = http_field_from(name, name_len);
	/* With :authority, a Host that says the same is not a second one. */
	if (f == FIELD_HOST && s->value[f].is_set &&
	    s->value[f].len == value_len &&
	    memcmp(s->arena.data + s->value[f].off, value, value_len) == 0)
		return 0;
	keep_field(s, f, value, value_len);
	return 0;
}

static void
begin(struct h2_stream *s)
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
		http_api_begin(&s->x, &r);
	}
	http_text_clear(&s->arena);
}

/* --- frames
 * ----------------------------------------------------------------------------
 */

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct http2 *h2 = user;
	struct h2_stream *s;

	if (frame->hd.type == NGHTTP2_RST_STREAM && ++h2->resets > RESETS_MAX) {
		nghttp2_session_terminate_session(
		    session, NGHTTP2_ENHANCE_YOUR_CALM);
		return 0;
	}
	if (frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (s != NULL && !s->has_begun)
		begin(s);
	return 0;
}

/* Refused early: the client need not send the rest (RFC 9113, 8.1). */
static int
on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	bool is_end = (frame->hd.type == NGHTTP2_DATA ||
			  frame->hd.type == NGHTTP2_HEADERS) &&
		      (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

	(void)user;
	if (is_end && nghttp2_session_get_stream_remote_close(
			  session, frame->hd.stream_id) == 0)
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE,
		    frame->hd.stream_id, NGHTTP2_NO_ERROR);
	return 0;
}

static void
stream_free(struct h2_stream *s)
{
	drop_body(s);
	http_exchange_end(&s->x);
	TAILQ_REMOVE(&s->h2->streams, s, next);
	s->h2->n_streams--;
	s->h2->idle_since_s = http_clock_s();
	http_text_clear(&s->arena);
	free(s);
}

static int
on_close(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);

	(void)error;
	(void)user;
	if (s != NULL)
		stream_free(s);
	return 0;
}

/* --- the session
 * ------------------------------------------------------------------------ */

bool
http2_is_usable(void)
{
	return nghttp2_version(NGHTTP2_VERSION_NUM) != NULL;
}

static nghttp2_option *
options(void)
{
	nghttp2_option *o;

	if (nghttp2_option_new(&o) != 0)
		fatal("no memory");
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_no_closed_streams(o, 1);
	nghttp2_option_set_max_outbound_ack(o, OUTBOUND_ACK_MAX);
#ifdef HAVE_NGHTTP2_MAX_SETTINGS
	nghttp2_option_set_max_settings(o, SETTINGS_MAX);
#endif
#ifdef HAVE_NGHTTP2_STREAM_RESET_RATE_LIMIT
	nghttp2_option_set_stream_reset_rate_limit(o, RESETS_MAX, RESETS_PER_S);
#endif
#ifdef HAVE_NGHTTP2_MAX_CONTINUATIONS
	nghttp2_option_set_max_continuations(o, 8);
#endif
	return o;
}

static nghttp2_session *
session_new(struct http2 *h2)
{
	nghttp2_session_callbacks *cb;
	nghttp2_option *o = options();
	nghttp2_session *session;

	if (nghttp2_session_callbacks_new(&cb) != 0)
		fatal("no memory");
	nghttp2_session_callbacks_set_on_begin_headers_callback(
	    cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	if (nghttp2_session_server_new2(&session, cb, h2, o) != 0)
		fatal("no memory");
	nghttp2_session_callbacks_del(cb);
	nghttp2_option_del(o);
	return session;
}

struct http2 *
http2_new(struct http_conn *c)
{
	static const nghttp2_settings_entry settings[] = {
	    {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, HTTP_STREAMS_MAX},
	    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP_STREAM_WINDOW},
	    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_HEAD_MAX},
	};
	struct http2 *h2 = xcalloc(1, sizeof(*h2));

	h2->conn = c;
	h2->is_fresh = true;
	h2->idle_since_s = http_clock_s();
	TAILQ_INIT(&h2->streams);
	h2->session = session_new(h2);
	if (nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings,
		sizeof(settings) / sizeof(settings[0])) != 0 ||
	    nghttp2_session_set_local_window_size(
		h2->session, NGHTTP2_FLAG_NONE, 0, HTTP_CONNECTION_WINDOW) != 0)
		fatal("no memory");
	return h2;
}

void
http2_free(struct http2 *h2)
{
	struct h2_stream *s;

	if (h2 == NULL)
		return;
	while ((s = TAILQ_FIRST(&h2->streams)) != NULL)
		stream_free(s);
	nghttp2_session_del(h2->session);
	free(h2);
}

void
http2_input(struct http2 *h2, const void *data, size_t len)
{
	ssize_t n = nghttp2_session_mem_recv(h2->session, data, len);

	if (n >= 0)
		return;
	log_debug("http: HTTP/2: %s", nghttp2_strerror((int)n));
	/* A GOAWAY, if there is one to send, goes out first. */
	nghttp2_session_terminate_session(h2->session, NGHTTP2_PROTOCOL_ERROR);
	h2->is_ending = true;
}

/* Streams whose response waited for text go on. */
static void
resume(struct http2 *h2)
{
	struct h2_stream *s;

	TAILQ_FOREACH(s, &h2->streams, next)
	{
		if (!s->is_deferred || !s->has_news)
			continue;
		s->is_deferred = s->has_news = false;
		nghttp2_session_resume_data(h2->session, s->id);
	}
}

/* Sends what the session has. True if that was something. */
static bool
output(struct http2 *h2)
{
	uint8_t *buf = h2->conn->server->scratch;
	size_t len = 0, size = sizeof(h2->conn->server->scratch);
	const uint8_t *data;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(h2->session, &data)) > 0) {
		if ((size_t)n > size - len) {
			http_conn_send(h2->conn, buf, len, true);
			len = 0;
		}
		if ((size_t)n > size) {
			http_conn_send(h2->conn, data, (size_t)n, false);
			return true;
		}
		memcpy(buf + len, data, (size_t)n);
		len += (size_t)n;
		if (http_text_left(&h2->conn->out) > 0)
			break; /* the socket is full */
	}
	if (n < 0)
		fatal("HTTP/2: %s", nghttp2_strerror((int)n));
	if (len > 0)
		http_conn_send(h2->conn, buf, len, false);
	return len > 0;
}

void
http2_run(struct http2 *h2, bool *has_more)
{
	struct http_conn *c = h2->conn;
	uint8_t *buf = c->server->scratch;
	size_t n;

	for (int i = 0; i < STEPS_PER_TURN && !c->is_dead; i++) {
		/* What is asked while nothing is taken is not read. */
		if (!http_conn_flush(c)) {
			http_conn_want_read(c, false);
			return;
		}
		resume(h2);
		if (output(h2))
			continue;
		if (h2->is_ending ||
		    (!nghttp2_session_want_read(h2->session) &&
			!nghttp2_session_want_write(h2->session))) {
			http_conn_close(c);
			return;
		}
		if (!c->is_readable) {
			http_conn_want_read(c, true);
			return;
		}
		n = http_conn_read(c, buf, sizeof(c->server->scratch));
		if (n > 0)
			http2_input(h2, buf, n);
	}
	*has_more = !c->is_dead;
}

/* --- deadlines
 * ----------------------------------------------------------------------------
 */

bool
http2_is_idle(const struct http2 *h2)
{
	return h2->n_streams == 0 && !h2->is_fresh;
}

static void
stream_cut(struct h2_stream *s)
{
	s->h2->conn->server->count.timed_out++;
	nghttp2_submit_rst_stream(
	    s->h2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_CANCEL);
	http_conn_kick(s->h2->conn);
}

static void
stream_tick(struct h2_stream *s, uint64_t now_s)
{
	uint64_t passed_s = now_s - s->since_s;

	if (!s->has_begun) {
		if (passed_s > HTTP_HEAD_S_MAX)
			stream_cut(s);
	} else if (s->x.is_answered) {
		/* Also when it is the client's window that is closed. */
		if (passed_s > HTTP_STALL_S_MAX && !s->is_deferred)
			stream_cut(s);
	} else if (http_api_is_slow(&s->x, now_s)) {
		s->h2->conn->server->count.timed_out++;
		http_put_end(&s->x);
		http_api_refuse(&s->x, VERDICT_TIMED_OUT);
	}
}

void
http2_tick(struct http2 *h2, uint64_t now_s)
{
	uint64_t limit_s = h2->is_fresh ? HTTP_HEAD_S_MAX : HTTP_IDLE_S_MAX;
	struct h2_stream *s;

	h2->resets -= h2->resets < RESETS_PER_S ? h2->resets : RESETS_PER_S;
	TAILQ_FOREACH(s, &h2->streams, next)
	stream_tick(s, now_s);
	if (h2->n_streams > 0 || now_s - h2->idle_since_s <= limit_s)
		return;
	if (h2->is_ending || h2->is_fresh) {
		http_conn_close(h2->conn);
		return;
	}
	nghttp2_session_terminate_session(h2->session, NGHTTP2_NO_ERROR);
	h2->is_ending = true;
	http_conn_kick(h2->conn);
}
