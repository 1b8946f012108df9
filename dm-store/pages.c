/* SPDX-License-Identifier: ISC */
#include "dm-store/pages.h"

#include <string.h>

/* The types pgno_t and size_t of LMDB. */
#define WORD sizeof(size_t)

/* A page begins with: its number, 16 bits, flags (16 bits), then the ends of
 * the free room (16 bits each) or the count of overflow pages (32 bits). */
#define PAGE_FLAGS (WORD + 2)
#define PAGE_LOWER (WORD + 4)
#define PAGE_UPPER (WORD + 6)
#define PAGE_HEAD (WORD + 8)
#define FLAG_META 8
#define FLAG_KINDS (PAGE_BRANCH | PAGE_LEAF | PAGE_OVERFLOW | FLAG_META | 0x60)

/* A node: size of the value or child (48 bits, the last 16 are the flags of a
 * leaf), length of the key (16 bits), the key. */
#define NODE_HEAD 8
#define NODE_FAR 1
#define NODE_TABLE 2

/* A tree: 32 bits, flags (16 bits), depth (16 bits), five words. */
#define TREE_SIZE (8 + 5 * WORD)
#define TREE_ROWS (8 + 3 * WORD)
#define TREE_ROOT (8 + 4 * WORD)

/* A meta page, after the head: magic and version (32 bits each), address, size
 * of the map, two trees, last page, number of the transaction. The first tree
 * begins with the size of a page. */
#define META_MAGIC PAGE_HEAD
#define META_VERSION (META_MAGIC + 4)
#define META_TREES (META_MAGIC + 8 + 2 * WORD)
#define META_LAST (META_TREES + 2 * TREE_SIZE)
#define META_COMMIT (META_LAST + WORD)
#define META_END (META_COMMIT + WORD)
#define MAGIC 0xBEEFC0DEu
#define VERSION 1u

_Static_assert(META_END <= PAGE_SIZE_MIN, "a meta page");

static uint16_t
get_u16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t
get_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t
get_word(const uint8_t *p)
{
	size_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The 16-bit halves lie in the machine's order. */
static uint32_t
get_halves(const uint8_t *p)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return get_u16(p) | (uint32_t)get_u16(p + 2) << 16;
#else
	return get_u16(p + 2) | (uint32_t)get_u16(p) << 16;
#endif
}

/* --- pages --- */

static const char *
nodes_decode(struct page *p)
{
	size_t lower = get_u16(p->bytes + PAGE_LOWER);
	size_t upper = get_u16(p->bytes + PAGE_UPPER);

	if (lower < PAGE_HEAD || lower % 2 != 0 || upper < lower ||
	    upper > p->size)
		return "has impossible bounds for its rows";
	p->n_nodes = (lower - PAGE_HEAD) / 2;
	return p->n_nodes > 0 ? NULL : "is empty";
}

const char *
page_decode(struct page *p, const uint8_t *bytes, size_t size, uint64_t number)
{
	memset(p, 0, sizeof(*p));
	p->bytes = bytes;
	p->size = size;
	if (get_word(bytes) != number)
		return "does not bear its own number";
	switch (get_u16(bytes + PAGE_FLAGS) & FLAG_KINDS) {
	case PAGE_BRANCH:
		p->kind = PAGE_BRANCH;
		return nodes_decode(p);
	case PAGE_LEAF:
		p->kind = PAGE_LEAF;
		return nodes_decode(p);
	case PAGE_OVERFLOW:
		p->kind = PAGE_OVERFLOW;
		p->n_pages = get_u32(bytes + PAGE_LOWER);
		return p->n_pages > 0 ? NULL : "is empty";
	}
	return "has an unknown kind";
}

/* --- nodes --- */

/* Head and key. */
static bool
node_head(const uint8_t *bytes, size_t size, size_t at, struct page_node *n)
{
	size_t key_len;

	if (at < PAGE_HEAD || at % 2 != 0 || size < at + NODE_HEAD)
		return false;
	key_len = get_u16(bytes + at + 6);
	if (key_len > PAGE_KEY_MAX || key_len > size - at - NODE_HEAD)
		return false;
	n->key = bytes_of(bytes + at + NODE_HEAD, key_len);
	n->size = get_halves(bytes + at);
	return true;
}

static const char *
leaf_node(const struct page *p, size_t at, struct page_node *n)
{
	unsigned flags = get_u16(p->bytes + at + 4);
	size_t start = at + NODE_HEAD + n->key.len;
	size_t held;

	if ((flags & ~(unsigned)(NODE_FAR | NODE_TABLE)) != 0)
		return "has a row of an unknown kind";
	n->is_far = (flags & NODE_FAR) != 0;
	n->is_table = (flags & NODE_TABLE) != 0;
	held = n->is_far ? WORD : n->size;
	if (held > p->size - start)
		return "has a row that is longer than the page";
	if (n->is_far)
		n->page = get_word(p->bytes + start);
	else
		n->data = bytes_of(p->bytes + start, n->size);
	return NULL;
}

const char *
page_node(const struct page *p, size_t i, struct page_node *n)
{
	size_t at = get_u16(p->bytes + PAGE_HEAD + 2 * i);

	memset(n, 0, sizeof(*n));
	if (at < PAGE_HEAD + 2 * p->n_nodes ||
	    !node_head(p->bytes, p->size, at, n))
		return "has a row outside of the page";
	if (p->kind == PAGE_LEAF)
		return leaf_node(p, at, n);
	n->page = n->size;
	if (WORD > 4)
		n->page |= (uint64_t)get_u16(p->bytes + at + 4) << 32;
	n->size = 0;
	return NULL;
}

bool
page_node_at(
    const uint8_t *bytes, size_t size, size_t offset, struct page_node *n)
{
	const struct page p = {.bytes = bytes, .size = size, .kind = PAGE_LEAF};

	memset(n, 0, sizeof(*n));
	return node_head(bytes, size, offset, n) &&
	       leaf_node(&p, offset, n) == NULL && !n->is_table;
}

/* --- what else there is --- */

bool
page_tree_decode(struct page_tree *t, struct bytes b)
{
	if (b.len != TREE_SIZE)
		return false;
	t->depth = get_u16(b.data + 6);
	t->n_rows = get_word(b.data + TREE_ROWS);
	t->root = get_word(b.data + TREE_ROOT);
	return t->depth <= PAGE_DEPTH_MAX;
}

static bool
is_page_size(size_t size)
{
	return size >= PAGE_SIZE_MIN && size <= PAGE_SIZE_MAX &&
	       (size & (size - 1)) == 0;
}

const char *
page_meta_decode(
    struct page_meta *m, const uint8_t *bytes, uint64_t number, bool *is_other)
{
	const uint8_t *trees = bytes + META_TREES;

	memset(m, 0, sizeof(*m));
	*is_other = false;
	if ((get_u16(bytes + PAGE_FLAGS) & FLAG_META) == 0 ||
	    get_u32(bytes + META_MAGIC) != MAGIC)
		return "does not begin with the magic number of LMDB";
	if (get_u32(bytes + META_VERSION) != VERSION) {
		*is_other = true;
		return "has an unknown version of LMDB's format";
	}
	if (get_word(bytes) != number)
		return "does not bear its own number";
	m->page_size = get_u32(trees);
	m->last_page = get_word(bytes + META_LAST);
	m->commit = get_word(bytes + META_COMMIT);
	if (!is_page_size(m->page_size) || m->last_page < PAGES_METAS - 1 ||
	    !page_tree_decode(&m->free, bytes_of(trees, TREE_SIZE)) ||
	    !page_tree_decode(&m->main, bytes_of(trees + TREE_SIZE, TREE_SIZE)))
		return "has values that no index can have";
	return NULL;
}

uint64_t
page_overflow_pages(size_t page_size, uint32_t value_size)
{
	return (PAGE_HEAD - 1 + (uint64_t)value_size) / page_size + 1;
}

size_t
page_overflow_start(void)
{
	return PAGE_HEAD;
}

bool
page_free_list(struct bytes b, size_t *n)
{
	uint64_t count;

	if (b.len < WORD)
		return false;
	count = get_word(b.data);
	*n = (size_t)count;
	return count <= b.len / WORD - 1;
}

uint64_t
page_free_at(struct bytes b, size_t i)
{
	return get_word(b.data + (i + 1) * WORD);
}

int
page_key_compare(struct bytes a, struct bytes b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int rc = n > 0 ? memcmp(a.data, b.data, n) : 0;

	if (rc != 0)
		return rc;
	return (a.len > b.len) - (a.len < b.len);
}
