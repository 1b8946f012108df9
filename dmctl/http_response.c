/* SPDX-License-Identifier: ISC */
#include "dmctl/http_response.h"

#include <string.h>
#include <strings.h>

#define INTERIMS_MAX 16
#define TRAILERS_MAX 8192 /* bytes of all of them */
#define TOKEN                       \
	"!#$%&'*+-.^_`|~0123456789" \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

void
http_response_init(struct http_response *r)
{
	r->state = RESPONSE_HEAD;
	r->status = 0;
	r->is_continue = false;
	r->may_keep_alive = false;
	r->left = 0;
	r->head_len = 0;
	r->line_len = 0;
	r->trailer_bytes = 0;
	r->interims = 0;
}

/* --- lines of a head -------------------------------------------------- */

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

/* "Name: value" into its parts; false if it is none. */
static bool
split_field(struct bytes line, struct bytes *name, struct bytes *value)
{
	const uint8_t *colon = memchr(line.data, ':', line.len);
	const uint8_t *end = line.data + line.len, *from;

	if (colon == NULL || colon == line.data)
		return false;
	for (const uint8_t *p = line.data; p < colon; p++)
		if (*p == '\0' || strchr(TOKEN, *p) == NULL)
			return false;
	for (const uint8_t *p = colon; p < end; p++)
		if ((*p < ' ' && *p != '\t') || *p == 0x7f)
			return false;
	for (from = colon + 1; from < end && (*from == ' ' || *from == '\t');)
		from++;
	while (end > from && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*name = bytes_of(line.data, (size_t)(colon - line.data));
	*value = bytes_of(from, (size_t)(end - from));
	return true;
}

static bool
is_text(struct bytes b, const char *text)
{
	return b.len == strlen(text) &&
	       strncasecmp((const char *)b.data, text, b.len) == 0;
}

/* How often the field is there; *value is the first one's. */
static size_t
count_field(
    const struct http_response *r, const char *wanted, struct bytes *value)
{
	struct bytes line, name, v;
	size_t at = 0, n = 0;

	*value = bytes_of(NULL, 0);
	next_line(r, &at, &line); /* the status line */
	while (next_line(r, &at, &line)) {
		if (!split_field(line, &name, &v) || !is_text(name, wanted))
			continue;
		if (n++ == 0)
			*value = v;
	}
	return n;
}

struct bytes
http_response_field(const struct http_response *r, const char *name)
{
	struct bytes value;

	count_field(r, name, &value);
	return value;
}

/* "HTTP/1.1 200 OK" */
static bool
parse_status(struct http_response *r, struct bytes line, int *status)
{
	const uint8_t *p = line.data;

	if (line.len < 12 || memcmp(p, "HTTP/1.", 7) != 0 ||
	    (p[7] != '0' && p[7] != '1') || p[8] != ' ' || p[9] < '1' ||
	    p[9] > '5' || p[10] < '0' || p[10] > '9' || p[11] < '0' ||
	    p[11] > '9' || (line.len > 12 && p[12] != ' '))
		return false;
	*status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
	r->may_keep_alive = p[7] == '1';
	return true;
}

/* Decimal digits only, at most 18 of them. */
static bool
parse_length(struct bytes b, uint64_t *out)
{
	*out = 0;
	if (b.len == 0 || b.len > 18)
		return false;
	for (size_t i = 0; i < b.len; i++) {
		if (b.data[i] < '0' || b.data[i] > '9')
			return false;
		*out = *out * 10 + (uint64_t)(b.data[i] - '0');
	}
	return true;
}

/* Which state reads the body that this head announces. */
static enum http_response_state
judge_framing(struct http_response *r)
{
	struct bytes length, coding, connection;
	size_t lengths = count_field(r, "content-length", &length);
	size_t codings = count_field(r, "transfer-encoding", &coding);

	if (count_field(r, "connection", &connection) > 0 &&
	    !is_text(connection, "keep-alive"))
		r->may_keep_alive = false;
	if (lengths > 1 || codings > 1 || (lengths > 0 && codings > 0))
		return RESPONSE_BAD;
	if (r->status == 204 || r->status == 304)
		return RESPONSE_DONE;
	if (codings > 0)
		return is_text(coding, "chunked") ? RESPONSE_CHUNK_HEAD
						  : RESPONSE_BAD;
	if (lengths > 0) {
		if (!parse_length(length, &r->left))
			return RESPONSE_BAD;
		return r->left > 0 ? RESPONSE_LENGTH : RESPONSE_DONE;
	}
	r->may_keep_alive = false;
	return RESPONSE_UNTIL_END;
}

/* The whole head is here. */
static enum http_response_state
judge_head(struct http_response *r)
{
	struct bytes line, name, value;
	size_t at = 0;
	int status;

	if (!next_line(r, &at, &line) || !parse_status(r, line, &status))
		return RESPONSE_BAD;
	while (next_line(r, &at, &line))
		if (!split_field(line, &name, &value))
			return RESPONSE_BAD;
	if (status == 101)
		return RESPONSE_BAD; /* nothing was to be switched */
	if (status < 200) {
		if (++r->interims > INTERIMS_MAX)
			return RESPONSE_BAD;
		r->is_continue = r->is_continue || status == 100;
		r->head_len = 0;
		return RESPONSE_HEAD;
	}
	r->status = status;
	return judge_framing(r);
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
		r->state = judge_head(r);
}

/* --- chunks ----------------------------------------------------------- */

/* "1a2b" or "1a2b;extension" */
static bool
parse_chunk_size(const char *line, size_t len, uint64_t *out)
{
	size_t i;

	*out = 0;
	for (i = 0; i < len && line[i] != ';' && line[i] != ' '; i++) {
		int c = line[i] | 0x20;

		if (i == 15)
			return false;
		if (c >= '0' && c <= '9')
			*out = *out << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*out = *out << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	return i > 0;
}

/* A whole line of the framing is here, without its CRLF. */
static enum http_response_state
judge_line(struct http_response *r)
{
	size_t len = r->line_len;

	r->line_len = 0;
	if (r->state == RESPONSE_CHUNK_END)
		return len == 0 ? RESPONSE_CHUNK_HEAD : RESPONSE_BAD;
	if (r->state == RESPONSE_TRAILER)
		return len == 0 ? RESPONSE_DONE : RESPONSE_TRAILER;
	if (!parse_chunk_size(r->line, len, &r->left))
		return RESPONSE_BAD;
	return r->left > 0 ? RESPONSE_CHUNK : RESPONSE_TRAILER;
}

static void
take_line(struct http_response *r, uint8_t c)
{
	if (r->state == RESPONSE_TRAILER && ++r->trailer_bytes > TRAILERS_MAX) {
		r->state = RESPONSE_BAD;
		return;
	}
	if (c == '\n') {
		if (r->line_len == 0 || r->line[r->line_len - 1] != '\r') {
			r->state = RESPONSE_BAD;
			return;
		}
		r->line_len--;
		r->state = judge_line(r);
		return;
	}
	if (r->line_len == sizeof(r->line)) {
		r->state = RESPONSE_BAD;
		return;
	}
	r->line[r->line_len++] = (char)c;
}

/* --- all of it -------------------------------------------------------- */

/* Bytes of body from what is there. */
static size_t
take_body(struct http_response *r, const uint8_t *data, size_t len,
    http_body_fn *body, void *ctx)
{
	if (r->state != RESPONSE_UNTIL_END) {
		if (len > r->left)
			len = (size_t)r->left;
		r->left -= len;
	}
	body(ctx, data, len);
	if (r->state == RESPONSE_LENGTH && r->left == 0)
		r->state = RESPONSE_DONE;
	else if (r->state == RESPONSE_CHUNK && r->left == 0)
		r->state = RESPONSE_CHUNK_END;
	return len;
}

size_t
http_response_feed(struct http_response *r, const uint8_t *data, size_t len,
    http_body_fn *body, void *ctx)
{
	size_t at = 0;

	while (at < len) {
		switch (r->state) {
		case RESPONSE_HEAD:
			take_head(r, data[at++]);
			break;
		case RESPONSE_LENGTH:
		case RESPONSE_UNTIL_END:
		case RESPONSE_CHUNK:
			at += take_body(r, data + at, len - at, body, ctx);
			break;
		case RESPONSE_CHUNK_HEAD:
		case RESPONSE_CHUNK_END:
		case RESPONSE_TRAILER:
			take_line(r, data[at++]);
			break;
		case RESPONSE_DONE:
		case RESPONSE_BAD:
			return at;
		}
	}
	return at;
}

void
http_response_end(struct http_response *r)
{
	r->may_keep_alive = false;
	if (r->state == RESPONSE_UNTIL_END)
		r->state = RESPONSE_DONE;
	else if (r->state != RESPONSE_DONE)
		r->state = RESPONSE_BAD;
}
