/* SPDX-License-Identifier: ISC */
#include "dm-net/http/request.h"

#include <string.h>
#include <strings.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/hex.h"
#include "common/limits.h"
#include "common/sha256.h"
#include "common/keys/sshsig.h"
#include "dm-net/http/condition.h"
#include "dm-net/http/http.h"

static const char *const methods[METHOD_COUNT] = {
    [METHOD_OTHER] = "other",
    [METHOD_GET] = "GET",
    [METHOD_HEAD] = "HEAD",
    [METHOD_PUT] = "PUT",
    [METHOD_DELETE] = "DELETE",
};

static const char *const names[FIELD_COUNT] = {
    [FIELD_HOST] = "host",
    [FIELD_ORIGIN] = "origin",
    [FIELD_SEC_FETCH_SITE] = "sec-fetch-site",
    [FIELD_CONTENT_LENGTH] = "content-length",
    [FIELD_CONTENT_TYPE] = "content-type",
    [FIELD_CONTENT_ENCODING] = "content-encoding",
    [FIELD_TRANSFER_ENCODING] = "transfer-encoding",
    [FIELD_EXPECT] = "expect",
    [FIELD_RANGE] = "range",
    [FIELD_IF_RANGE] = "if-range",
    [FIELD_IF_NONE_MATCH] = "if-none-match",
    [FIELD_LAST_EVENT_ID] = "last-event-id",
    [FIELD_X_SIGNEDAT] = "x-signedat",
    [FIELD_X_SIGNEDBY] = "x-signedby",
    [FIELD_X_SIGNATURE] = "x-signature",
    [FIELD_X_VALIDFOR] = "x-validfor",
    [FIELD_X_SHA256] = "x-sha256",
};

enum http_method
http_method_from(const void *text, size_t len)
{
	for (int m = METHOD_OTHER + 1; m < METHOD_COUNT; m++)
		if (strlen(methods[m]) == len &&
		    memcmp(methods[m], text, len) == 0)
			return (enum http_method)m;
	return METHOD_OTHER;
}

const char *
http_method_name(enum http_method m)
{
	return methods[m];
}

enum http_field
http_field_from(const void *name, size_t len)
{
	for (int f = 0; len > 0 && f < FIELD_COUNT; f++)
		if (names[f][0] == (*(const char *)name | 0x20) &&
		    strlen(names[f]) == len &&
		    strncasecmp(names[f], name, len) == 0)
			return (enum http_field)f;
	return FIELD_COUNT;
}

void
http_request_field(struct http_request *r, enum http_field f, struct bytes v)
{
	if (f == FIELD_COUNT)
		return;
	if (r->field[f].data != NULL)
		r->is_repeated = true;
	r->field[f] = v;
}

bool
http_request_has(const struct http_request *r, enum http_field f)
{
	return r->field[f].data != NULL;
}

bool
http_request_length(const struct http_request *r, uint64_t *length)
{
	struct bytes v = r->field[FIELD_CONTENT_LENGTH];

	return v.data != NULL && http_decimal(v.data, v.len, length);
}

bool
http_request_is(
    const struct http_request *r, enum http_field f, const char *text)
{
	struct bytes v = r->field[f];

	return v.data != NULL && v.len == strlen(text) &&
	       strncasecmp((const char *)v.data, text, v.len) == 0;
}

/* --- the X- fields ---------------------------------------------------- */

/* Unix seconds, then perhaps a dot and one to nine digits. */
static bool
parse_signed_at(struct bytes v, uint64_t *ns)
{
	const uint8_t *dot = v.len > 0 ? memchr(v.data, '.', v.len) : NULL;
	size_t whole = dot != NULL ? (size_t)(dot - v.data) : v.len;
	uint64_t s, fraction = 0;

	if (!http_decimal(v.data, whole, &s) || s > SIGNED_AT_NS_MAX / NS_PER_S)
		return false;
	if (dot != NULL) {
		size_t digits = v.len - whole - 1;

		if (digits > 9 || !http_decimal(dot + 1, digits, &fraction))
			return false;
		for (; digits < 9; digits++)
			fraction *= 10;
	}
	*ns = s * NS_PER_S + fraction;
	return true;
}

/* base64 of 64 raw bytes or of a whole SSHSIG blob, which names its key. */
static bool
parse_signature(struct bytes v, struct entry *e, bool *has_key)
{
	uint8_t blob[SSHSIG_BLOB_MAX];
	ssize_t n;

	*has_key = false;
	if (v.data == NULL)
		return false;
	n = base64_decode((const char *)v.data, v.len, blob, sizeof(blob));
	if (n == (ssize_t)sizeof(e->signature)) {
		memcpy(e->signature, blob, sizeof(e->signature));
		return true;
	}
	*has_key =
	    n > 0 && sshsig_decode(blob, (size_t)n, e->signer, e->signature);
	return *has_key;
}

/* X-Signedby, which must agree with the key of a blob. */
static bool
parse_signer(struct bytes v, struct entry *e, bool has_key)
{
	uint8_t key[32];

	if (v.data == NULL)
		return has_key;
	if (base64_decode((const char *)v.data, v.len, key, sizeof(key)) !=
	    (ssize_t)sizeof(key))
		return false;
	if (has_key)
		return memcmp(key, e->signer, sizeof(key)) == 0;
	memcpy(e->signer, key, sizeof(key));
	return true;
}

static enum verdict
parse_fields(const struct http_request *r, struct entry *e, bool *sha256_known,
    const char **why)
{
	const struct bytes *f = r->field;
	bool has_key;

	*why = "X-Signedat must be Unix seconds with at most nine decimals";
	if (f[FIELD_X_SIGNEDAT].data == NULL ||
	    !parse_signed_at(f[FIELD_X_SIGNEDAT], &e->signed_at_ns))
		return VERDICT_BAD_FIELD;
	*why = "X-Signature must be the base64 of 64 bytes, or of an SSHSIG "
	       "blob of an ed25519 key for the namespace " SSHSIG_NAMESPACE;
	if (!parse_signature(f[FIELD_X_SIGNATURE], e, &has_key))
		return VERDICT_BAD_FIELD;
	*why =
	    "X-Signedby must be the base64 of the signer's 32-byte public key";
	if (!parse_signer(f[FIELD_X_SIGNEDBY], e, has_key))
		return VERDICT_BAD_FIELD;
	*why = "X-Validfor must be whole seconds, 0 for no end";
	if (f[FIELD_X_VALIDFOR].data != NULL &&
	    !http_decimal(f[FIELD_X_VALIDFOR].data, f[FIELD_X_VALIDFOR].len,
		&e->valid_for_s))
		return VERDICT_BAD_FIELD;
	*why = "X-Sha256 must be 64 hexadecimal digits";
	*sha256_known = f[FIELD_X_SHA256].data != NULL;
	if (*sha256_known && !hex_decode_any_case(f[FIELD_X_SHA256].data,
				 f[FIELD_X_SHA256].len, e->sha256, 32))
		return VERDICT_BAD_FIELD;
	return VERDICT_OK;
}

enum verdict
http_request_entry(const struct http_request *r,
    const struct http_settings *settings, enum entry_kind kind,
    const char *name, uint64_t size, struct entry *e, bool *sha256_known,
    const char **why)
{
	enum verdict v;

	memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->has_network = settings->has_network;
	if (e->has_network)
		memcpy(e->network, settings->network, sizeof(e->network));
	memcpy(e->name, name, strlen(name) + 1);
	e->size = size;
	v = parse_fields(r, e, sha256_known, why);
	if (v != VERDICT_OK)
		return v;
	*why = "X-Sha256 of a deletion must be the hash of empty content, or "
	       "left out";
	if (kind == ENTRY_DELETE && *sha256_known &&
	    memcmp(e->sha256, sha256_empty, 32) != 0)
		return VERDICT_BAD_FIELD;
	if (kind == ENTRY_DELETE) {
		memcpy(e->sha256, sha256_empty, sizeof(e->sha256));
		*sha256_known = true;
	}
	*why = "X-Signedat or X-Validfor is out of range";
	if (!entry_is_sane(e))
		return VERDICT_BAD_FIELD;
	*why = NULL;
	if (size > settings->max_file_size)
		return VERDICT_TOO_LARGE;
	return *sha256_known || size <= HTTP_NO_SHA256_SIZE_MAX
		   ? VERDICT_OK
		   : VERDICT_SHA256_REQUIRED;
}
