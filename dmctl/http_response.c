/* SPDX-License-Identifier: ISC */
/*
 * A head is parsed when all of it is here, in one buffer. llhttp runs without
 * any lenient flag; what it takes and this protocol does not need is refused:
 * statuses out of range, an upgrade, any coding but chunked alone.
 */
#include "dmctl/http_response.h"

#include <llhttp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/http_lines.h"
#include "common/log.h"

#define INTERIMS_MAX 16
#define STATUS_END 12 /* bytes of "HTTP/1.1 200" */

struct response_parser {
	llhttp_t llhttp;
	http_body_fn *body;
	void *ctx;
	const char *from; /* of this feed: behind what was counted */
	size_t framing;	  /* bytes since the last piece of the body */
};

void
http_response_init(struct http_response *r)
{
	if (r->parser == NULL)
		r->parser = xcalloc(1, sizeof(*r->parser));
	r->state = RESPONSE_HEAD;
	r->status = 0;
	r->is_continue = false;
	r->may_keep_alive = false;
	r->head_len = 0;
	r->interims = 0;
}

void
http_response_clear(struct http_response *r)
{
	free(r->parser);
	r->parser = NULL;
}

/* --- fields ----------------------------------------------------------- */

/* The next line of the head, without its CRLF; false behind the last. */
static bool
next_line(const struct http_response *r, size_t *at, struct bytes *line)
{
	const char *start = r->head + *at;
	const char *end = memmem(start, r->head_len - *at, "\r\n", 2);

	if (end == NULL || end == start)
		return false;
	*line = bytes_of(start, (size_t)(end - start));
	*at += line->len + 2;
	return true;
}

/* "name: value"; false: another field. */
static bool
is_field(struct bytes line, const char *name, struct bytes *value)
{
	const uint8_t *from = line.data, *end = line.data + line.len;
	size_t len = strlen(name);

	if (line.len <= len || from[len] != ':' ||
	    strncasecmp((const char *)from, name, len) != 0)
		return false;
	for (from += len + 1; from < end && (*from == ' ' || *from == '\t');)
		from++;
	while (end > from && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*value = bytes_of(from, (size_t)(end - from));
	return true;
}

/* How often the field is there; *value is the first one's. */
static size_t
count_field(
    const struct http_response *r, const char *name, struct bytes *value)
{
	struct bytes line, v;
	size_t at = 0, n = 0;

	*value = bytes_of(NULL, 0);
	next_line(r, &at, &line); /* the status line */
	while (next_line(r, &at, &line))
		if (is_field(line, name, &v) && n++ == 0)
			*value = v;
	return n;
}

struct bytes
http_response_field(const struct http_response *r, const char *name)
{
	struct bytes value;

	count_field(r, name, &value);
	return value;
}

/* --- what llhttp finds ------------------------------------------------ */

/* Of the head or of the trailers; some releases let a blank into it. */
static int
on_field(llhttp_t *p, const char *at, size_t len)
{
	return memchr(at, ' ', len) != NULL ? HPE_USER : HPE_OK;
}

/* At most one framing, which llhttp knows how to read. */
static bool
framing_is_plain(const struct http_response *r)
{
	struct bytes length, coding;
	size_t lengths = count_field(r, "content-length", &length);
	size_t codings = count_field(r, "transfer-encoding", &coding);

	if (lengths + codings > 1 || (lengths == 1 && length.len == 0))
		return false;
	return codings == 0 ||
	       (coding.len == 7 &&
		   strncasecmp((const char *)coding.data, "chunked", 7) == 0);
}

/* The head is over. 1: no body follows, whatever it says. */
static int
on_head(llhttp_t *p)
{
	struct http_response *r = p->data;
	int status = llhttp_get_status_code(p);

	/* nothing was to be switched */
	if (status < 100 || status > 599 || status == 101 ||
	    !framing_is_plain(r))
		return -1;
	if (status < 200) {
		r->is_continue = r->is_continue || status == 100;
		return ++r->interims > INTERIMS_MAX ? -1 : 1;
	}
	r->status = status;
	r->may_keep_alive = llhttp_should_keep_alive(p) == 1;
	r->state = RESPONSE_BODY;
	return status == 204 || status == 304;
}

/* Counts what came between two pieces of the body, up to `to`. */
static bool
framing_is_short(struct response_parser *p, const char *to)
{
	p->framing += (size_t)(to - p->from);
	p->from = to;
	return p->framing <= HTTP_RESPONSE_FRAMING_MAX;
}

static int
on_body(llhttp_t *llhttp, const char *at, size_t len)
{
	struct http_response *r = llhttp->data;
	struct response_parser *p = r->parser;

	if (!framing_is_short(p, at))
		return HPE_USER;
	p->from = at + len;
	p->framing = 0;
	p->body(p->ctx, (const uint8_t *)at, len);
	return HPE_OK;
}

/* Nothing behind it is looked at. */
static int
on_message(llhttp_t *p)
{
	struct http_response *r = p->data;

	if (r->state == RESPONSE_BODY)
		r->state = RESPONSE_DONE;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_field,
    .on_headers_complete = on_head,
    .on_body = on_body,
    .on_message_complete = on_message,
};

/* --- all of it -------------------------------------------------------- */

/* "HTTP/1.1 200" and no digit more. */
static bool
begins_as_http(const struct http_response *r)
{
	return r->head_len > STATUS_END && memcmp(r->head, "HTTP/1.", 7) == 0 &&
	       (r->head[STATUS_END] == ' ' || r->head[STATUS_END] == '\r');
}

/* The whole head is here; on_head() says what it is. */
static void
parse_head(struct http_response *r)
{
	llhttp_t *p = &r->parser->llhttp;
	llhttp_errno_t error;

	if (!begins_as_http(r) ||
	    !http_lines_are_strict(r->head, r->head_len)) {
		r->state = RESPONSE_BAD;
		return;
	}
	llhttp_init(p, HTTP_RESPONSE, &settings);
	p->data = r;
	r->parser->framing = 0;
	error = llhttp_execute(p, r->head, r->head_len);
	if (error == HPE_OK && r->state == RESPONSE_BODY)
		return;
	if (error != HPE_PAUSED ||
	    llhttp_get_error_pos(p) != r->head + r->head_len)
		r->state = RESPONSE_BAD;
	else if (r->state == RESPONSE_HEAD)
		r->head_len = 0; /* an interim one */
}

static void
take_head(struct http_response *r, uint8_t c)
{
	if (r->head_len == sizeof(r->head)) {
		r->state = RESPONSE_BAD;
		return;
	}
	r->head[r->head_len++] = (char)c;
	if (r->head_len >= 4 &&
	    memcmp(r->head + r->head_len - 4, "\r\n\r\n", 4) == 0)
		parse_head(r);
}

/* Bytes that were taken of a body and its framing. */
static size_t
take_body(struct http_response *r, const char *data, size_t len)
{
	struct response_parser *p = r->parser;
	llhttp_errno_t error;
	const char *end = data + len;

	p->from = data;
	error = llhttp_execute(&p->llhttp, data, len);
	if (error == HPE_PAUSED && r->state == RESPONSE_DONE)
		end = llhttp_get_error_pos(&p->llhttp);
	else if (error != HPE_OK)
		r->state = RESPONSE_BAD;
	if (!framing_is_short(p, end))
		r->state = RESPONSE_BAD;
	return (size_t)(end - data);
}

size_t
http_response_feed(struct http_response *r, const uint8_t *data, size_t len,
    http_body_fn *body, void *ctx)
{
	size_t at = 0;

	r->parser->body = body;
	r->parser->ctx = ctx;
	while (at < len && r->state == RESPONSE_HEAD)
		take_head(r, data[at++]);
	if (at < len && r->state == RESPONSE_BODY)
		at += take_body(r, (const char *)data + at, len - at);
	return at;
}

void
http_response_end(struct http_response *r)
{
	r->may_keep_alive = false;
	if (r->state == RESPONSE_BODY)
		llhttp_finish(&r->parser->llhttp); /* on_message(), or error */
	if (r->state != RESPONSE_DONE)
		r->state = RESPONSE_BAD;
}
