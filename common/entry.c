/* SPDX-License-Identifier: ISC */
#include "common/entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/hex.h"
#include "common/keys/keys.h"
#include "common/log.h"
#include "common/msgpull.h"
#include "common/msgput.h"
#include "common/name.h"
#include "common/sha256.h"
#include "common/keys/sshsig.h"

#define ENTRY_FIELDS 9

bool
entry_is_sane(const struct entry *e)
{
	size_t len = strnlen(e->name, sizeof(e->name));

	if (len == sizeof(e->name) || !name_is_valid(e->name, len))
		return false;
	if (e->signed_at_ns == 0 || e->signed_at_ns > SIGNED_AT_NS_MAX)
		return false;
	if (e->valid_for_s > (UINT64_MAX - e->signed_at_ns) / NS_PER_S)
		return false;
	switch (e->kind) {
	case ENTRY_FILE:
		return true;
	case ENTRY_DELETE:
		return e->size == 0 && e->valid_for_s == 0 &&
		       memcmp(e->sha256, sha256_empty, 32) == 0;
	}
	return false;
}

size_t
entry_text(const struct entry *e, char text[static TEXT_LEN_MAX])
{
	char network[BASE64_LEN(32) + 1] = "-", hex[HEX_SIZE(32)];
	int len;

	if (e->has_network)
		base64_encode(e->network, 32, network);
	len = snprintf(text, TEXT_LEN_MAX,
	    "data-mesher 1\n"
	    "kind: %s\n"
	    "network: %s\n"
	    "name: %s\n"
	    "signed-at: %" PRIu64 ".%09" PRIu64 "\n"
	    "valid-for: %" PRIu64 "\n"
	    "size: %" PRIu64 "\n"
	    "sha256: %s\n",
	    e->kind == ENTRY_DELETE ? "delete" : "file", network, e->name,
	    e->signed_at_ns / NS_PER_S, e->signed_at_ns % NS_PER_S,
	    e->valid_for_s, e->size, hex_encode(e->sha256, 32, hex));
	if (len < 0 || len >= TEXT_LEN_MAX)
		fatal("entry: signed text of %d bytes", len);
	return (size_t)len;
}

void
entry_version(const struct entry *e, uint8_t version[static 32])
{
	uint8_t bytes[32 + TEXT_LEN_MAX];
	size_t len;

	memcpy(bytes, e->signer, 32);
	len = 32 + entry_text(e, (char *)bytes + 32);
	sha256_hash(bytes, len, version);
}

void
entry_rank(const struct entry *e, struct entry_rank *rank)
{
	rank->signed_at_ns = e->signed_at_ns;
	rank->kind = e->kind;
	entry_version(e, rank->version);
}

int
entry_rank_compare(const struct entry_rank *a, const struct entry_rank *b)
{
	if (a->signed_at_ns != b->signed_at_ns)
		return a->signed_at_ns < b->signed_at_ns ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind == ENTRY_FILE ? -1 : 1;
	return memcmp(a->version, b->version, sizeof(a->version));
}

int
entry_compare(const struct entry *a, const struct entry *b)
{
	struct entry_rank ra, rb;

	/* the hashes are only wanted where times and kinds agree */
	if (a->signed_at_ns != b->signed_at_ns)
		return a->signed_at_ns < b->signed_at_ns ? -1 : 1;
	entry_rank(a, &ra);
	entry_rank(b, &rb);
	return entry_rank_compare(&ra, &rb);
}

uint64_t
entry_expires_ns(const struct entry *e)
{
	if (e->valid_for_s == 0)
		return 0;
	return e->signed_at_ns + e->valid_for_s * NS_PER_S;
}

bool
entry_is_expired(const struct entry *e, uint64_t now_ns)
{
	return e->valid_for_s != 0 && entry_expires_ns(e) <= now_ns;
}

size_t
entry_encode(const struct entry *e, uint8_t buf[static ENTRY_SIZE_MAX])
{
	struct msgput w;

	msgput_init(&w, buf, ENTRY_SIZE_MAX);
	msgput_array(&w, ENTRY_FIELDS);
	msgput_u64(&w, e->kind);
	if (e->has_network)
		msgput_bin(&w, e->network, 32);
	else
		msgput_nil(&w);
	msgput_str(&w, e->name, strlen(e->name));
	msgput_u64(&w, e->signed_at_ns);
	msgput_u64(&w, e->valid_for_s);
	msgput_u64(&w, e->size);
	msgput_bin(&w, e->sha256, 32);
	msgput_bin(&w, e->signer, 32);
	msgput_bin(&w, e->signature, 64);
	if (msgput_len(&w) == 0)
		fatal("entry: does not fit in %d bytes", ENTRY_SIZE_MAX);
	return msgput_len(&w);
}

size_t
entry_decode(struct entry *e, const uint8_t *buf, size_t len)
{
	struct msgpull r;
	size_t count, name_len;
	uint64_t kind;
	const char *name;

	memset(e, 0, sizeof(*e));
	msgpull_init(&r, buf, len);
	if (!msgpull_array(&r, ENTRY_FIELDS, &count) || count != ENTRY_FIELDS ||
	    !msgpull_u64(&r, ENTRY_DELETE, &kind))
		return 0;
	e->kind = (enum entry_kind)kind;
	e->has_network = !msgpull_try_nil(&r);
	if (e->has_network)
		msgpull_fixed(&r, e->network, 32);
	if (!msgpull_str(&r, NAME_LEN_MAX, &name, &name_len) ||
	    !name_is_valid(name, name_len))
		return 0;
	memcpy(e->name, name, name_len);
	msgpull_u64(&r, SIGNED_AT_NS_MAX, &e->signed_at_ns);
	msgpull_u64(&r, UINT64_MAX, &e->valid_for_s);
	msgpull_u64(&r, UINT64_MAX, &e->size);
	msgpull_fixed(&r, e->sha256, 32);
	msgpull_fixed(&r, e->signer, 32);
	msgpull_fixed(&r, e->signature, 64);
	if (!msgpull_ok(&r) || !entry_is_sane(e))
		return 0;
	return len - msgpull_left(&r);
}

bool
entry_verify_with(struct key_check *check, const struct entry *e)
{
	char text[TEXT_LEN_MAX];
	size_t len = entry_text(e, text);

	/* for a weak key anybody can forge signatures; the verification refuses
	 * bytes that are no key */
	return key_is_strong_point(e->signer) &&
	       sshsig_verify(check, e->signer, text, len, e->signature);
}

bool
entry_verify(const struct entry *e)
{
	return entry_verify_with(NULL, e);
}
