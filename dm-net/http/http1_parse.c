/* SPDX-License-Identifier: ISC */
/*
 * A head is parsed when all of it is here, in one buffer, so that every field
 * is one piece and is borrowed. llhttp runs without any lenient flag; the lines
 * are checked before it.
 */
#include <llhttp.h>
#include <string.h>

#include "common/http_lines.h"
#include "common/limits.h"
#include "dm-net/http/http1.h"
#include "dm-net/http/request.h"

struct parse {
	struct http_request *request;
	enum http_field field;
	unsigned n_fields;
};

static int
on_url(llhttp_t *p, const char *at, size_t len)
{
	struct parse *parse = p->data;

	if (parse->request->target.data != NULL)
		return -1;
	parse->request->target = bytes_of(at, len);
	return 0;
}

static int
on_field(llhttp_t *p, const char *at, size_t len)
{
	struct parse *parse = p->data;

	if (++parse->n_fields > HTTP_HEADERS_MAX)
		return -1;
	if (memchr(at, ' ', len) != NULL)
		return -1;
	parse->field = http_field_from(at, len);
	/* There, even when no value follows. */
	http_request_field(parse->request, parse->field, bytes_of(at, 0));
	return 0;
}

static int
on_value(llhttp_t *p, const char *at, size_t len)
{
	struct parse *parse = p->data;

	if (parse->field == FIELD_COUNT)
		return 0;
	while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
		len--;
	parse->request->field[parse->field] = bytes_of(at, len);
	return 0;
}

/* The body is read without the parser: it has a length or is refused. */
static int
on_head(llhttp_t *p)
{
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_head,
};

static enum http_method
method_of(const llhttp_t *p)
{
	switch (p->method) {
	case HTTP_GET:
		return METHOD_GET;
	case HTTP_HEAD:
		return METHOD_HEAD;
	case HTTP_PUT:
		return METHOD_PUT;
	case HTTP_DELETE:
		return METHOD_DELETE;
	default:
		return METHOD_OTHER;
	}
}

enum verdict
http1_parse(
    const char *head, size_t len, struct http_request *r, bool *keep_alive)
{
	struct parse parse = {.request = r, .field = FIELD_COUNT};
	llhttp_t p;

	memset(r, 0, sizeof(*r));
	if (!http_lines_are_strict(head, len))
		return VERDICT_MALFORMED;
	llhttp_init(&p, HTTP_REQUEST, &settings);
	p.data = &parse;
	if (llhttp_execute(&p, head, len) != HPE_PAUSED ||
	    llhttp_get_error_pos(&p) != head + len)
		return parse.n_fields > HTTP_HEADERS_MAX
			   ? VERDICT_HEAD_TOO_LARGE
			   : VERDICT_MALFORMED;
	if (p.http_major != 1 || p.http_minor > 1 || r->target.data == NULL)
		return VERDICT_MALFORMED;
	r->method = method_of(&p);
	r->is_version_10 = p.http_minor == 0;
	*keep_alive = p.http_minor == 1 && llhttp_should_keep_alive(&p) == 1;
	return VERDICT_OK;
}
