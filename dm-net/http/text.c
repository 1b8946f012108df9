/* SPDX-License-Identifier: ISC */
#include "dm-net/http/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "dm-net/http/http.h"
#include "dm-net/memory.h"

/* More than this is not kept by a text that has run empty. */
#define KEEP_SIZE 4096

void
http_text_clear(struct http_text *t)
{
	if (t->holder != NULL)
		memory_give(t->holder, t->cap);
	free(t->data);
	*t = (struct http_text){.holder = t->holder};
}

size_t
http_text_left(const struct http_text *t)
{
	return t->len - t->off;
}

const char *
http_text_at(const struct http_text *t)
{
	return t->data + t->off;
}

void
http_text_take(struct http_text *t, size_t n)
{
	t->off += n;
	if (t->off < t->len)
		return;
	t->off = t->len = 0;
	if (t->cap > KEEP_SIZE)
		http_text_clear(t);
}

/* Room for n more bytes at the end. */
static void
reserve(struct http_text *t, size_t n)
{
	size_t cap = t->cap == 0 ? 512 : t->cap;

	if (t->cap - t->len >= n)
		return;
	if (t->off > 0) {
		memmove(t->data, t->data + t->off, t->len - t->off);
		t->len -= t->off;
		t->off = 0;
	}
	while (cap - t->len < n)
		cap *= 2;
	if (t->holder != NULL)
		memory_add(t->holder, cap - t->cap);
	t->data = xrealloc(t->data, cap, 1);
	t->cap = cap;
}

void
http_text_add(struct http_text *t, const void *data, size_t len)
{
	if (len == 0)
		return;
	reserve(t, len);
	memcpy(t->data + t->len, data, len);
	t->len += len;
}

void
http_text_printf(struct http_text *t, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		fatal("vsnprintf: %s", fmt);
	reserve(t, (size_t)n + 1);
	vsnprintf(t->data + t->len, (size_t)n + 1, fmt, again);
	va_end(again);
	t->len += (size_t)n;
}

static void
put(void *ctx, const void *data, size_t len)
{
	http_text_add(ctx, data, len);
}

void
http_text_json(struct http_text *t, const void *data, size_t len)
{
	json_string(bytes_of(data, len), put, t);
}
