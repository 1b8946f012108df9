/* SPDX-License-Identifier: ISC */
#include "dm-store/page_rest.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-store/disk.h"
#include "dm-store/pages.h"
#include "dm-store/row.h"

struct rest {
	int fd;
	size_t page_size;
	uint64_t n_pages;
	uint8_t *page;
	uint8_t *far; /* a row on overflow pages, with the head of the first */
	page_row_fn *fn;
	void *ctx;
};

/* A key of that table has that length. It keeps what cannot be a row from
 * being hashed. */
static bool
is_key_of(enum index_table t, size_t len)
{
	switch ((int)t) {
	case INDEX_RECORDS:
		return len >= 1 + 1 + 32 && len <= RECORD_KEY_MAX;
	case INDEX_HISTORY:
		return len == 8 + 32;
	case INDEX_REDO:
	case INDEX_PENDING:
		return len == 8;
	}
	return false;
}

static size_t
size_max(enum index_table t)
{
	return t == INDEX_REDO ? ROW_SEALED_MAX : ROW_SMALL_MAX + ROW_SEAL_SIZE;
}

/* The content of a redo. Only a leaf refers to it: what looks like one in
 * somebody's content does not bear the number of its page. */
static bool
read_far(struct rest *r, struct page_node *n)
{
	size_t len = page_overflow_start() + n->size;
	struct page p;

	if (n->size > ROW_SEALED_MAX || n->page >= r->n_pages ||
	    disk_read(r->fd, r->far, len, n->page * r->page_size) !=
		(ssize_t)len ||
	    page_decode(&p, r->far, len, n->page) != NULL ||
	    p.kind != PAGE_OVERFLOW ||
	    p.n_pages != page_overflow_pages(r->page_size, n->size))
		return false;
	n->data = bytes_of(r->far + page_overflow_start(), n->size);
	return true;
}

static void
try_node(struct rest *r, struct page_node *n, bool is_of_leaf)
{
	struct bytes body;

	if (n->is_far && (!is_of_leaf || !is_key_of(INDEX_REDO, n->key.len) ||
			     !read_far(r, n)))
		return;
	for (unsigned t = 0; t < INDEX_TABLES; t++)
		if (is_key_of(t, n->key.len) && n->data.len <= size_max(t) &&
		    row_open(t, n->key.data, n->key.len, n->data.data,
			n->data.len, &body))
			r->fn(r->ctx, t, n->key, body);
}

static void
try_page(struct rest *r, uint64_t number)
{
	struct page_node n;
	struct page p;
	bool is_leaf;

	is_leaf = page_decode(&p, r->page, r->page_size, number) == NULL &&
		  p.kind == PAGE_LEAF;
	for (size_t at = 0; at < r->page_size; at += 2)
		if (page_node_at(r->page, r->page_size, at, &n))
			try_node(r, &n, is_leaf);
}

void
page_rest(const struct page_walk *w, int fd, page_row_fn *fn, void *ctx)
{
	struct rest r = {
	    .fd = fd,
	    .page_size = page_walk_page_size(w),
	    .n_pages = page_walk_pages(w),
	    .fn = fn,
	    .ctx = ctx,
	};

	r.page = xmalloc(r.page_size);
	r.far = xmalloc(page_overflow_start() + ROW_SEALED_MAX);
	for (uint64_t i = PAGES_METAS; i < r.n_pages; i++)
		if (!page_walk_was_whole(w, i) &&
		    disk_read(fd, r.page, r.page_size, i * r.page_size) ==
			(ssize_t)r.page_size)
			try_page(&r, i);
	free(r.page);
	free(r.far);
}
