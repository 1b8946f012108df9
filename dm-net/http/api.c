/* SPDX-License-Identifier: ISC */
#include "dm-net/http/api.h"

#include <inttypes.h>
#include <string.h>

#include "common/base64.h"
#include "common/log.h"
#include "dm-net/http/date.h"
#include "dm-net/http/server.h"

static void
count(struct http_exchange *x, int status)
{
	if (status < HTTP_STATUS_MIN || status > HTTP_STATUS_MAX)
		fatal("HTTP status %d", status);
	x->server->count.requests[x->method][status - HTTP_STATUS_MIN]++;
}

void
http_api_answer(
    struct http_exchange *x, int status, const struct http_head *head)
{
	x->is_answered = true;
	x->status = status;
	x->head = head;
	count(x, status);
	x->via->respond(x);
}

void
http_api_answer_text(struct http_exchange *x, int status, const char *type)
{
	http_head_add(&x->own_head, "Content-Type", "%s", type);
	http_head_add(&x->own_head, "X-Content-Type-Options", "nosniff");
	http_head_add(&x->own_head, "Cache-Control", "no-store");
	x->has_length = x->text_ends;
	if (x->has_length)
		http_head_add(&x->own_head, "Content-Length", "%zu",
		    http_text_left(&x->text));
	x->body = BODY_TEXT;
	http_api_answer(x, status, &x->own_head);
}

static void
problem_text(struct http_exchange *x, enum verdict v, int status,
    const struct http_problem *p)
{
	const char *detail =
	    p->detail != NULL ? p->detail : verdict_sentence(v);
	char at[HTTP_TIME_SIZE], key[BASE64_LEN(32) + 1];
	struct http_text *t = &x->text;

	http_text_printf(t, "{\"type\":\"about:blank\",\"title\":\"%s\",",
	    http_reason(status));
	http_text_printf(t, "\"status\":%d,\"code\":\"%s\",\"detail\":", status,
	    verdict_code(v));
	http_text_json(t, detail, strlen(detail));
	if (p->held_signed_at_ns != 0) {
		http_time(p->held_signed_at_ns, at);
		http_text_printf(t, ",\"held_signed_at\":\"%s\"", at);
	}
	if (p->limit != 0)
		http_text_printf(t, ",\"limit\":%" PRIu64, p->limit);
	if (v == VERDICT_BAD_SIGNATURE || v == VERDICT_OTHER_NETWORK) {
		const struct http_settings *s = &x->server->settings;

		base64_encode(s->network, sizeof(s->network), key);
		http_text_printf(t,
		    s->has_network ? ",\"network\":\"%s\""
				   : ",\"network\":null",
		    key);
	}
	http_text_add(t, "}\n", 2);
}

void
http_api_problem(
    struct http_exchange *x, enum verdict v, const struct http_problem *p)
{
	int status = verdict_http(v);
	uint64_t retry_after_s = p->retry_after_s;

	if (x->is_answered)
		return;
	log_debug("http: %s refused: %s", http_method_name(x->method),
	    verdict_code(v));
	if (retry_after_s == 0 && (status == 429 || status == 503))
		retry_after_s = 1;
	problem_text(x, v, status, p);
	if (retry_after_s != 0)
		http_head_add(
		    &x->own_head, "Retry-After", "%" PRIu64, retry_after_s);
	if (p->allow != NULL)
		http_head_add(&x->own_head, "Allow", "%s", p->allow);
	if (p->has_size)
		http_head_add(
		    &x->own_head, "Content-Range", "bytes */%" PRIu64, p->size);
	x->text_ends = true;
	http_api_answer_text(x, status, "application/problem+json");
}

void
http_api_refuse(struct http_exchange *x, enum verdict v)
{
	struct http_problem p = {0};

	if (v == VERDICT_TOO_LARGE)
		p.limit = x->server->settings.max_file_size;
	if (v == VERDICT_SHA256_REQUIRED)
		p.limit = HTTP_NO_SHA256_SIZE_MAX;
	http_api_problem(x, v, &p);
}
