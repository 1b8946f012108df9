/* SPDX-License-Identifier: ISC */
#include "dm-net/http/head.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"

void
http_head_add(struct http_head *h, const char *name, const char *fmt, ...)
{
	size_t name_len = strlen(name), left;
	char *at = h->text + h->len;
	va_list ap;
	int n;

	left = sizeof(h->text) - h->len;
	if (h->n_fields == HEAD_FIELDS_MAX || name_len + 3 > left)
		fatal("http: a response has too many fields");
	memcpy(at, name, name_len);
	memcpy(at + name_len, ": ", 2);
	left -= name_len + 2;
	va_start(ap, fmt);
	n = vsnprintf(at + name_len + 2, left, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n + 2 > left)
		fatal("http: the field %s of a response is too long", name);
	memcpy(at + name_len + 2 + n, "\r\n", 2);
	h->field[h->n_fields].name = (uint16_t)h->len;
	h->field[h->n_fields].name_len = (uint16_t)name_len;
	h->field[h->n_fields].value = (uint16_t)(h->len + name_len + 2);
	h->field[h->n_fields].value_len = (uint16_t)n;
	h->n_fields++;
	h->len += name_len + 4 + (size_t)n;
}

const char *
http_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
	    {200, "OK"},
	    {201, "Created"},
	    {206, "Partial Content"},
	    {304, "Not Modified"},
	    {400, "Bad Request"},
	    {403, "Forbidden"},
	    {404, "Not Found"},
	    {405, "Method Not Allowed"},
	    {408, "Request Timeout"},
	    {409, "Conflict"},
	    {410, "Gone"},
	    {411, "Length Required"},
	    {413, "Content Too Large"},
	    {415, "Unsupported Media Type"},
	    {416, "Range Not Satisfiable"},
	    {417, "Expectation Failed"},
	    {421, "Misdirected Request"},
	    {422, "Unprocessable Content"},
	    {429, "Too Many Requests"},
	    {431, "Request Header Fields Too Large"},
	    {500, "Internal Server Error"},
	    {503, "Service Unavailable"},
	    {507, "Insufficient Storage"},
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "";
}
