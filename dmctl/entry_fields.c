/* SPDX-License-Identifier: ISC */
#include "dmctl/entry_fields.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/hex.h"
#include "dmctl/time_text.h"

void
entry_fields_format(
    const struct entry *e, char out[static ENTRY_FIELDS_TEXT_MAX])
{
	char signer[BASE64_LEN(32) + 1], signature[BASE64_LEN(64) + 1];
	char hash[HEX_SIZE(32)];

	base64_encode(e->signer, sizeof(e->signer), signer);
	base64_encode(e->signature, sizeof(e->signature), signature);
	snprintf(out, ENTRY_FIELDS_TEXT_MAX,
	    "X-Signedat: %" PRIu64 ".%09" PRIu64 "\r\n"
	    "X-Signedby: %s\r\nX-Signature: %s\r\n"
	    "X-Validfor: %" PRIu64 "\r\nX-Sha256: %s\r\n",
	    e->signed_at_ns / NS_PER_S, e->signed_at_ns % NS_PER_S, signer,
	    signature, e->valid_for_s, hex_encode(e->sha256, 32, hash));
}

/* Digits only, at most 19 of them and at most 2^63. */
static bool
parse_number(const uint8_t *p, size_t len, uint64_t *out)
{
	*out = 0;
	if (len == 0 || len > 19)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		*out = *out * 10 + (uint64_t)(p[i] - '0');
	}
	return *out <= INT64_MAX;
}

/* Unix seconds, a dot and nine digits: the form that dmd writes. */
static bool
parse_signed_at(struct bytes v, uint64_t *ns)
{
	uint64_t s, fraction;

	if (v.len < 11 || v.data[v.len - 10] != '.' ||
	    !parse_number(v.data, v.len - 10, &s) ||
	    !parse_number(v.data + v.len - 9, 9, &fraction) ||
	    s > SIGNED_AT_NS_MAX / NS_PER_S)
		return false;
	*ns = s * NS_PER_S + fraction;
	return true;
}

static bool
parse_base64(struct bytes v, uint8_t *out, size_t size)
{
	return v.data != NULL && base64_decode((const char *)v.data, v.len, out,
				     size) == (ssize_t)size;
}

bool
entry_fields_parse(const struct http_response *r, struct entry *e)
{
	struct bytes at = http_response_field(r, "X-Signedat");
	struct bytes by = http_response_field(r, "X-Signedby");
	struct bytes signature = http_response_field(r, "X-Signature");
	struct bytes valid = http_response_field(r, "X-Validfor");
	struct bytes hash = http_response_field(r, "X-Sha256");
	struct bytes length = http_response_field(r, "Content-Length");

	e->kind = ENTRY_FILE;
	return parse_signed_at(at, &e->signed_at_ns) &&
	       parse_base64(by, e->signer, sizeof(e->signer)) &&
	       parse_base64(signature, e->signature, sizeof(e->signature)) &&
	       parse_number(valid.data, valid.len, &e->valid_for_s) &&
	       hex_decode(hash.data, hash.len, e->sha256, 32) &&
	       parse_number(length.data, length.len, &e->size) &&
	       entry_is_sane(e);
}
