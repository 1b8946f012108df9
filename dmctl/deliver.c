/* SPDX-License-Identifier: ISC */
#include "dmctl/deliver.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/log.h"
#include "dmctl/time_text.h"
#include "dmctl/entry_fields.h"
#include "dmctl/json_scan.h"
#include "dmctl/retry.h"

#define ANSWER_NS_MAX (60 * NS_PER_S) /* the store may wait for its disk */
#define BODY_MAX 8192

/* The result of one attempt. */
enum attempt { ATTEMPT_DONE, ATTEMPT_AGAIN };

static enum attempt __attribute__((format(printf, 4, 5))) not_judged(
    struct delivery *d, enum attempt attempt, int code, const char *fmt, ...)
{
	va_list ap;

	d->is_judged = false;
	d->code = code;
	va_start(ap, fmt);
	vsnprintf(d->text, sizeof(d->text), fmt, ap);
	va_end(ap);
	return attempt;
}

static enum attempt
judged(struct delivery *d, enum verdict verdict, const void *text, size_t len)
{
	d->is_judged = true;
	d->verdict = verdict;
	d->code = verdict_exit(verdict);
	log_escape(text, len, d->text, sizeof(d->text));
	return verdict == VERDICT_BUSY || verdict == VERDICT_NO_STORE ||
		       verdict == VERDICT_STARTING
		   ? ATTEMPT_AGAIN
		   : ATTEMPT_DONE;
}

/* --- over the control socket ------------------------------------------ */

static enum attempt
unreachable(const struct target *t, struct delivery *d, int error)
{
	char text[TARGET_TEXT_MAX];

	if (target_may_come(error))
		return not_judged(d, ATTEMPT_AGAIN, EX_UNAVAILABLE, "%s",
		    target_absent(t, error, text));
	switch (error) {
	case EACCES:
	case EPERM:
		return not_judged(d, ATTEMPT_DONE, EX_NOPERM,
		    "no permission to use %s: run dmctl as root or as a member "
		    "of the group in dm.toml",
		    t->socket);
	case EPROTO:
		return not_judged(d, ATTEMPT_DONE, EX_PROTOCOL,
		    "the answer of dmd at %s is malformed: use dmctl and dmd "
		    "of the same version",
		    t->socket);
	default:
		return not_judged(d, ATTEMPT_DONE, EX_UNAVAILABLE, "%s: %s",
		    t->socket, strerror(error));
	}
}

static enum attempt
try_control(
    const struct target *t, const struct entry *e, int fd, struct delivery *d)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	const struct control_upload request = {
	    .entry = bytes_of(buf, entry_encode(e, buf))};
	uint64_t deadline =
	    retry_deadline(t->args, ANSWER_NS_MAX + time_disk_ns(e->size));
	enum attempt attempt = ATTEMPT_DONE;
	struct control_ask ask;
	enum ask_result result;

	if (control_ask_open(
		&ask, t->socket, CONTROL_UPLOAD, &request, fd, deadline) == -1)
		return unreachable(t, d, errno);
	while ((result = control_ask_next(&ask, deadline)) == ASK_ROW)
		if (ask.answer.kind == ROW_HELD)
			d->held_signed_at_ns = ask.answer.row.held.signed_at_ns;
	if (result == ASK_END)
		attempt = judged(d, ask.answer.verdict,
		    ask.answer.sentence.data, ask.answer.sentence.len);
	else if (result == ASK_LOST)
		attempt = unreachable(t, d, errno);
	else
		attempt = not_judged(d, ATTEMPT_DONE, EX_TEMPFAIL,
		    "dmd at %s does not answer, and may or may not have stored "
		    "the version: check with dmctl show",
		    t->socket);
	control_ask_close(&ask);
	return attempt;
}

/* --- over HTTP -------------------------------------------------------- */

struct body {
	char text[BODY_MAX];
	size_t len;
};

static bool
body_add(void *ctx, const uint8_t *data, size_t len)
{
	struct body *b = ctx;

	if (len > sizeof(b->text) - b->len)
		len = sizeof(b->text) - b->len;
	memcpy(b->text + b->len, data, len);
	b->len += len;
	return true;
}

static bool
verdict_of_code(const char *code, enum verdict *verdict)
{
	for (int v = 0; v < VERDICT_COUNT; v++)
		if (strcmp(verdict_code((enum verdict)v), code) == 0) {
			*verdict = (enum verdict)v;
			return true;
		}
	return false;
}

/* Judges the JSON document that came with the status. */
static enum attempt
judge_body(const struct body *b, int status, struct delivery *d)
{
	char code[64], detail[DELIVER_TEXT_MAX], at[64];
	enum verdict v;

	if (json_scan_text(b->text, b->len, "code", code, sizeof(code)) !=
		JSON_STRING ||
	    !verdict_of_code(code, &v))
		return not_judged(d,
		    status == 503 ? ATTEMPT_AGAIN : ATTEMPT_DONE,
		    status == 503 ? EX_TEMPFAIL : EX_PROTOCOL,
		    "the server is not dmd (HTTP status %d): check --url",
		    status);
	if (json_scan_text(b->text, b->len, "detail", detail, sizeof(detail)) !=
	    JSON_STRING)
		snprintf(detail, sizeof(detail), "%s", verdict_sentence(v));
	if (json_scan_text(b->text, b->len, "held_signed_at", at, sizeof(at)) !=
		JSON_STRING ||
	    !time_parse(at, strlen(at), &d->held_signed_at_ns))
		d->held_signed_at_ns = 0;
	/* with a 2xx dmd says that the version is durable */
	if ((status < 300) != verdict_is_ok(v))
		return not_judged(d, ATTEMPT_DONE, EX_PROTOCOL,
		    "the server is not dmd (HTTP status %d with code %s): "
		    "check --url",
		    status, code);
	return judged(d, v, detail, strlen(detail));
}

static enum attempt
try_http(
    const struct target *t, const struct entry *e, int fd, struct delivery *d)
{
	char fields[ENTRY_FIELDS_TEXT_MAX], path[NAME_LEN_MAX + 8];
	struct body body = {.len = 0};
	const struct http_call call = {
	    .method = e->kind == ENTRY_DELETE ? "DELETE" : "PUT",
	    .path = path,
	    .fields = fields,
	    .has_body = e->kind == ENTRY_FILE,
	    .body_fd = fd,
	    .body_size = e->size,
	    .on_body = body_add,
	    .ctx = &body};
	const struct http_response *r;

	/* the characters of names need no escape in a path */
	snprintf(path, sizeof(path), "/files/%s", e->name);
	entry_fields_format(e, fields);
	switch (http_client_call(t->http, &call, &r)) {
	case HTTP_ANSWERED:
		return judge_body(&body, r->status, d);
	case HTTP_UNREACHABLE:
	case HTTP_LOST:
		return not_judged(d, ATTEMPT_AGAIN, EX_UNAVAILABLE, "%s",
		    http_client_error(t->http));
	case HTTP_UNRESOLVED:
		return not_judged(d, ATTEMPT_DONE, EX_NOHOST, "%s",
		    http_client_error(t->http));
	case HTTP_MALFORMED:
		return not_judged(d, ATTEMPT_DONE, EX_PROTOCOL, "%s",
		    http_client_error(t->http));
	case HTTP_BODY:
	case HTTP_STOPPED:
		break;
	}
	return not_judged(
	    d, ATTEMPT_DONE, EX_DATAERR, "%s", http_client_error(t->http));
}

/* --- patience --------------------------------------------------------- */

void
deliver(struct target *t, const struct entry *e, int fd, struct delivery *d)
{
	enum attempt attempt;
	struct retry p;

	retry_begin(&p, t->args);
	do {
		memset(d, 0, sizeof(*d));
		attempt = t->http != NULL ? try_http(t, e, fd, d)
					  : try_control(t, e, fd, d);
	} while (attempt == ATTEMPT_AGAIN && retry_wait(&p, d->text));
}
