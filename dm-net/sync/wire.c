/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "dm-net/sync/wire.h"

int
wire_length(const uint8_t *bytes, size_t have, size_t *len)
{
	size_t value = 0;

	for (int i = 0; i < WIRE_HEAD_MAX; i++) {
		if ((size_t)i == have)
			return 0;
		value |= (size_t)(bytes[i] & 0x7f) << (7 * i);
		if ((bytes[i] & 0x80) == 0) {
			/* a zero after the first byte is not the shortest
			 * form */
			if (value > SYNC_MESSAGE_MAX ||
			    (i > 0 && bytes[i] == 0))
				return -1;
			*len = value;
			return i + 1;
		}
	}
	return -1;
}

static uint32_t
get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static uint64_t
get_u64(const uint8_t *p)
{
	return (uint64_t)get_u32(p) << 32 | get_u32(p + 4);
}

static void
put_u32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* A bin of whole units, at most max of them. */
static bool
pull_units(struct msgpull *m, size_t unit, size_t max, const uint8_t **out,
    size_t *count)
{
	size_t len;

	*count = 0;
	if (!msgpull_bin(m, unit * max, out, &len))
		return false;
	if (len % unit != 0)
		return msgpull_fail(m);
	*count = len / unit;
	return true;
}

static bool
pull_prefix(struct msgpull *m, struct trie_prefix *p)
{
	const uint8_t *nibbles;
	size_t len;

	if (!msgpull_bin(m, TRIE_DEPTH_MAX, &nibbles, &len))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (nibbles[i] > 0x0f)
			return msgpull_fail(m);
		p->nibbles[i] = nibbles[i];
	}
	p->len = (uint8_t)len;
	return true;
}

/* An empty set has one hash, and no other set has that count. */
static bool
sum_is_sound(const struct trie_sum *sum)
{
	static const uint8_t zero[16];

	return sum->count != 0 || memcmp(sum->hash, zero, 16) == 0;
}

static bool
pull_sum(struct msgpull *m, struct trie_sum *sum)
{
	uint64_t count;

	if (!msgpull_fixed(m, sum->hash, sizeof(sum->hash)) ||
	    !msgpull_u64(m, UINT32_MAX, &count))
		return false;
	sum->count = (uint32_t)count;
	return sum_is_sound(sum) || msgpull_fail(m);
}

static bool
pull_role(struct msgpull *m, enum wire_role max, enum wire_role *role)
{
	uint64_t v;

	if (!msgpull_u64(m, (uint64_t)max, &v))
		return false;
	*role = (enum wire_role)v;
	return true;
}

static bool
pull_hello(struct msgpull *m, struct wire_hello *h)
{
	if (!msgpull_u64(m, UINT32_MAX, &h->version) ||
	    !msgpull_str(m, SYNC_AGENT_MAX, &h->agent, &h->agent_len))
		return false;
	h->has_network = !msgpull_try_nil(m);
	if (h->has_network && !msgpull_fixed(m, h->network, 32))
		return false;
	if (!msgpull_u64(m, UINT64_MAX, &h->start) ||
	    !msgpull_u64(m, UINT64_MAX, &h->generation))
		return false;
	h->interest_count = 0;
	h->is_all = msgpull_try_nil(m);
	if (!h->is_all && !pull_units(m, 8, WIRE_INTERESTS_MAX, &h->interests,
			      &h->interest_count))
		return false;
	for (size_t i = 1; i < h->interest_count; i++) {
		const uint8_t *at = h->interests + 8 * i;

		if (memcmp(at - 8, at, 8) >= 0)
			return msgpull_fail(m);
	}
	return pull_sum(m, &h->root) && msgpull_u64(m, UINT32_MAX, &h->peers);
}

static bool
pull_children(struct msgpull *m, struct wire_compare *c)
{
	const uint8_t *p;
	size_t count;

	c->has_children = !msgpull_try_nil(m);
	if (!c->has_children)
		return msgpull_ok(m);
	if (!pull_units(m, WIRE_SUM_BYTES, TRIE_FANOUT, &p, &count))
		return false;
	if (count != TRIE_FANOUT || c->prefix.len == TRIE_DEPTH_MAX)
		return msgpull_fail(m);
	for (size_t i = 0; i < TRIE_FANOUT; i++, p += WIRE_SUM_BYTES) {
		memcpy(c->children[i].hash, p, 16);
		c->children[i].count = get_u32(p + 16);
		if (!sum_is_sound(&c->children[i]))
			return msgpull_fail(m);
	}
	return true;
}

static bool
pull_compare(struct msgpull *m, struct wire_compare *c)
{
	return pull_prefix(m, &c->prefix) && pull_sum(m, &c->sum) &&
	       pull_children(m, c) &&
	       msgpull_u64(m, UINT64_MAX, &c->generation) &&
	       pull_role(m, WIRE_ANSWER, &c->role);
}

/* Rows rise, lie below the prefix and, if asked for, above the cursor. */
static bool
rows_are_sound(const struct wire_rows *r)
{
	const uint8_t *before = NULL;

	for (size_t i = 0; i < r->count; i++) {
		const uint8_t *at = r->rows + WIRE_ROW_BYTES * i;
		uint64_t signed_at = get_u64(at + 16);

		if (!trie_covers(&r->prefix, at) ||
		    (before != NULL && memcmp(before, at, 16) >= 0) ||
		    signed_at == 0 || signed_at > SIGNED_AT_NS_MAX)
			return false;
		before = at;
	}
	return true;
}

static bool
pull_rows(struct msgpull *m, struct wire_rows *r)
{
	if (!pull_prefix(m, &r->prefix))
		return false;
	r->has_cursor = !msgpull_try_nil(m);
	if (r->has_cursor && (!msgpull_fixed(m, r->cursor, 16) ||
				 !trie_covers(&r->prefix, r->cursor)))
		return msgpull_fail(m);
	if (!msgpull_bool(m, &r->more) ||
	    !pull_units(
		m, WIRE_ROW_BYTES, WIRE_ROWS_MAX, &r->rows, &r->count) ||
	    !pull_role(m, WIRE_TELL, &r->role))
		return false;
	/* to go on, the next page needs a row to start after */
	if (!rows_are_sound(r) || (r->more && r->count == 0))
		return msgpull_fail(m);
	return true;
}

static bool
pull_entries(struct msgpull *m, struct wire_entries *e, size_t fields)
{
	if (!msgpull_array(m, WIRE_ENTRIES_MAX, &e->count))
		return false;
	e->items = *m;
	for (size_t i = 0; i < e->count; i++) {
		if (!msgpull_skip(m))
			return false;
	}
	e->missing_count = 0;
	return fields < 2 ||
	       pull_units(m, 16, WIRE_KEYS_MAX, &e->missing, &e->missing_count);
}

static bool
pull_records(struct msgpull *m, struct wire_records *r)
{
	const uint8_t *bytes;
	size_t len;

	if (!msgpull_array(m, WIRE_RECORDS_MAX, &r->count))
		return false;
	r->items = *m;
	for (size_t i = 0; i < r->count; i++) {
		if (!msgpull_bin(m, SYNC_RECORD_MAX, &bytes, &len))
			return false;
	}
	return msgpull_bool(m, &r->is_ask);
}

/* The least number of elements of each message after its type. */
static const size_t fields_min[WIRE_TYPES] = {
    [WIRE_HELLO] = 9,
    [WIRE_ENTRIES] = 1,
    [WIRE_COMPARE] = 6,
    [WIRE_ROWS] = 5,
    [WIRE_WANT] = 1,
    [WIRE_RECORDS] = 2,
    [WIRE_BAD_CONTENT] = 2,
    [WIRE_BUSY] = 0,
    [WIRE_BYE] = 1,
};

/* The elements after the type. */
static bool
pull_body(struct msgpull *m, struct wire_message *out, size_t fields)
{
	switch (out->type) {
	case WIRE_HELLO:
		return pull_hello(m, &out->hello);
	case WIRE_ENTRIES:
		return pull_entries(m, &out->entries, fields);
	case WIRE_COMPARE:
		return pull_compare(m, &out->compare);
	case WIRE_ROWS:
		return pull_rows(m, &out->rows);
	case WIRE_WANT:
		return pull_units(
		    m, 16, WIRE_KEYS_MAX, &out->want.keys, &out->want.count);
	case WIRE_RECORDS:
		return pull_records(m, &out->records);
	case WIRE_BAD_CONTENT:
		return msgpull_fixed(m, out->bad.key, 16) &&
		       msgpull_fixed(m, out->bad.version, 32);
	case WIRE_BUSY:
		return true;
	case WIRE_BYE:
		return msgpull_u64(m, UINT64_MAX, &out->bye);
	case WIRE_TYPES:
		break;
	}
	return false;
}

/* How many elements pull_body() took. */
static size_t
fields_taken(enum wire_type type, size_t fields)
{
	return type == WIRE_ENTRIES && fields > 1 ? 2 : fields_min[type];
}

enum wire_result
wire_decode(struct wire_message *out, const uint8_t *bytes, size_t len)
{
	struct msgpull m;
	size_t count;
	uint64_t type;

	msgpull_init(&m, bytes, len);
	if (!msgpull_array(&m, SYNC_MESSAGE_MAX, &count) || count == 0 ||
	    !msgpull_u64(&m, UINT64_MAX, &type))
		return WIRE_MALFORMED;
	count--;
	if (type >= WIRE_TYPES) {
		while (count-- > 0 && msgpull_skip(&m))
			;
		return msgpull_done(&m) ? WIRE_UNKNOWN : WIRE_MALFORMED;
	}
	out->type = (enum wire_type)type;
	if (count < fields_min[type] || !pull_body(&m, out, count))
		return WIRE_MALFORMED;
	for (count -= fields_taken(out->type, count); count > 0; count--) {
		if (!msgpull_skip(&m))
			return WIRE_MALFORMED;
	}
	return msgpull_done(&m) ? WIRE_OK : WIRE_MALFORMED;
}

int
wire_entry_next(struct wire_entries *e, struct entry *entry,
    const uint8_t **content, size_t *content_len)
{
	struct msgpull *m = &e->items;
	size_t fields, taken;

	if (e->count == 0)
		return 0;
	e->count--;
	if (!msgpull_array(m, SYNC_MESSAGE_MAX, &fields) || fields < 2)
		return -1;
	taken = entry_decode(entry, m->at, msgpull_left(m));
	if (taken == 0)
		return -1;
	m->at += taken;
	*content = NULL;
	*content_len = 0;
	if (!msgpull_try_nil(m) &&
	    (!msgpull_bin(m, IPC_INLINE_MAX, content, content_len) ||
		*content_len != entry->size))
		return -1;
	for (fields -= 2; fields > 0; fields--) {
		if (!msgpull_skip(m))
			return -1;
	}
	return msgpull_ok(m) ? 1 : -1;
}

bool
wire_record_next(struct wire_records *r, const uint8_t **bytes, size_t *len)
{
	if (r->count == 0)
		return false;
	r->count--;
	return msgpull_bin(&r->items, SYNC_RECORD_MAX, bytes, len);
}

void
wire_row_at(const struct wire_rows *r, size_t i, struct wire_row *row)
{
	const uint8_t *p = r->rows + WIRE_ROW_BYTES * i;

	memcpy(row->key, p, 16);
	row->signed_at_ns = get_u64(p + 16);
	memcpy(row->version, p + 24, 32);
}

void
wire_begin(struct msgput *m, uint8_t *buf, size_t size)
{
	static const uint8_t room[WIRE_HEAD_MAX];

	msgput_init(m, buf, size);
	msgput_raw(m, room, sizeof(room));
}

size_t
wire_end(struct msgput *m)
{
	uint8_t head[WIRE_HEAD_MAX];
	size_t body = m->len - WIRE_HEAD_MAX, left = body, n = 0;

	if (m->overflow || body > SYNC_MESSAGE_MAX)
		return 0;
	do {
		head[n] = (uint8_t)(left & 0x7f);
		left >>= 7;
		if (left > 0)
			head[n] |= 0x80;
		n++;
	} while (left > 0);
	memcpy(m->buf, head, n);
	memmove(m->buf + n, m->buf + WIRE_HEAD_MAX, body);
	return n + body;
}

static void
put_head(struct msgput *m, enum wire_type type, size_t fields)
{
	msgput_array(m, fields + 1);
	msgput_u64(m, type);
}

static void
put_sum(struct msgput *m, const struct trie_sum *sum)
{
	msgput_bin(m, sum->hash, sizeof(sum->hash));
	msgput_u64(m, sum->count);
}

void
wire_put_hello(struct msgput *m, const struct wire_hello *h)
{
	put_head(m, WIRE_HELLO, fields_min[WIRE_HELLO]);
	msgput_u64(m, h->version);
	msgput_str(m, h->agent, h->agent_len);
	if (h->has_network)
		msgput_bin(m, h->network, sizeof(h->network));
	else
		msgput_nil(m);
	msgput_u64(m, h->start);
	msgput_u64(m, h->generation);
	if (h->is_all)
		msgput_nil(m);
	else
		msgput_bin(m, h->interests, 8 * h->interest_count);
	put_sum(m, &h->root);
	msgput_u64(m, h->peers);
}

void
wire_put_compare(struct msgput *m, const struct wire_compare *c)
{
	uint8_t count[4];

	put_head(m, WIRE_COMPARE, fields_min[WIRE_COMPARE]);
	msgput_bin(m, c->prefix.nibbles, c->prefix.len);
	put_sum(m, &c->sum);
	if (c->has_children) {
		msgput_bin_head(m, WIRE_SUM_BYTES * TRIE_FANOUT);
		for (size_t i = 0; i < TRIE_FANOUT; i++) {
			put_u32(count, c->children[i].count);
			msgput_raw(m, c->children[i].hash, 16);
			msgput_raw(m, count, sizeof(count));
		}
	} else {
		msgput_nil(m);
	}
	msgput_u64(m, c->generation);
	msgput_u64(m, c->role);
}

void
wire_put_rows(struct msgput *m, const struct wire_rows *r)
{
	put_head(m, WIRE_ROWS, fields_min[WIRE_ROWS]);
	msgput_bin(m, r->prefix.nibbles, r->prefix.len);
	if (r->has_cursor)
		msgput_bin(m, r->cursor, sizeof(r->cursor));
	else
		msgput_nil(m);
	msgput_bool(m, r->more);
	msgput_bin_head(m, WIRE_ROW_BYTES * r->count);
}

void
wire_put_row(struct msgput *m, const struct trie_row *row)
{
	uint8_t at[8];

	put_u32(at, (uint32_t)(row->signed_at_ns >> 32));
	put_u32(at + 4, (uint32_t)row->signed_at_ns);
	msgput_raw(m, row->key, sizeof(row->key));
	msgput_raw(m, at, sizeof(at));
	msgput_raw(m, row->version, sizeof(row->version));
}

void
wire_put_rows_end(struct msgput *m, const struct wire_rows *r)
{
	msgput_u64(m, r->role);
}

void
wire_put_want(struct msgput *m, const uint8_t *keys, size_t count)
{
	put_head(m, WIRE_WANT, fields_min[WIRE_WANT]);
	msgput_bin(m, keys, 16 * count);
}

void
wire_put_entries(struct msgput *m, size_t count)
{
	put_head(m, WIRE_ENTRIES, 2);
	msgput_array(m, count);
}

void
wire_put_item(struct msgput *m, const uint8_t *entry, size_t len,
    const uint8_t *content, size_t content_len)
{
	msgput_array(m, 2);
	msgput_raw(m, entry, len);
	if (content != NULL)
		msgput_bin(m, content, content_len);
	else
		msgput_nil(m);
}

void
wire_put_missing(struct msgput *m, const uint8_t *keys, size_t count)
{
	msgput_bin(m, keys, 16 * count);
}

void
wire_put_records(struct msgput *m, size_t count)
{
	put_head(m, WIRE_RECORDS, fields_min[WIRE_RECORDS]);
	msgput_array(m, count);
}

void
wire_put_bad(struct msgput *m, const uint8_t key[static 16],
    const uint8_t version[static 32])
{
	put_head(m, WIRE_BAD_CONTENT, fields_min[WIRE_BAD_CONTENT]);
	msgput_bin(m, key, 16);
	msgput_bin(m, version, 32);
}

void
wire_put_busy(struct msgput *m)
{
	put_head(m, WIRE_BUSY, fields_min[WIRE_BUSY]);
}

void
wire_put_bye(struct msgput *m, enum wire_bye reason)
{
	put_head(m, WIRE_BYE, fields_min[WIRE_BYE]);
	msgput_u64(m, reason);
}
