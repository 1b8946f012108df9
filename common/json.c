/* SPDX-License-Identifier: ISC */
#include "common/json.h"

#include <stdint.h>
#include <stdio.h>

#include "common/utf8.h"

/*
 * The escape for the character at p, of n bytes (0: not UTF-8); NULL: it needs
 * none. room is the memory for an escape that is made here.
 */
static const char *
escape(const uint8_t *p, size_t n, char room[static 8])
{
	if (n == 0)
		return "\\ufffd";
	if (*p == '"')
		return "\\\"";
	if (*p == '\\')
		return "\\\\";
	if (*p < 0x20 || *p == 0x7f)
		snprintf(room, 8, "\\u%04x", *p);
	else if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0)
		snprintf(room, 8, "\\u%04x", p[1]);
	else
		return NULL;
	return room;
}

void
json_string(struct bytes text, json_put_fn *put, void *ctx)
{
	size_t from = 0, at = 0;
	const char *other;
	char room[8];

	put(ctx, "\"", 1);
	while (at < text.len) {
		size_t n = utf8_len(text.data + at, text.len - at);

		other = escape(text.data + at, n, room);
		if (other == NULL) {
			at += n;
			continue;
		}
		if (at > from)
			put(ctx, text.data + from, at - from);
		put(ctx, other, bytes_text(other).len);
		at += n > 0 ? n : 1;
		from = at;
	}
	if (at > from)
		put(ctx, text.data + from, at - from);
	put(ctx, "\"", 1);
}
