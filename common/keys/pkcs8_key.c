/* SPDX-License-Identifier: ISC */
#include "common/keys/pkcs8_key.h"

#include <stdbool.h>
#include <string.h>

/* Tags (X.690). The last two are [0] attributes and [1] publicKey. */
enum {
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_OID = 0x06,
	DER_SEQUENCE = 0x30,
	DER_ATTRIBUTES = 0xa0,
	DER_PUBLIC_KEY = 0x81,
	DER_PUBLIC_KEY_EXPLICIT = 0xa1,
};

static const uint8_t ed25519_oid[] = {0x2b, 0x65, 0x70}; /* 1.3.101.112 */

/* The rest of a value. Nothing is read after len, or once it is bad. */
struct der {
	const uint8_t *data;
	size_t len;
	bool bad;
};

/* The length after a tag, in its shortest form, at most two bytes long: no key
 * file has more. */
static size_t
der_length(struct der *d)
{
	size_t n = 0, bytes;

	if (d->len < 2)
		goto bad;
	if (d->data[1] < 0x80) {
		n = d->data[1];
		bytes = 0;
	} else {
		bytes = d->data[1] & 0x7f;
		if (bytes == 0 || bytes > 2 || d->len < 2 + bytes)
			goto bad;
		for (size_t i = 0; i < bytes; i++)
			n = n << 8 | d->data[2 + i];
		if (n < 0x80 || (bytes == 2 && n < 0x100))
			goto bad;
	}
	d->data += 2 + bytes;
	d->len -= 2 + bytes;
	if (n <= d->len)
		return n;
bad:
	d->bad = true;
	return 0;
}

/* Takes the next element, which must have this tag, off the front. */
static struct der
der_take(struct der *d, uint8_t tag)
{
	struct der inner = {NULL, 0, true};

	if (d->bad || d->len == 0 || d->data[0] != tag) {
		d->bad = true;
		return inner;
	}
	inner.len = der_length(d);
	if (d->bad)
		return inner;
	inner.data = d->data;
	inner.bad = false;
	d->data += inner.len;
	d->len -= inner.len;
	return inner;
}

static bool
der_next_is(const struct der *d, uint8_t tag)
{
	return !d->bad && d->len > 0 && d->data[0] == tag;
}

static bool
der_equals(const struct der *d, const uint8_t *data, size_t len)
{
	return !d->bad && d->len == len && memcmp(d->data, data, len) == 0;
}

/* 0 or 1 in *version. */
static bool
take_version(struct der *d, uint8_t *version)
{
	struct der number = der_take(d, DER_INTEGER);

	if (number.bad || number.len != 1 || number.data[0] > 1)
		return false;
	*version = number.data[0];
	return true;
}

/*
 * The 32 bytes of the public key, NULL if there is none. RFC 5958 tags the BIT
 * STRING implicitly; ring before 0.17 wrote it inside the tag.
 */
static const uint8_t *
take_public(struct der *d)
{
	struct der bits = *d;

	if (d->len == 0)
		return NULL;
	if (der_next_is(d, DER_PUBLIC_KEY_EXPLICIT)) {
		struct der outer = der_take(d, DER_PUBLIC_KEY_EXPLICIT);

		bits = der_take(&outer, DER_BIT_STRING);
		d->bad = d->bad || outer.bad || outer.len != 0;
	} else {
		bits = der_take(d, DER_PUBLIC_KEY);
	}
	/* the first byte counts bits that are not used */
	if (d->bad || bits.bad || bits.len != 33 || bits.data[0] != 0) {
		d->bad = true;
		return NULL;
	}
	return bits.data + 1;
}

/* The algorithm is ed25519, which has no parameters (RFC 8410, section 3). */
static enum key_error
take_algorithm(struct der *d)
{
	struct der algorithm = der_take(d, DER_SEQUENCE);
	struct der oid = der_take(&algorithm, DER_OID);

	if (oid.bad)
		return KEY_MALFORMED;
	if (!der_equals(&oid, ed25519_oid, sizeof(ed25519_oid)))
		return KEY_OTHER_TYPE;
	return algorithm.len == 0 ? KEY_OK : KEY_MALFORMED;
}

enum key_error
pkcs8_key_parse(const uint8_t *der, size_t len, struct key_pair *pair)
{
	struct der all = {der, len, false};
	struct der key = der_take(&all, DER_SEQUENCE), secret, seed;
	const uint8_t *public_key = NULL;
	enum key_error err;
	uint8_t version;

	if (all.bad || all.len != 0 || !take_version(&key, &version))
		return KEY_MALFORMED;
	err = take_algorithm(&key);
	if (err != KEY_OK)
		return err;
	secret = der_take(&key, DER_OCTET_STRING);
	seed = der_take(&secret, DER_OCTET_STRING); /* CurvePrivateKey */
	if (der_next_is(&key, DER_ATTRIBUTES))
		(void)der_take(&key, DER_ATTRIBUTES); /* none that we know */
	if (version == 1)
		public_key = take_public(&key);
	if (seed.bad || seed.len != 32 || secret.len != 0 || key.bad ||
	    key.len != 0)
		return KEY_MALFORMED;
	key_from_seed(pair, seed.data);
	if (public_key == NULL || memcmp(public_key, pair->public_key, 32) == 0)
		return KEY_OK;
	key_clear(pair);
	return KEY_MISMATCH;
}
