/* SPDX-License-Identifier: ISC */
#include "dm-net/http/http1.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "dm-net/http/api.h"
#include "dm-net/http/conn_io.h"
#include "dm-net/http/files.h"
#include "dm-net/http/put.h"
#include "dm-net/http/routes.h"
#include "dm-net/http/server.h"

#define STEPS_PER_TURN 64
#define SMALL_MAX (32u << 10) /* bodies sent together with their head */
#define SENDFILE_MAX (1u << 20)
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define PREFACE_LEN 24

enum h1_state {
	H1_HEAD,  /* reading a head, or idle */
	H1_BODY,  /* the exchange is under way */
	H1_REPLY, /* sending its response */
	H1_DRAIN, /* refused early: reads what still comes, for a while */
};

struct http1 {
	struct http_exchange x;
	struct http_conn *conn;
	enum h1_state state;
	uint64_t since_s; /* in this state; for a head, from its first byte */
	bool is_fresh;	  /* no request yet */
	bool keep_alive;
	bool is_version_10;
	bool is_chunked;
	bool has_last_chunk;
	bool go_on_due;
	size_t drained;
	size_t len;
	size_t scanned; /* of buf, for the end of a head */
	char buf[HTTP_HEAD_MAX];
};

static_assert(sizeof(struct http_conn) + sizeof(struct http1) <=
		  HTTP_MEMORY_MAX / HTTP_CONNECTIONS_MAX / 2,
    "connections that ask nothing leave half of the memory to others");

static struct http1 *
http1_of(struct http_exchange *x)
{
	return (struct http1 *)x; /* x is its first member */
}

/* The only writer of the state. */
static void
http1_enter(struct http1 *h, enum h1_state state)
{
	h->state = state;
	h->since_s = clock_mono_s();
	if (state == H1_HEAD)
		http_conn_begin(h->conn);
}

/* --- what the exchange says ------------------------------------------- */

static void
on_go_on(struct http_exchange *x)
{
	http1_of(x)->go_on_due = true;
	http_conn_kick(x->conn);
}

static void
on_news(struct http_exchange *x)
{
	http_conn_kick(x->conn);
}

static bool
is_taken(const struct http_exchange *x)
{
	return http_text_left(&x->conn->out) == 0;
}

/* Most answers come while the connection is run, and are seen there at once. */
static const struct http_transport transport = {
    on_go_on, on_news, on_news, on_news, is_taken};

static void
new_exchange(struct http1 *h)
{
	http_exchange_init(&h->x, &transport, h->conn, h->conn->server);
	h->go_on_due = false;
	h->is_chunked = false;
	h->has_last_chunk = false;
}

struct http1 *
http1_new(struct http_conn *c)
{
	struct http1 *h = xcalloc(1, sizeof(*h));

	h->conn = c;
	memory_add(&c->memory, sizeof(*h));
	h->is_fresh = true;
	new_exchange(h);
	http1_enter(h, H1_HEAD);
	return h;
}

void
http1_free(struct http1 *h)
{
	if (h == NULL)
		return;
	http_exchange_end(&h->x);
	memory_give(&h->conn->memory, sizeof(*h));
	free(h);
}

const void *
http1_buffered(const struct http1 *h, size_t *len)
{
	*len = h->len;
	return h->buf;
}

static void
consume(struct http1 *h, size_t n)
{
	h->len -= n;
	h->scanned = 0;
	if (h->len > 0)
		memmove(h->buf, h->buf + n, h->len);
}

/* --- the head --------------------------------------------------------- */

static void
refuse(struct http1 *h, enum verdict v)
{
	h->keep_alive = false;
	h->x.body_left = UINT64_MAX; /* nobody knows what follows */
	http_api_refuse(&h->x, v);
	http1_enter(h, H1_BODY);
}

/* Bytes of the head with its empty line, 0 if it is not complete. */
static size_t
head_length(struct http1 *h)
{
	size_t from;
	const char *end;

	while (h->len >= 2 && memcmp(h->buf, "\r\n", 2) == 0)
		consume(h, 2);
	from = h->scanned < 3 ? 0 : h->scanned - 3;
	end = memmem(h->buf + from, h->len - from, "\r\n\r\n", 4);
	h->scanned = h->len;
	return end == NULL ? 0 : (size_t)(end - h->buf) + 4;
}

static void
begin(struct http1 *h, size_t len)
{
	struct http_request r;
	enum verdict v = http1_parse(h->buf, len, &r, &h->keep_alive);

	h->is_fresh = false;
	if (v != VERDICT_OK) {
		refuse(h, v);
		return;
	}
	h->is_version_10 = r.is_version_10;
	http1_enter(h, H1_BODY);
	h->x.at_hand = bytes_of(h->buf + len, h->len - len);
	http_route_begin(&h->x, &r);
	h->x.at_hand = bytes_of(NULL, 0);
	consume(h, h->x.has_taken ? h->len : len);
}

/* Reads more of a head. False if nothing is there. */
static bool
read_head(struct http1 *h)
{
	size_t n;

	if (!h->conn->is_readable) {
		http_conn_want_read(h->conn);
		return false;
	}
	n = http_conn_read(h->conn, h->buf + h->len, sizeof(h->buf) - h->len);
	if (n > 0 && h->len == 0) {
		h->since_s = clock_mono_s();
		http_conn_begin(h->conn);
	}
	h->len += n;
	return !h->conn->is_dead;
}

static bool
step_head(struct http1 *h)
{
	size_t len = head_length(h);

	if (len > 0)
		begin(h, len);
	else if (h->len == sizeof(h->buf))
		refuse(h, VERDICT_HEAD_TOO_LARGE);
	else
		return read_head(h);
	return true;
}

/* The first bytes of a connection: all of the preface, or a part of it. */
static bool
is_preface(const struct http1 *h, bool *is_whole)
{
	size_t n = h->len < PREFACE_LEN ? h->len : PREFACE_LEN;

	*is_whole = h->len >= PREFACE_LEN;
	return h->is_fresh && h->state == H1_HEAD && n > 0 &&
	       memcmp(h->buf, PREFACE, n) == 0;
}

/* --- the response ----------------------------------------------------- */

/* The connection cannot be reused if the announced body was not sent. */
static void
settle_body(struct http1 *h)
{
	struct http_exchange *x = &h->x;

	if (x->body_left <= h->len) {
		consume(h, (size_t)x->body_left);
		x->body_left = 0;
	} else {
		h->keep_alive = false;
	}
}

static size_t
put_head(struct http1 *h, char *out, size_t size)
{
	const struct http_exchange *x = &h->x;
	const char *connection = h->keep_alive ? "" : "Connection: close\r\n";
	const char *encoding =
	    h->is_chunked ? "Transfer-Encoding: chunked\r\n" : "";
	int n;

	n = snprintf(out, size, "HTTP/1.1 %d %s\r\nDate: %s\r\n%.*s%s%s\r\n",
	    x->status, http_reason(x->status),
	    http_date_now(&h->conn->server->date), (int)x->head->len,
	    x->head->text, connection, encoding);
	if (n < 0 || (size_t)n >= size)
		fatal("http: a response head has %d bytes, too many", n);
	return (size_t)n;
}

/* The whole of a small file after the head. -1: the file has changed. */
static ssize_t
put_small_file(struct http_exchange *x, uint8_t *out)
{
	ssize_t n;

	if (x->body != BODY_FILE || x->left == 0 || x->left > SMALL_MAX)
		return 0;
	n = pread(x->file->fd, out, (size_t)x->left, (off_t)x->offset);
	if (n < 0 || (uint64_t)n != x->left) {
		x->body = BODY_BROKEN;
		return -1;
	}
	x->left = 0;
	return n;
}

static bool
step_answer(struct http1 *h)
{
	struct http_exchange *x = &h->x;
	uint8_t *out = h->conn->server->scratch;
	size_t n;
	ssize_t small;

	settle_body(h);
	h->is_chunked = x->body == BODY_TEXT && !x->has_length &&
			!h->is_version_10 && x->method != METHOD_HEAD;
	if (x->body == BODY_TEXT && !x->has_length && h->is_version_10)
		h->keep_alive = false;
	n = put_head(h, (char *)out, sizeof(h->conn->server->scratch));
	if (x->method == METHOD_HEAD)
		x->body = BODY_NONE;
	small = put_small_file(x, out + n);
	if (small == -1) {
		log_error("files/%s became shorter while it was sent: "
			  "connection closed",
		    x->file->entry.name);
		http_conn_close(h->conn);
		return false;
	}
	http1_enter(h, H1_REPLY);
	http_conn_send(h->conn, out, n + (size_t)small,
	    x->body == BODY_TEXT || (x->body == BODY_FILE && x->left > 0));
	return !h->conn->is_dead;
}

/* Sends the text that is there. True if that was done and more may follow. */
static bool
send_text(struct http1 *h)
{
	struct http_text *t = &h->x.text;
	size_t n = http_text_left(t);
	char size[24];

	if (n > 0 && h->is_chunked) {
		int len = snprintf(size, sizeof(size), "%zx\r\n", n);

		http_conn_send(h->conn, size, (size_t)len, true);
		http_conn_send(h->conn, http_text_at(t), n, true);
		http_conn_send(h->conn, "\r\n", 2, false);
	} else if (n > 0) {
		http_conn_send(h->conn, http_text_at(t), n, false);
	}
	http_text_take(t, n);
	return n > 0;
}

/*
 * While events are waited for, the next request is read as far as there is
 * room: without that nobody would see a subscriber go. True if some came.
 */
static bool
listen_to_subscriber(struct http1 *h)
{
	if (!h->x.is_subscriber || h->len == sizeof(h->buf))
		return false;
	return read_head(h);
}

/* True if there is more to do now, false to wait; sets *is_done at the end. */
static bool
step_text(struct http1 *h, bool *is_done)
{
	struct http_exchange *x = &h->x;

	if (send_text(h))
		return true;
	if (x->text_ends) {
		if (h->is_chunked && !h->has_last_chunk) {
			h->has_last_chunk = true;
			http_conn_send(h->conn, "0\r\n\r\n", 5, false);
			return true;
		}
		*is_done = true;
		return true;
	}
	h->since_s = clock_mono_s();
	http_route_pull(x);
	return http_text_left(&x->text) > 0 || x->body == BODY_BROKEN ||
	       listen_to_subscriber(h);
}

static bool
step_file(struct http1 *h, bool *is_done)
{
	struct http_exchange *x = &h->x;
	off_t at = (off_t)x->offset;
	ssize_t n;

	if (x->left == 0) {
		*is_done = true;
		return true;
	}
	n = sendfile(h->conn->fd, x->file->fd, &at,
	    x->left < SENDFILE_MAX ? (size_t)x->left : SENDFILE_MAX);
	if (n > 0) {
		x->offset += (uint64_t)n;
		x->left -= (uint64_t)n;
		h->conn->progress_s = clock_mono_s();
		return true;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
		http_conn_want_write(h->conn, true);
		return false;
	}
	if (n == 0)
		log_error("files/%s became shorter while it was sent: "
			  "connection closed",
		    x->file->entry.name);
	http_conn_close(h->conn);
	return false;
}

/* The response is out. */
static bool
finish(struct http1 *h)
{
	http_exchange_end(&h->x);
	http_conn_want_write(h->conn, false);
	if (h->keep_alive && !h->conn->server->is_closing) {
		new_exchange(h);
		http1_enter(h, H1_HEAD);
		if (h->len > 0)
			return true;
		http_conn_want_read(h->conn);
		return h->conn->is_readable;
	}
	/* Closed at once, what the client still sends would make the kernel
	 * take the response back. */
	shutdown(h->conn->fd, SHUT_WR);
	h->len = 0;
	h->drained = 0;
	http1_enter(h, H1_DRAIN);
	return true;
}

static bool
step_reply(struct http1 *h)
{
	bool is_done = false, go_on = true;

	if (!http_conn_flush(h->conn))
		return false;
	switch (h->x.body) {
	case BODY_NONE:
		is_done = true;
		break;
	case BODY_TEXT:
		go_on = step_text(h, &is_done);
		break;
	case BODY_FILE:
		go_on = step_file(h, &is_done);
		break;
	case BODY_BROKEN:
		http_conn_close(h->conn);
		return false;
	}
	return is_done ? finish(h) : go_on && !h->conn->is_dead;
}

/* --- the body --------------------------------------------------------- */

static bool
step_body(struct http1 *h)
{
	struct http_conn *c = h->conn;
	uint8_t *buf = c->server->scratch;
	size_t allowed, n;

	if (h->x.is_answered)
		return step_answer(h);
	if (h->go_on_due) {
		h->go_on_due = false;
		http_conn_send(c, "HTTP/1.1 100 Continue\r\n\r\n", 25, false);
	}
	allowed = http_put_allowed(&h->x);
	if (allowed == 0)
		return false;
	if (h->len > 0) {
		n = h->len < allowed ? h->len : allowed;
		http_put_body(&h->x, h->buf, n);
		consume(h, n);
		return true;
	}
	if (!c->is_readable) {
		http_conn_want_read(c);
		return false;
	}
	n = http_conn_read(
	    c, buf, allowed < IPC_CHUNK_MAX ? allowed : IPC_CHUNK_MAX);
	if (n > 0)
		http_put_body(&h->x, buf, n);
	return !c->is_dead;
}

static bool
step_drain(struct http1 *h)
{
	struct http_conn *c = h->conn;

	if (!c->is_readable) {
		http_conn_want_read(c);
		return false;
	}
	h->drained +=
	    http_conn_read(c, c->server->scratch, sizeof(c->server->scratch));
	if (h->drained > HTTP_DRAIN_MAX)
		http_conn_close(c);
	return !c->is_dead;
}

/* One step; false when it has to wait. */
static bool
step(struct http1 *h)
{
	switch (h->state) {
	case H1_HEAD:
		return step_head(h);
	case H1_BODY:
		return step_body(h);
	case H1_REPLY:
		return step_reply(h);
	case H1_DRAIN:
		return step_drain(h);
	}
	return false;
}

enum http1_result
http1_run(struct http1 *h, bool *has_more)
{
	bool is_whole;

	for (int i = 0; i < STEPS_PER_TURN; i++) {
		if (is_preface(h, &is_whole)) {
			if (is_whole)
				return HTTP1_PREFACE;
			if (!read_head(h))
				return HTTP1_GO;
			continue;
		}
		if (h->conn->is_dead || !step(h))
			return HTTP1_GO;
	}
	*has_more = true;
	return HTTP1_GO;
}

/* --- deadlines -------------------------------------------------------- */

bool
http1_is_idle(const struct http1 *h)
{
	return h->state == H1_HEAD && h->len == 0 && !h->is_fresh;
}

bool
http1_has_request(const struct http1 *h)
{
	return h->state != H1_HEAD;
}

static void
tick_head(struct http1 *h, uint64_t passed_s)
{
	bool is_idle = http1_is_idle(h);

	if (passed_s <= (is_idle ? HTTP_IDLE_S_MAX : HTTP_HEAD_S_MAX))
		return;
	if (!is_idle)
		h->conn->server->count.timed_out++;
	if (h->len == 0) {
		http_conn_close(h->conn);
		return;
	}
	refuse(h, VERDICT_TIMED_OUT);
}

void
http1_tick(struct http1 *h, uint64_t now_s)
{
	uint64_t passed_s = now_s - h->since_s;

	switch (h->state) {
	case H1_HEAD:
		tick_head(h, passed_s);
		break;
	case H1_BODY:
		if (!http_put_is_slow(&h->x, now_s))
			break;
		h->conn->server->count.timed_out++;
		http_put_end(&h->x);
		http_api_refuse(&h->x, VERDICT_TIMED_OUT);
		break;
	case H1_REPLY:
		break; /* http_conn_tick() */
	case H1_DRAIN:
		if (passed_s > HTTP_DRAIN_S_MAX)
			http_conn_close(h->conn);
		break;
	}
}
