/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/sha256.h"
#include "dm-net/sync/trie.h"

struct node {
	uint8_t hash[16];
	uint32_t count; /* rows below */
	bool is_inner;
	bool is_dirty;	  /* hash is not that of what is below */
	uint8_t row_room; /* leaf: rows allocated */
	union {
		struct trie_row *rows; /* leaf: sorted by key */
		struct node **child;   /* inner: TRIE_FANOUT, NULL if empty */
	};
};

struct trie {
	struct node *root; /* never NULL */
	size_t bytes;	   /* of all that is below, about as malloc counts */
};

#define MALLOC_BYTES 16 /* what an allocation costs besides */
#define NODE_BYTES (sizeof(struct node) + MALLOC_BYTES)
#define CHILDREN_BYTES (TRIE_FANOUT * sizeof(struct node *) + MALLOC_BYTES)

static unsigned
nibble_of(const uint8_t *key, size_t depth)
{
	return depth % 2 == 0 ? key[depth / 2] >> 4 : key[depth / 2] & 0x0fu;
}

static size_t
rows_bytes(size_t room)
{
	return room == 0 ? 0 : room * sizeof(struct trie_row) + MALLOC_BYTES;
}

static struct node *
node_new(struct trie *t)
{
	t->bytes += NODE_BYTES;
	return xcalloc(1, sizeof(struct node));
}

/* Depth is bounded by the nibbles of a key, here and below. */
static void
node_free(struct trie *t, struct node *n)
{
	if (n == NULL)
		return;
	if (n->is_inner) {
		for (size_t i = 0; i < TRIE_FANOUT; i++)
			node_free(t, n->child[i]);
		free(n->child);
		t->bytes -= CHILDREN_BYTES;
	} else {
		free(n->rows);
		t->bytes -= rows_bytes(n->row_room);
	}
	free(n);
	t->bytes -= NODE_BYTES;
}

struct trie *
trie_new(void)
{
	struct trie *t = xcalloc(1, sizeof(*t));

	t->root = node_new(t);
	return t;
}

void
trie_free(struct trie *t)
{
	if (t == NULL)
		return;
	node_free(t, t->root);
	free(t);
}

void
trie_clear(struct trie *t)
{
	node_free(t, t->root);
	t->root = node_new(t);
}

size_t
trie_count(const struct trie *t)
{
	return t->root->count;
}

size_t
trie_bytes(const struct trie *t)
{
	return t->bytes;
}

/* Where the key is, or would be, among the rows of a leaf. */
static size_t
leaf_find(const struct node *n, const uint8_t *key, bool *found)
{
	size_t lo = 0, hi = n->count;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (memcmp(n->rows[mid].key, key, 16) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*found = lo < n->count && memcmp(n->rows[lo].key, key, 16) == 0;
	return lo;
}

static void
leaf_insert(
    struct trie *t, struct node *n, size_t at, const struct trie_row *row)
{
	if (n->count == n->row_room) {
		size_t room = n->row_room < 4 ? 4u : n->row_room * 3u / 2;

		if (room > TRIE_LEAF_MAX)
			room = TRIE_LEAF_MAX;
		n->rows = xrealloc(n->rows, room, sizeof(*n->rows));
		t->bytes += rows_bytes(room) - rows_bytes(n->row_room);
		n->row_room = (uint8_t)room;
	}
	memmove(
	    &n->rows[at + 1], &n->rows[at], (n->count - at) * sizeof(*n->rows));
	n->rows[at] = *row;
	n->count++;
}

static bool node_put(
    struct trie *, struct node *, const struct trie_row *, size_t depth);

/* A full leaf becomes an inner node with the same rows. */
static void
leaf_split(struct trie *t, struct node *n, size_t depth)
{
	struct trie_row *rows = n->rows;
	uint32_t count = n->count;

	n->child = xcalloc(TRIE_FANOUT, sizeof(struct node *));
	t->bytes += CHILDREN_BYTES - rows_bytes(n->row_room);
	n->is_inner = true;
	n->row_room = 0;
	n->count = 0;
	for (uint32_t i = 0; i < count; i++)
		node_put(t, n, &rows[i], depth);
	free(rows);
}

/* True if the row is a new one, not a replacement. */
static bool
node_put(
    struct trie *t, struct node *n, const struct trie_row *row, size_t depth)
{
	bool found;
	size_t at;

	n->is_dirty = true;
	if (!n->is_inner) {
		at = leaf_find(n, row->key, &found);
		if (found) {
			n->rows[at] = *row;
			return false;
		}
		if (n->count < TRIE_LEAF_MAX) {
			leaf_insert(t, n, at, row);
			return true;
		}
		leaf_split(t, n, depth);
	}
	struct node **child = &n->child[nibble_of(row->key, depth)];

	if (*child == NULL)
		*child = node_new(t);
	if (!node_put(t, *child, row, depth + 1))
		return false;
	n->count++;
	return true;
}

void
trie_put(struct trie *t, const struct trie_row *row)
{
	node_put(t, t->root, row, 0);
}

/* Appends all rows below n, in order. */
static struct trie_row *
node_collect(const struct node *n, struct trie_row *out)
{
	if (n == NULL)
		return out;
	if (!n->is_inner) {
		if (n->count > 0)
			memcpy(out, n->rows, n->count * sizeof(*out));
		return out + n->count;
	}
	for (size_t i = 0; i < TRIE_FANOUT; i++)
		out = node_collect(n->child[i], out);
	return out;
}

/* An inner node that has no more rows than a leaf may becomes one. */
static void
inner_join(struct trie *t, struct node *n)
{
	struct trie_row *rows = xcalloc(TRIE_LEAF_MAX, sizeof(*rows));

	node_collect(n, rows);
	for (size_t i = 0; i < TRIE_FANOUT; i++)
		node_free(t, n->child[i]);
	free(n->child);
	t->bytes += rows_bytes(TRIE_LEAF_MAX) - CHILDREN_BYTES;
	n->is_inner = false;
	n->rows = rows;
	n->row_room = TRIE_LEAF_MAX;
}

static bool
node_remove(struct trie *t, struct node *n, const uint8_t *key, size_t depth)
{
	bool found;

	if (!n->is_inner) {
		size_t at = leaf_find(n, key, &found);

		if (!found)
			return false;
		n->count--;
		memmove(&n->rows[at], &n->rows[at + 1],
		    (n->count - at) * sizeof(*n->rows));
	} else {
		struct node **child = &n->child[nibble_of(key, depth)];

		if (*child == NULL || !node_remove(t, *child, key, depth + 1))
			return false;
		n->count--;
		if ((*child)->count == 0) {
			node_free(t, *child);
			*child = NULL;
		}
		if (n->count <= TRIE_LEAF_MAX)
			inner_join(t, n);
	}
	n->is_dirty = true;
	return true;
}

bool
trie_remove(struct trie *t, const uint8_t key[static 16])
{
	return node_remove(t, t->root, key, 0);
}

const struct trie_row *
trie_get(const struct trie *t, const uint8_t key[static 16])
{
	const struct node *n = t->root;
	size_t depth = 0;
	bool found;

	while (n != NULL && n->is_inner)
		n = n->child[nibble_of(key, depth++)];
	if (n == NULL)
		return NULL;
	size_t at = leaf_find(n, key, &found);

	return found ? &n->rows[at] : NULL;
}

static void
put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static void
hash16(const uint8_t *bytes, size_t len, uint8_t out[static 16])
{
	uint8_t full[32];

	sha256_hash(bytes, len, full);
	memcpy(out, full, 16);
}

/* The hash of at most TRIE_LEAF_MAX rows as a leaf; zeros for none. */
static void
rows_hash(const struct trie_row *rows, uint32_t count, uint8_t out[static 16])
{
	uint8_t text[5 + TRIE_LEAF_MAX * 48], *p = text + 5;

	if (count == 0) {
		memset(out, 0, 16);
		return;
	}
	text[0] = 0;
	put_u32(text + 1, count);
	for (uint32_t i = 0; i < count; i++, p += 48) {
		memcpy(p, rows[i].key, 16);
		memcpy(p + 16, rows[i].version, 32);
	}
	hash16(text, (size_t)(p - text), out);
}

static void
node_sum(struct node *n, struct trie_sum *sum)
{
	uint8_t text[1 + TRIE_FANOUT * 20], *p = text + 1;
	struct trie_sum below;

	if (n == NULL) {
		*sum = (struct trie_sum){.count = 0};
		return;
	}
	if (n->is_dirty && !n->is_inner) {
		rows_hash(n->rows, n->count, n->hash);
	} else if (n->is_dirty) {
		text[0] = 1;
		for (size_t i = 0; i < TRIE_FANOUT; i++, p += 20) {
			node_sum(n->child[i], &below);
			memcpy(p, below.hash, 16);
			put_u32(p + 16, below.count);
		}
		hash16(text, sizeof(text), n->hash);
	}
	n->is_dirty = false;
	memcpy(sum->hash, n->hash, 16);
	sum->count = n->count;
}

/*
 * The node at a prefix, NULL if nothing is there. If a leaf lies above, that
 * is returned and *is_above says so.
 */
static struct node *
node_at(const struct trie *t, const struct trie_prefix *p, bool *is_above)
{
	struct node *n = t->root;
	size_t depth = 0;

	while (n != NULL && n->is_inner && depth < p->len)
		n = n->child[p->nibbles[depth++]];
	*is_above = n != NULL && depth < p->len;
	return n;
}

bool
trie_covers(const struct trie_prefix *p, const uint8_t key[static 16])
{
	for (size_t i = 0; i < p->len; i++) {
		if (nibble_of(key, i) != p->nibbles[i])
			return false;
	}
	return true;
}

/* The part of a leaf's rows that a prefix covers. */
static const struct trie_row *
leaf_part(const struct node *n, const struct trie_prefix *p, uint32_t *count)
{
	uint32_t from = 0, to;

	while (from < n->count && !trie_covers(p, n->rows[from].key))
		from++;
	to = from;
	while (to < n->count && trie_covers(p, n->rows[to].key))
		to++;
	*count = to - from;
	return *count == 0 ? NULL : &n->rows[from];
}

void
trie_sum(struct trie *t, const struct trie_prefix *p, struct trie_sum *sum)
{
	bool is_above;
	struct node *n = node_at(t, p, &is_above);

	if (!is_above) {
		node_sum(n, sum);
		return;
	}
	const struct trie_row *rows = leaf_part(n, p, &sum->count);

	rows_hash(rows, sum->count, sum->hash);
}

void
trie_children(struct trie *t, const struct trie_prefix *p,
    struct trie_sum sums[static TRIE_FANOUT])
{
	for (unsigned i = 0; i < TRIE_FANOUT; i++) {
		struct trie_prefix below = trie_below(p, i);

		trie_sum(t, &below, &sums[i]);
	}
}

struct row_list {
	const struct trie_prefix *prefix;
	const uint8_t *after;
	struct trie_row *rows;
	size_t count, max;
	bool more;
};

/* Lists below n; with `is_edge`, `after` lies on the way to n. */
static void
node_list(const struct node *n, struct row_list *l, size_t depth, bool is_edge)
{
	unsigned from = 0;

	if (n == NULL || l->more)
		return;
	if (n->is_inner) {
		if (is_edge)
			from = nibble_of(l->after, depth);
		for (unsigned i = from; i < TRIE_FANOUT && !l->more; i++)
			node_list(
			    n->child[i], l, depth + 1, is_edge && i == from);
		return;
	}
	for (uint32_t i = 0; i < n->count; i++) {
		const struct trie_row *row = &n->rows[i];

		if (!trie_covers(l->prefix, row->key) ||
		    (l->after != NULL && memcmp(row->key, l->after, 16) <= 0))
			continue;
		if (l->count == l->max) {
			l->more = true;
			return;
		}
		l->rows[l->count++] = *row;
	}
}

size_t
trie_rows(const struct trie *t, const struct trie_prefix *p,
    const uint8_t *after, struct trie_row *rows, size_t max, bool *more)
{
	struct row_list l = {
	    .prefix = p, .after = after, .rows = rows, .max = max};
	bool is_above;
	const struct node *n = node_at(t, p, &is_above);

	node_list(n, &l, p->len, after != NULL && trie_covers(p, after));
	*more = l.more;
	return l.count;
}

struct trie_prefix
trie_below(const struct trie_prefix *p, unsigned nibble)
{
	struct trie_prefix below = *p;

	if (p->len >= TRIE_DEPTH_MAX)
		fatal("trie: a prefix of %u nibbles has none below", p->len);
	below.nibbles[below.len++] = (uint8_t)nibble;
	return below;
}

bool
trie_prefix_equal(const struct trie_prefix *a, const struct trie_prefix *b)
{
	return a->len == b->len && memcmp(a->nibbles, b->nibbles, a->len) == 0;
}

bool
trie_sum_equal(const struct trie_sum *a, const struct trie_sum *b)
{
	return a->count == b->count && memcmp(a->hash, b->hash, 16) == 0;
}
