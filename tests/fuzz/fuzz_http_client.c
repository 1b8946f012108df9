/* SPDX-License-Identifier: ISC */
/*
 * Responses as dmctl reads them. However the bytes are cut, what comes out is
 * the same; then the fields of an entry and the members of a JSON body.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dmctl/entry_fields.h"
#include "dmctl/http_response.h"
#include "dmctl/json_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct sum {
	uint64_t hash;
	uint64_t len;
};

static void
on_body(void *ctx, const uint8_t *data, size_t len)
{
	struct sum *s = ctx;

	for (size_t i = 0; i < len; i++)
		s->hash = s->hash * 31 + data[i];
	s->len += len;
}

static void
feed(struct http_response *r, const uint8_t *data, size_t size, size_t piece,
    struct sum *s)
{
	http_response_init(r);
	memset(s, 0, sizeof(*s));
	for (size_t at = 0; at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		if (http_response_feed(r, data + at, n, on_body, s) < n)
			break;
	}
	http_response_end(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const keys[] = {"code", "detail", "network"};
	static struct http_response whole, bytes;
	struct entry e = {.name = "a"};
	struct sum a, b;
	char text[64];

	feed(&whole, data, size, size > 0 ? size : 1, &a);
	feed(&bytes, data, size, 1, &b);
	if (whole.state != bytes.state || whole.status != bytes.status ||
	    a.hash != b.hash || a.len != b.len || a.len > size)
		abort();
	if (whole.state == RESPONSE_DONE && entry_fields_parse(&whole, &e) &&
	    !entry_is_sane(&e))
		abort();
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_scan_text((const char *)data, size, keys[i], text,
			sizeof(text)) == JSON_STRING &&
		    strlen(text) >= sizeof(text))
			abort();
	return 0;
}
