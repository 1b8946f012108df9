/* SPDX-License-Identifier: ISC */
#include "dm-net/http/list.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base64.h"
#include "common/hex.h"
#include "dm-net/http/api.h"
#include "dm-net/http/date.h"
#include "dm-net/http/page.h"
#include "dm-net/http/server.h"
#include "dm-net/store/store_client.h"

static void walk_ask(struct http_exchange *);

static void
on_row(void *ctx, const struct entry *e)
{
	struct http_exchange *x = ctx;

	http_page_end(x);
	memcpy(x->walk.cursor, e->name, sizeof(x->walk.cursor));
	x->walk.row(x, e);
	x->walk.rows++;
}

/* Once the response has begun its status cannot change: it is cut. */
static void
walk_fail(struct http_exchange *x, enum verdict v)
{
	if (!x->is_answered) {
		http_text_clear(&x->text);
		http_api_refuse(x, v);
		return;
	}
	x->body = BODY_BROKEN;
	x->via->more(x);
}

static void
on_end(void *ctx, enum verdict v, bool more)
{
	struct http_exchange *x = ctx;

	x->asked = 0;
	x->walk.is_asking = false;
	http_page_end(x);
	if (v != VERDICT_OK) {
		walk_fail(x, v);
		return;
	}
	if (!more) {
		x->walk.cursor[0] = '\0';
		x->walk.end(x);
	}
	/* A page without rows: nothing to send yet, so go on. */
	if (!x->text_ends && http_text_left(&x->text) == 0) {
		walk_ask(x);
		return;
	}
	if (x->is_answered)
		x->via->more(x);
	else
		http_api_answer_text(x, 200, x->walk.type);
}

static void
walk_ask(struct http_exchange *x)
{
	struct store_list_owner owner = {on_row, on_end, x};
	enum verdict v;

	if (x->walk.is_asking)
		return;
	if (!http_page_begin(x)) {
		/* Answered, it is pulled again, and waits. */
		if (!x->is_answered)
			http_api_answer_text(x, 200, x->walk.type);
		return;
	}
	v = store_list(x->server->backend.store, x->walk.prefix, x->walk.cursor,
	    IPC_LIST_LIMIT_MAX, &owner, &x->asked);
	x->walk.is_asking = v == VERDICT_OK;
	if (v != VERDICT_OK) {
		http_page_end(x);
		walk_fail(x, v);
	}
}

void
http_walk_pull(struct http_exchange *x)
{
	walk_ask(x);
}

void
http_walk_begin(struct http_exchange *x)
{
	struct store_client *store = x->server->backend.store;

	x->walk.cursor[0] = '\0';
	x->walk.rows = 0;
	x->pull = walk_ask;
	if (x->via->is_taken(x) || !store_client_is_up(store))
		walk_ask(x);
	else
		http_api_answer_text(x, 200, x->walk.type);
}

/* --- GET /files ------------------------------------------------------- */

void
http_list_entry(struct http_text *t, const struct entry *e)
{
	char at[HTTP_TIME_SIZE], end[HTTP_TIME_SIZE + 2] = "null";
	char key[BASE64_LEN(32) + 1], hash[HEX_SIZE(32)];
	uint64_t end_ns = entry_expires_ns(e);

	hex_encode(e->sha256, sizeof(e->sha256), hash);
	http_time(e->signed_at_ns, at);
	if (end_ns != 0) {
		http_time(end_ns, end + 1);
		end[0] = '"';
		strcat(end, "\"");
	}
	base64_encode(e->signer, sizeof(e->signer), key);
	http_text_add(t, "{\"name\":", 8);
	http_text_json(t, e->name, strlen(e->name));
	http_text_printf(
	    t, ",\"size\":%" PRIu64 ",\"sha256\":\"%s\",", e->size, hash);
	http_text_printf(t, "\"signed_at\":\"%s\",\"expires_at\":%s,", at, end);
	http_text_printf(t, "\"signer\":\"%s\",\"kind\":\"%s\"}", key,
	    e->kind == ENTRY_DELETE ? "delete" : "file");
}

static void
list_row(struct http_exchange *x, const struct entry *e)
{
	http_text_add(&x->text, x->walk.rows == 0 ? "[\n" : ",\n", 2);
	http_list_entry(&x->text, e);
}

static void
list_end(struct http_exchange *x)
{
	http_text_add(&x->text, x->walk.rows == 0 ? "[]\n" : "\n]\n", 3);
	x->text_ends = true;
}

void
http_list_begin(struct http_exchange *x, const struct http_request *r,
    const struct http_target *t)
{
	x->walk.row = list_row;
	x->walk.end = list_end;
	x->walk.type = "application/json";
	memcpy(x->walk.prefix, t->prefix, sizeof(x->walk.prefix));
	http_walk_begin(x);
}
