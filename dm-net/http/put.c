/* SPDX-License-Identifier: ISC */
#include "dm-net/http/put.h"

#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "dm-net/http/api.h"
#include "dm-net/http/conn_io.h"
#include "dm-net/http/date.h"
#include "dm-net/http/files.h"
#include "dm-net/http/server.h"
#include "dm-net/store/store_client.h"

static_assert(HTTP_HEAD_MAX <= IPC_CHUNK_MAX, "a body that came with its head");

size_t
http_put_allowed(const struct http_exchange *x)
{
	size_t n;

	if (x->put == NULL || !x->is_judged || x->is_answered)
		return 0;
	n = store_put_allowed(x->put);
	return n < x->body_left ? n : (size_t)x->body_left;
}

void
http_put_body(struct http_exchange *x, const void *data, size_t len)
{
	x->body_left -= len;
	x->rate_bytes += len;
	x->server->count.received_bytes += len;
	store_put_data(x->put, data, len);
	if (x->body_left == 0)
		store_put_end(x->put);
}

bool
http_put_is_slow(struct http_exchange *x, uint64_t now_s)
{
	bool is_waited_for =
	    x->body_left > 0 && !x->is_answered && http_put_allowed(x) > 0;

	if (!is_waited_for || x->rate_since_s == 0) {
		x->rate_since_s = now_s;
		x->rate_bytes = 0;
		return false;
	}
	if (now_s - x->rate_since_s < HTTP_BODY_WINDOW_S)
		return false;
	if (x->rate_bytes < HTTP_BODY_WINDOW_S * HTTP_BODY_RATE_MIN)
		return true;
	x->rate_since_s = now_s;
	x->rate_bytes = 0;
	return false;
}

/* No longer an upload, for the counts. */
static void
put_uncount(struct http_exchange *x)
{
	if (x->is_put)
		x->server->puts--;
	if (x->is_put && x->is_without_sha256)
		x->server->puts_without_sha256--;
	x->is_put = false;
}

void
http_put_end(struct http_exchange *x)
{
	store_put_abort(x->put);
	x->put = NULL;
	put_uncount(x);
}

static void
on_credit(void *ctx, size_t bytes)
{
	struct http_exchange *x = ctx;

	if (!x->is_judged) {
		x->is_judged = true;
		if (x->expects_continue)
			x->via->go_on(x);
	}
	x->via->want_body(x);
}

static void
answer_stored(struct http_exchange *x, enum verdict v)
{
	const struct entry *e = &x->entry;
	struct http_text *t = &x->text;
	char at[HTTP_TIME_SIZE];

	http_time(e->signed_at_ns, at);
	http_text_printf(t, "{\"code\":\"%s\",\"name\":", verdict_code(v));
	http_text_json(t, e->name, strlen(e->name));
	http_text_printf(t, ",\"kind\":\"%s\",\"signed_at\":\"%s\",",
	    e->kind == ENTRY_DELETE ? "delete" : "file", at);
	http_text_printf(t, "\"size\":%" PRIu64 ",\"unchanged\":%s}\n", e->size,
	    v == VERDICT_UNCHANGED ? "true" : "false");
	x->text_ends = true;
	http_api_answer_text(x, verdict_http(v), "application/json");
}

/* Seconds until a version from the future may be tried again. */
static uint64_t
future_s(const struct http_exchange *x)
{
	uint64_t now_ns = clock_unix_ns();
	uint64_t skew_ns = x->server->settings.max_clock_skew_ns;
	uint64_t at_ns = x->entry.signed_at_ns;
	uint64_t ok_ns = at_ns > skew_ns ? at_ns - skew_ns : 0;

	return ok_ns > now_ns ? (ok_ns - now_ns) / NS_PER_S + 1 : 1;
}

static void
on_done(void *ctx, enum verdict v, uint64_t held_signed_at_ns)
{
	struct http_exchange *x = ctx;
	struct http_problem p = {0};

	x->put = NULL;
	put_uncount(x);
	if (verdict_is_ok(v)) {
		/* So that the same client reads what it wrote. */
		http_files_forget_name(x->server->files, x->entry.name);
		answer_stored(x, v);
		return;
	}
	if (v == VERDICT_NOT_NEWER)
		p.held_signed_at_ns = held_signed_at_ns;
	else if (v == VERDICT_SIGNED_IN_FUTURE)
		p.retry_after_s = future_s(x);
	else if (v == VERDICT_TOO_LARGE)
		p.limit = x->server->settings.max_file_size;
	http_api_problem(x, v, &p);
}

/* Judges the fields about the body that are no part of the entry. */
static enum verdict
judge_content(const struct http_exchange *x, const struct http_request *r)
{
	if (x->method == METHOD_DELETE)
		return VERDICT_OK;
	if (!http_request_has(r, FIELD_CONTENT_LENGTH))
		return VERDICT_LENGTH_REQUIRED;
	if (http_request_has(r, FIELD_CONTENT_ENCODING) &&
	    !http_request_is(r, FIELD_CONTENT_ENCODING, "identity"))
		return VERDICT_BAD_MEDIA_TYPE;
	if (http_request_has(r, FIELD_CONTENT_TYPE) &&
	    !http_request_is(r, FIELD_CONTENT_TYPE, "application/octet-stream"))
		return VERDICT_BAD_MEDIA_TYPE;
	return VERDICT_OK;
}

static void
address_text(const struct http_exchange *x, char out[static INET6_ADDRSTRLEN])
{
	inet_ntop(x->conn->address_len == 4 ? AF_INET : AF_INET6,
	    x->conn->address, out, INET6_ADDRSTRLEN);
}

void
http_put_refused(
    const struct http_exchange *x, enum verdict v, const struct entry *e)
{
	const struct http_backend *b = &x->server->backend;
	char from[INET6_ADDRSTRLEN] = "";

	address_text(x, from);
	if (b->refused != NULL)
		b->refused(b->ctx, v, e, from);
}

/* Hands the entry to the store, within the limits on uploads; with all of the
 * body where that came together with the head. */
static enum verdict
put_start(struct http_exchange *x, bool sha256_known)
{
	char from[INET6_ADDRSTRLEN] = "";
	struct store_put_owner owner = {on_credit, on_done, x, from};
	struct http_server *s = x->server;
	bool is_whole =
	    sha256_known && x->body_left > 0 && x->body_left == x->at_hand.len;
	enum verdict v;

	if (s->puts >= HTTP_PUTS_MAX ||
	    (!sha256_known &&
		s->puts_without_sha256 >= HTTP_NO_SHA256_PUTS_MAX))
		return VERDICT_BUSY;
	address_text(x, from);
	if (is_whole)
		v = store_put_whole(s->backend.store, &x->entry, 0,
		    x->at_hand.data, x->at_hand.len, &owner, &x->put);
	else
		v = store_put_begin(s->backend.store, &x->entry, 0,
		    sha256_known, &owner, &x->put);
	if (v != VERDICT_OK)
		return v;
	x->is_put = true;
	x->is_without_sha256 = !sha256_known;
	s->puts++;
	if (!sha256_known)
		s->puts_without_sha256++;
	if (is_whole) {
		s->count.received_bytes += x->body_left;
		x->body_left = 0;
		x->has_taken = true;
	} else if (x->body_left == 0) {
		store_put_end(x->put);
	}
	return VERDICT_OK;
}

void
http_put_begin(struct http_exchange *x, const struct http_request *r,
    const struct http_target *t)
{
	enum entry_kind kind =
	    x->method == METHOD_DELETE ? ENTRY_DELETE : ENTRY_FILE;
	bool sha256_known;
	const char *why = NULL;
	enum verdict v = judge_content(x, r);

	memset(&x->entry, 0, sizeof(x->entry));
	memcpy(x->entry.name, t->name, strlen(t->name) + 1);
	x->entry.kind = kind;
	if (v == VERDICT_OK)
		v = http_request_entry(r, &x->server->settings, kind, t->name,
		    x->body_left, &x->entry, &sha256_known, &why);
	if (v == VERDICT_OK)
		v = put_start(x, sha256_known);
	if (v != VERDICT_OK)
		http_put_refused(x, v, &x->entry);
	if (v == VERDICT_BAD_FIELD) {
		struct http_problem p = {.detail = why};

		http_api_problem(x, v, &p);
	} else if (v != VERDICT_OK) {
		http_api_refuse(x, v);
	}
}
