/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/cert_shape.h"

#include <stdbool.h>
#include <string.h>

#define MESSAGE_CERTIFICATE 11

#define DER_INTEGER 0x02
#define DER_SEQUENCE 0x30
#define DER_VERSION 0xa0 /* [0], constructed */

/* The bytes that are left to look at. */
struct view {
	const uint8_t *at;
	size_t len;
};

/* SubjectPublicKeyInfo up to the bytes of the key (RFC 5480, RFC 8410). The
 * last byte of the first two says that the point is not compressed. */
static const uint8_t p256_head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
static const uint8_t p384_head[] = {0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
    0x22, 0x03, 0x62, 0x00, 0x04};
static const uint8_t ed25519_head[] = {
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

static const struct key_form {
	const uint8_t *head;
	size_t head_len;
	size_t len;
} key_forms[] = {
    {p256_head, sizeof(p256_head), 91},
    {p384_head, sizeof(p384_head), 120},
    {ed25519_head, sizeof(ed25519_head), 44},
};

#define KEY_FORMS (sizeof(key_forms) / sizeof(key_forms[0]))

_Static_assert(sizeof(p256_head) + 64 == 91, "P-256");
_Static_assert(sizeof(p384_head) + 96 == 120, "P-384");
_Static_assert(sizeof(ed25519_head) + 32 == 44, "ed25519");

/* Takes `n` bytes off the front. */
static bool
take(struct view *from, size_t n, struct view *out)
{
	if (from->len < n)
		return false;
	*out = (struct view){from->at, n};
	from->at += n;
	from->len -= n;
	return true;
}

/* Takes what a length of `len_bytes` bytes, big-endian, announces. */
static bool
take_counted(struct view *from, size_t len_bytes, struct view *out)
{
	struct view head;
	size_t n = 0;

	if (!take(from, len_bytes, &head))
		return false;
	for (size_t i = 0; i < len_bytes; i++)
		n = n << 8 | head.at[i];
	return take(from, n, out);
}

/* Takes one element of DER with this tag: its content, or all of it. Lengths
 * of more than two bytes are not needed: CERT_BYTES_MAX. */
static bool
take_der(struct view *from, uint8_t tag, struct view *content)
{
	struct view head, rest = *from;

	if (!take(&rest, 2, &head) || head.at[0] != tag)
		return false;
	if (head.at[1] < 0x80) {
		if (!take(&rest, head.at[1], content))
			return false;
	} else if (head.at[1] == 0x81) {
		if (!take_counted(&rest, 1, content) || content->len < 0x80)
			return false;
	} else if (head.at[1] == 0x82) {
		if (!take_counted(&rest, 2, content) || content->len < 0x100)
			return false;
	} else {
		return false;
	}
	*from = rest;
	return true;
}

/* Finds the form of the key. Its length takes one byte in each form. */
static enum cert_error
look_at_key(struct view tbs, struct cert_shape *shape)
{
	const struct key_form *form = key_forms;

	for (; form < key_forms + KEY_FORMS; form++) {
		if (tbs.len < form->len ||
		    memcmp(tbs.at, form->head, form->head_len) != 0)
			continue;
		shape->spki = tbs.at;
		shape->spki_len = form->len;
		return CERT_OK;
	}
	return CERT_KEY;
}

/* RFC 5280, section 4.1: what stands before the key has one order. */
static enum cert_error
look_at_certificate(struct view der, struct cert_shape *shape)
{
	struct view cert, tbs, skipped;

	if (!take_der(&der, DER_SEQUENCE, &cert) || der.len != 0 ||
	    !take_der(&cert, DER_SEQUENCE, &tbs) ||
	    !take_der(&tbs, DER_VERSION, &skipped) ||
	    !take_der(&tbs, DER_INTEGER, &skipped) ||  /* serial number */
	    !take_der(&tbs, DER_SEQUENCE, &skipped) || /* algorithm */
	    !take_der(&tbs, DER_SEQUENCE, &skipped) || /* issuer */
	    !take_der(&tbs, DER_SEQUENCE, &skipped) || /* dates */
	    !take_der(&tbs, DER_SEQUENCE, &skipped))   /* subject */
		return CERT_FORM;
	return look_at_key(tbs, shape);
}

enum cert_error
cert_shape_look(const uint8_t *message, size_t len, struct cert_shape *shape)
{
	struct view rest = {message, len}, type, body, context, list, cert;
	struct view extensions;

	if (!take(&rest, 1, &type) || type.at[0] != MESSAGE_CERTIFICATE ||
	    !take_counted(&rest, 3, &body) || rest.len != 0 ||
	    !take_counted(&body, 1, &context) || context.len != 0 ||
	    !take_counted(&body, 3, &list) || body.len != 0)
		return CERT_FORM;
	if (list.len == 0)
		return CERT_NONE;
	if (!take_counted(&list, 3, &cert) ||
	    !take_counted(&list, 2, &extensions))
		return CERT_FORM;
	if (list.len != 0)
		return CERT_CHAIN;
	if (cert.len > CERT_BYTES_MAX)
		return CERT_LONG;
	shape->cert = cert.at;
	shape->cert_len = cert.len;
	return look_at_certificate(cert, shape);
}
