/* SPDX-License-Identifier: ISC */
#include "dm-store/row.h"

#include <string.h>

#include "common/log.h"
#include "common/name.h"
#include "common/verdict.h"

#define KIND_BIT (UINT64_C(1) << 63)

void
row_put_u64(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

uint64_t
row_get_u64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

/* --- the seal --------------------------------------------------------- */

/* FNV-1a, 64 bits: cheap enough for a walk over a million rows. */
static uint64_t
fnv(uint64_t h, const uint8_t *p, size_t len)
{
	while (len-- > 0)
		h = (h ^ *p++) * UINT64_C(0x100000001b3);
	return h;
}

static uint64_t
check(unsigned table, const void *key, size_t key_len, const uint8_t *buf,
    size_t len)
{
	const uint8_t head[3] = {
	    (uint8_t)table, (uint8_t)(key_len >> 8), (uint8_t)key_len};
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	h = fnv(h, head, sizeof(head));
	h = fnv(h, key, key_len);
	return fnv(h, buf, len);
}

size_t
row_seal(unsigned table, const void *key, size_t key_len, uint8_t *buf,
    size_t body_len)
{
	buf[0] = ROW_FORMAT;
	row_put_u64(
	    buf + 1 + body_len, check(table, key, key_len, buf, 1 + body_len));
	return body_len + ROW_SEAL_SIZE;
}

bool
row_open(unsigned table, const void *key, size_t key_len, const uint8_t *sealed,
    size_t len, struct bytes *body)
{
	if (len < ROW_SEAL_SIZE || len > ROW_SEALED_MAX ||
	    sealed[0] != ROW_FORMAT ||
	    row_get_u64(sealed + len - 8) !=
		check(table, key, key_len, sealed, len - 8))
		return false;
	body->data = sealed + 1;
	body->len = len - ROW_SEAL_SIZE;
	return true;
}

/* --- reading a body --------------------------------------------------- */

/* The rest of a body; a read beyond its end makes it bad for good. */
struct reader {
	const uint8_t *p;
	size_t left;
	bool is_bad;
};

static const uint8_t *
take(struct reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->is_bad || n > r->left) {
		r->is_bad = true;
		return NULL;
	}
	r->p += n;
	r->left -= n;
	return p;
}

static void
take_copy(struct reader *r, uint8_t *out, size_t n)
{
	const uint8_t *p = take(r, n);

	if (p != NULL)
		memcpy(out, p, n);
}

static uint64_t
take_u64(struct reader *r)
{
	const uint8_t *p = take(r, 8);

	return p != NULL ? row_get_u64(p) : 0;
}

static unsigned
take_u8(struct reader *r)
{
	const uint8_t *p = take(r, 1);

	return p != NULL ? *p : 0;
}

/* A name with its length in front. */
static void
take_name(struct reader *r, char name[static NAME_LEN_MAX + 1])
{
	size_t n = take_u8(r);
	const uint8_t *p = take(r, n);

	if (p == NULL || !name_is_valid((const char *)p, n)) {
		r->is_bad = true;
		return;
	}
	memcpy(name, p, n);
	name[n] = '\0';
}

static size_t
put_name(uint8_t *p, const char *name)
{
	size_t n = strlen(name);

	p[0] = (uint8_t)n;
	memcpy(p + 1, name, n);
	return 1 + n;
}

static bool
is_whole(const struct reader *r)
{
	return !r->is_bad && r->left == 0;
}

/* --- records ---------------------------------------------------------- */

size_t
row_record_key(const char *name, const uint8_t signer[static 32],
    uint8_t key[static RECORD_KEY_MAX])
{
	size_t n = strlen(name);

	memcpy(key, name, n + 1);
	memcpy(key + n + 1, signer, 32);
	return n + 1 + 32;
}

bool
row_record_name(const uint8_t *key, size_t len,
    char name[static NAME_LEN_MAX + 1], uint8_t signer[static 32])
{
	size_t n;

	if (len < 1 + 1 + 32 || len > RECORD_KEY_MAX)
		return false;
	n = len - 33;
	if (key[n] != '\0' || !name_is_valid((const char *)key, n))
		return false;
	memcpy(name, key, n + 1);
	memcpy(signer, key + n + 1, 32);
	return true;
}

size_t
row_record_encode(const struct record *rec, uint8_t *body)
{
	row_put_u64(body, rec->stored_at_ns);
	return 8 + entry_encode(&rec->entry, body + 8);
}

bool
row_record_decode(struct record *rec, const uint8_t *body, size_t len)
{
	struct reader r = {body, len, false};

	rec->stored_at_ns = take_u64(&r);
	return !r.is_bad && r.left > 0 &&
	       entry_decode(&rec->entry, r.p, r.left) == r.left;
}

/* --- winners ---------------------------------------------------------- */

size_t
row_winner_encode(const struct winner *w, uint8_t *body)
{
	uint8_t *p = body;

	if (w->size & KIND_BIT)
		fatal("a winner of impossible size");
	memcpy(p, w->rank.version, 32);
	row_put_u64(p + 32, w->rank.signed_at_ns);
	row_put_u64(
	    p + 40, w->size | (w->rank.kind == ENTRY_DELETE ? KIND_BIT : 0));
	p += WINNER_ROW_SIZE;
	*p++ = (uint8_t)w->state;
	memcpy(p, w->signer, 32);
	memcpy(p + 32, w->sha256, 32);
	row_put_u64(p + 64, w->expires_ns);
	p += 72;
	p += put_name(p, w->name);
	return (size_t)(p - body);
}

bool
row_winner_decode(struct winner *w, const uint8_t *body, size_t len)
{
	struct reader r = {body, len, false};
	uint64_t size;
	unsigned state;

	take_copy(&r, w->rank.version, 32);
	w->rank.signed_at_ns = take_u64(&r);
	size = take_u64(&r);
	w->rank.kind = size & KIND_BIT ? ENTRY_DELETE : ENTRY_FILE;
	w->size = size & ~KIND_BIT;
	state = take_u8(&r);
	take_copy(&r, w->signer, 32);
	take_copy(&r, w->sha256, 32);
	w->expires_ns = take_u64(&r);
	take_name(&r, w->name);
	if (!is_whole(&r) || state > WINNER_LOST)
		return false;
	w->state = (enum winner_state)state;
	return true;
}

/* --- redo and pending ------------------------------------------------- */

size_t
row_redo_encode(const struct redo *redo, uint8_t *body)
{
	uint8_t *p = body;

	if (redo->content.len > REDO_CONTENT_MAX)
		fatal("a redo of %zu bytes", redo->content.len);
	*p++ = (uint8_t)redo->op;
	memcpy(p, redo->version, 32);
	memcpy(p + 32, redo->sha256, 32);
	p += 64;
	p += put_name(p, redo->name);
	if (redo->content.len > 0)
		memcpy(p, redo->content.data, redo->content.len);
	return (size_t)(p - body) + redo->content.len;
}

bool
row_redo_decode(struct redo *redo, const uint8_t *body, size_t len)
{
	struct reader r = {body, len, false};
	unsigned op = take_u8(&r);

	take_copy(&r, redo->version, 32);
	take_copy(&r, redo->sha256, 32);
	take_name(&r, redo->name);
	if (r.is_bad || op > REDO_REMOVE || r.left > REDO_CONTENT_MAX)
		return false;
	redo->op = (enum redo_op)op;
	redo->content = bytes_of(r.p, r.left);
	return true;
}

/* --- history and hints ------------------------------------------------ */

size_t
row_history_encode(const struct history *h, uint8_t *body)
{
	row_put_u64(body, h->size);
	return 8 + entry_encode(&h->entry, body + 8);
}

bool
row_history_decode(struct history *h, const uint8_t *body, size_t len)
{
	struct reader r = {body, len, false};

	h->size = take_u64(&r);
	return !r.is_bad && r.left > 0 &&
	       entry_decode(&h->entry, r.p, r.left) == r.left;
}

size_t
row_hint_encode(const struct hint *h, uint8_t *body)
{
	memcpy(body, h->peer_id, sizeof(h->peer_id));
	row_put_u64(body + 38, h->last_success_s);
	if (h->address.len > 0)
		memcpy(body + 46, h->address.data, h->address.len);
	return 46 + h->address.len;
}

bool
row_hint_decode(struct hint *h, const uint8_t *body, size_t len)
{
	struct reader r = {body, len, false};

	take_copy(&r, h->peer_id, sizeof(h->peer_id));
	h->last_success_s = take_u64(&r);
	if (r.is_bad || r.left > 256)
		return false;
	h->address = bytes_of(r.p, r.left);
	return true;
}

/* --- replaced versions --- */

size_t
row_version_key(const struct entry *e, uint8_t key[static VERSION_KEY_MAX])
{
	size_t n = strlen(e->name) + 1;
	uint8_t version[32];

	entry_version(e, version);
	memcpy(key, e->name, n);
	row_put_u64(key + n, ~e->signed_at_ns);
	memcpy(key + n + 8, version, 8);
	return n + 16;
}

size_t
row_replaced_encode(const struct replaced *r, uint8_t *body)
{
	row_put_u64(body, r->at_ns);
	row_put_u64(body + 8, r->by_signed_at_ns);
	memcpy(body + 16, r->by_signer, 32);
	return 48 + entry_encode(&r->entry, body + 48);
}

bool
row_replaced_decode(struct replaced *out, const uint8_t *body, size_t len)
{
	struct reader r = {body, len, false};

	out->at_ns = take_u64(&r);
	out->by_signed_at_ns = take_u64(&r);
	take_copy(&r, out->by_signer, 32);
	return !r.is_bad && r.left > 0 &&
	       entry_decode(&out->entry, r.p, r.left) == r.left;
}

/* --- refusals --- */

size_t
row_reject_encode(const struct reject *j, uint8_t *body)
{
	size_t n = strlen(j->from);
	uint8_t *p = body;

	row_put_u64(p, j->first_ns);
	row_put_u64(p + 8, j->last_ns);
	row_put_u64(p + 16, j->count);
	row_put_u64(p + 24, j->signed_at_ns);
	row_put_u64(p + 32, j->by_signed_at_ns);
	p[40] = (uint8_t)j->code;
	p[41] = (uint8_t)j->kind;
	memcpy(p + 42, j->signer, 32);
	memcpy(p + 74, j->by_signer, 32);
	p += 106;
	p += put_name(p, j->name);
	memcpy(p, j->from, n);
	return (size_t)(p - body) + n;
}

bool
row_reject_decode(struct reject *j, const uint8_t *body, size_t len)
{
	struct reader r = {body, len, false};
	unsigned kind;
	size_t n;

	memset(j, 0, sizeof(*j));
	j->first_ns = take_u64(&r);
	j->last_ns = take_u64(&r);
	j->count = take_u64(&r);
	j->signed_at_ns = take_u64(&r);
	j->by_signed_at_ns = take_u64(&r);
	j->code = take_u8(&r);
	kind = take_u8(&r);
	take_copy(&r, j->signer, 32);
	take_copy(&r, j->by_signer, 32);
	if (r.left > 0 && *r.p == 0)
		take_u8(&r); /* no name */
	else
		take_name(&r, j->name);
	n = r.left;
	if (r.is_bad || kind > ENTRY_DELETE || n > REJECT_FROM_MAX ||
	    (j->code != REJECT_CONFLICT && j->code >= VERDICT_COUNT) ||
	    (n > 0 && memchr(r.p, '\0', n) != NULL))
		return false;
	j->kind = (enum entry_kind)kind;
	if (n > 0)
		memcpy(j->from, r.p, n);
	return true;
}
