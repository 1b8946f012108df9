/* SPDX-License-Identifier: ISC */
#include "common/keys/sshwire.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "common/base64.h"
#include "common/log.h"

#define LINE_BYTES 210 /* three lines of 70 characters hold them exactly */

static const uint8_t nothing[1];

/* The next n bytes, or NULL and the reader is bad. */
static const uint8_t *
take(struct sshwire_reader *r, size_t n)
{
	const uint8_t *p = r->data;

	if (r->bad || n > r->len) {
		r->bad = true;
		return NULL;
	}
	r->data += n;
	r->len -= n;
	return p;
}

uint32_t
sshwire_get_u32(struct sshwire_reader *r)
{
	const uint8_t *p = take(r, 4);

	if (p == NULL)
		return 0;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

const uint8_t *
sshwire_get_string(struct sshwire_reader *r, size_t *len)
{
	size_t n = sshwire_get_u32(r);
	const uint8_t *p = take(r, n);

	*len = p == NULL ? 0 : n;
	return p == NULL ? nothing : p;
}

void
sshwire_get_fixed(struct sshwire_reader *r, uint8_t *out, size_t size)
{
	size_t len;
	const uint8_t *p = sshwire_get_string(r, &len);

	if (len != size)
		r->bad = true;
	if (r->bad)
		memset(out, 0, size);
	else
		memcpy(out, p, size);
}

void
sshwire_expect(struct sshwire_reader *r, const char *text)
{
	size_t len;
	const uint8_t *p = sshwire_get_string(r, &len);

	if (len != strlen(text) || memcmp(p, text, len) != 0)
		r->bad = true;
}

bool
sshwire_is_done(const struct sshwire_reader *r)
{
	return !r->bad && r->len == 0;
}

void
sshwire_put_raw(struct sshwire_writer *w, const void *data, size_t len)
{
	if (len > w->cap - w->len)
		fatal("sshwire: no room for %zu bytes", len);
	if (len > 0)
		memcpy(w->data + w->len, data, len);
	w->len += len;
}

void
sshwire_put_u32(struct sshwire_writer *w, uint32_t v)
{
	uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16),
	    (uint8_t)(v >> 8), (uint8_t)v};

	sshwire_put_raw(w, b, sizeof(b));
}

void
sshwire_put_string(struct sshwire_writer *w, const void *data, size_t len)
{
	sshwire_put_u32(w, (uint32_t)len);
	sshwire_put_raw(w, data, len);
}

void
sshwire_put_text(struct sshwire_writer *w, const char *text)
{
	sshwire_put_string(w, text, strlen(text));
}

void
sshwire_put_key(struct sshwire_writer *w, const uint8_t key[static 32])
{
	sshwire_put_u32(w, SSHWIRE_KEY_SIZE);
	sshwire_put_text(w, SSHWIRE_ED25519);
	sshwire_put_string(w, key, 32);
}

size_t
sshwire_armor(const char *label, const uint8_t *data, size_t len, char *out)
{
	char lines[BASE64_LEN(LINE_BYTES) + 1];
	char *o = out;

	o += sprintf(o, "-----BEGIN %s-----\n", label);
	while (len > 0) {
		size_t n = len < LINE_BYTES ? len : LINE_BYTES;
		size_t chars = base64_encode(data, n, lines);

		for (size_t i = 0; i < chars; i += 70) {
			size_t line = chars - i < 70 ? chars - i : 70;

			memcpy(o, lines + i, line);
			o += line;
			*o++ = '\n';
		}
		data += n;
		len -= n;
	}
	OPENSSL_cleanse(lines, sizeof(lines)); /* of a private key */
	o += sprintf(o, "-----END %s-----\n", label);
	return (size_t)(o - out);
}
