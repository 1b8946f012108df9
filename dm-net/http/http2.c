/* SPDX-License-Identifier: ISC */
#include "dm-net/http/http2.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "dm-net/http/conn_io.h"
#include "dm-net/http/http2_internal.h"
#include "dm-net/http/server.h"

#define STEPS_PER_TURN 16
#define RESETS_MAX 200 /* of a client at once, and a second: */
#define RESETS_PER_S 33
#define OUTBOUND_ACK_MAX 64
#define SETTINGS_MAX 16
/* What nghttp2 takes for a session with its tables, about. */
#define SESSION_BYTES (24u << 10)

/* --- frames ----------------------------------------------------------- */

static int
on_begin_headers(
    nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct http2 *h2 = user;
	int32_t id = frame->hd.stream_id;

	/* Trailers mean nothing here. */
	if (frame->hd.type != NGHTTP2_HEADERS ||
	    frame->headers.cat != NGHTTP2_HCAT_REQUEST ||
	    h2->n_streams >= HTTP_STREAMS_MAX ||
	    !memory_take(&h2->conn->memory, H2_STREAM_BYTES))
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	nghttp2_session_set_stream_user_data(
	    session, id, h2_stream_new(h2, id));
	return 0;
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame,
    const uint8_t *name, size_t name_len, const uint8_t *value,
    size_t value_len, uint8_t flags, void *user)
{
	struct h2_stream *s =
	    nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	if (s == NULL || s->has_begun)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	h2_stream_field(s, name, name_len, value, value_len);
	return 0;
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t id,
    const uint8_t *data, size_t len, void *user)
{
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);

	if (s != NULL && s->has_begun)
		h2_stream_data(s, data, len);
	else
		nghttp2_session_consume_connection(session, len);
	return 0;
}

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
		h2_stream_begin(s);
	return 0;
}

/*
 * Answered while the client still sends: it is let go on for a while, as a
 * client that is reset at once may miss the response. Then it is told that the
 * rest is not needed (RFC 9113, 8.1).
 */
static int
on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	int32_t id = frame->hd.stream_id;
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);
	bool is_end = (frame->hd.type == NGHTTP2_DATA ||
			  frame->hd.type == NGHTTP2_HEADERS) &&
		      (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

	if (is_end && s != NULL &&
	    nghttp2_session_get_stream_remote_close(session, id) == 0)
		h2_stream_drain(s);
	return 0;
}

static int
on_close(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);

	if (s != NULL)
		h2_stream_free(s);
	return 0;
}

/* --- the session ------------------------------------------------------ */

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
	memory_add(&c->memory, sizeof(*h2) + SESSION_BYTES);
	h2->is_fresh = true;
	h2->idle_since_s = clock_mono_s();
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
		h2_stream_free(s);
	nghttp2_session_del(h2->session);
	memory_give(&h2->conn->memory, sizeof(*h2) + SESSION_BYTES);
	free(h2);
}

void
http2_input(struct http2 *h2, const void *data, size_t len)
{
	ssize_t n = nghttp2_session_mem_recv(h2->session, data, len);

	if (n >= 0)
		return;
	log_debug("http: a client broke HTTP/2: %s", nghttp2_strerror((int)n));
	/* A GOAWAY, if there is one to send, goes out first. */
	nghttp2_session_terminate_session(h2->session, NGHTTP2_PROTOCOL_ERROR);
	h2->is_ending = true;
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
		if (h2->conn->is_dead || http_text_left(&h2->conn->out) > 0)
			break; /* the socket is full */
	}
	if (n < 0)
		fatal("http: cannot send HTTP/2 frames: %s",
		    nghttp2_strerror((int)n));
	if (len > 0)
		http_conn_send(h2->conn, buf, len, false);
	return len > 0;
}

void
http2_run(struct http2 *h2, bool *has_more)
{
	struct http_conn *c = h2->conn;
	uint8_t *buf = c->server->scratch;
	struct h2_stream *s;
	size_t n;

	for (int i = 0; i < STEPS_PER_TURN && !c->is_dead; i++) {
		/* No request is read while the client reads no response. */
		if (!http_conn_flush(c))
			return;
		TAILQ_FOREACH(s, &h2->streams, next)
			h2_stream_resume(s);
		if (output(h2))
			continue;
		if (h2->is_ending ||
		    (!nghttp2_session_want_read(h2->session) &&
			!nghttp2_session_want_write(h2->session))) {
			http_conn_close(c);
			return;
		}
		if (!c->is_readable) {
			http_conn_want_read(c);
			return;
		}
		n = http_conn_read(c, buf, sizeof(c->server->scratch));
		if (n > 0)
			http2_input(h2, buf, n);
	}
	*has_more = !c->is_dead;
}

/* --- deadlines -------------------------------------------------------- */

bool
http2_is_idle(const struct http2 *h2)
{
	return h2->n_streams == 0 && !h2->is_fresh;
}

bool
http2_has_request(const struct http2 *h2)
{
	return h2->n_streams > 0;
}

void
http2_tick(struct http2 *h2, uint64_t now_s)
{
	uint64_t limit_s = h2->is_fresh ? HTTP_HEAD_S_MAX : HTTP_IDLE_S_MAX;
	struct h2_stream *s;

	h2->resets -= h2->resets < RESETS_PER_S ? h2->resets : RESETS_PER_S;
	TAILQ_FOREACH(s, &h2->streams, next)
		h2_stream_tick(s, now_s);
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

const char *
http2_library_version(void)
{
	return nghttp2_version(0)->version_str;
}
