/* SPDX-License-Identifier: ISC */
#include "tests/double/http_talk.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/log.h"

void
talk_open(struct talk *t, struct http_node *n, const char *address)
{
	memset(t, 0, sizeof(*t));
	t->node = n;
	t->fd = http_node_connect(n, address);
	t->text = xcalloc(1, TALK_MAX);
}

void
talk_close(struct talk *t)
{
	close(t->fd);
	free(t->text);
	http_node_run(t->node);
}

int
talk_send(struct talk *t, const void *data, size_t len)
{
	t->len = http_node_talk(
	    t->node, t->fd, data, len, t->text, TALK_MAX, &t->is_closed);
	return t->len > 12 && memcmp(t->text, "HTTP/1.1 ", 9) == 0
		   ? atoi(t->text + 9)
		   : 0;
}

int
talk_text(struct talk *t, const char *fmt, ...)
{
	char text[40000];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return talk_send(t, text, (size_t)n);
}

int
talk_get(struct talk *t, const char *target, const char *lines)
{
	return talk_text(
	    t, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", target, lines);
}

const char *
talk_field(struct talk *t, const char *name)
{
	static char value[512];
	char key[64];
	const char *at, *end;

	snprintf(key, sizeof(key), "\r\n%s: ", name);
	end = strstr(t->text, "\r\n\r\n");
	at = strstr(t->text, key);
	if (end == NULL || at == NULL || at > end)
		return "";
	at += strlen(key);
	snprintf(
	    value, sizeof(value), "%.*s", (int)(strstr(at, "\r\n") - at), at);
	return value;
}

const char *
talk_body(struct talk *t)
{
	const char *end = strstr(t->text, "\r\n\r\n");

	return end == NULL ? "" : end + 4;
}

void
talk_put_head(char *out, size_t size, const struct entry *e, const char *lines)
{
	char key[BASE64_LEN(32) + 1], signature[BASE64_LEN(64) + 1], hash[65];

	base64_encode(e->signer, 32, key);
	base64_encode(e->signature, 64, signature);
	for (size_t i = 0; i < 32; i++)
		snprintf(hash + 2 * i, 3, "%02x", e->sha256[i]);
	snprintf(out, size,
	    "%s /files/%s HTTP/1.1\r\nHost: localhost\r\n"
	    "Content-Length: %" PRIu64 "\r\nX-Signedat: %" PRIu64 ".%09" PRIu64
	    "\r\nX-Signedby: %s\r\nX-Signature: %s\r\n"
	    "X-Sha256: %s\r\n%s\r\n",
	    e->kind == ENTRY_DELETE ? "DELETE" : "PUT", e->name, e->size,
	    e->signed_at_ns / 1000000000, e->signed_at_ns % 1000000000, key,
	    signature, hash, lines);
}

int
talk_put(struct talk *t, const struct entry *e, const void *content,
    const char *lines)
{
	char head[1200];
	size_t n;
	char *all;
	int status;

	talk_put_head(head, sizeof(head), e, lines);
	n = strlen(head);
	all = xmalloc(n + (size_t)e->size);
	memcpy(all, head, n);
	memcpy(all + n, content, (size_t)e->size);
	status = talk_send(t, all, n + (size_t)e->size);
	free(all);
	return status;
}
