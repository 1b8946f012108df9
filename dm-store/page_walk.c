/* SPDX-License-Identifier: ISC */
#include "dm-store/page_walk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "dm-store/disk.h"
#include "dm-store/pages.h"
#include "dm-store/row.h"

#define PAGES_MAX ((uint64_t)1 << 27) /* 64 GiB of the smallest */
#define TABLES_MAX 64		      /* an index has INDEX_TABLES */

enum tree_kind {
	TREE_MAIN,  /* its rows are tables */
	TREE_ROWS,  /* a table that we know: sealed rows */
	TREE_OTHER, /* one that we do not */
	TREE_FREE,  /* pages that nothing refers to */
};

struct table {
	struct page_tree tree;
	bool is_known;
	enum index_table number;
};

struct page_walk {
	int fd;
	uint64_t n_pages; /* that the file has, or PAGES_MAX */
	struct page_meta meta;
	uint8_t *used;	/* a bit a page: something refers to it */
	uint8_t *whole; /* likewise: and nothing is wrong with it */
	uint8_t *level[PAGE_DEPTH_MAX];
	uint8_t *value; /* of a row on overflow pages */
	page_row_fn *fn;
	void *ctx;
	struct page_report *report;
	bool is_unknown; /* what could not be read is not the page's fault */

	/* of the tree that is under way */
	enum tree_kind kind;
	enum index_table table;
	uint64_t n_rows;
	uint8_t last[PAGE_KEY_MAX]; /* no key that follows is below */
	size_t last_len;
	bool has_last, may_equal_last;

	struct table tables[TABLES_MAX];
	size_t n_tables;
};

struct page_walk *
page_walk_new(int fd)
{
	struct page_walk *w = xcalloc(1, sizeof(*w));

	w->fd = fd;
	return w;
}

void
page_walk_free(struct page_walk *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < PAGE_DEPTH_MAX; i++)
		free(w->level[i]);
	free(w->value);
	free(w->used);
	free(w->whole);
	free(w);
}

/* --- what is said of it --- */

static void __attribute__((format(printf, 2, 3)))
say(struct page_walk *w, const char *format, ...)
{
	va_list args;

	if (w->report->why[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(w->report->why, sizeof(w->report->why), format, args);
	va_end(args);
}

static void
bad_page(struct page_walk *w, uint64_t number, const char *how)
{
	say(w, "page %llu %s", (unsigned long long)number, how);
	w->report->n_bad_pages++;
}

/*
 * One page, or the beginning of it. A page that the disk does not give is
 * damaged; that there is no memory, or no right, says nothing of it.
 */
static bool
read_page(struct page_walk *w, uint64_t number, uint8_t *buf, size_t len)
{
	char how[PAGE_WALK_WHY_SIZE / 2];
	ssize_t n;

	n = disk_read(w->fd, buf, len, number * w->meta.page_size);
	if (n == (ssize_t)len)
		return true;
	if (n == -1 && errno != EIO) {
		say(w, "data.mdb: %s", strerror(errno));
		w->is_unknown = true;
		return false;
	}
	snprintf(how, sizeof(how),
	    n == -1 ? "cannot be read: %s" : "is after the end of data.mdb",
	    strerror(errno));
	bad_page(w, number, how);
	return false;
}

static bool
has_bit(const uint8_t *bits, uint64_t number)
{
	return (bits[number / 8] & 1u << number % 8) != 0;
}

static void
set_bit(uint8_t *bits, uint64_t number)
{
	bits[number / 8] |= (uint8_t)(1u << number % 8);
}

static void
whole_page(struct page_walk *w, uint64_t number)
{
	set_bit(w->whole, number);
	w->report->n_pages++;
}

/* Something refers to it, as nothing else may. */
static bool
take_page(struct page_walk *w, uint64_t number)
{
	if (number < PAGES_METAS || number > w->meta.last_page) {
		bad_page(
		    w, number, "is referred to, but its number is impossible");
		return false;
	}
	if (number >= w->n_pages) {
		bad_page(w, number, "is after the end of data.mdb");
		return false;
	}
	if (has_bit(w->used, number)) {
		bad_page(w, number, "is referred to twice");
		return false;
	}
	set_bit(w->used, number);
	return true;
}

/* --- rows --- */

/* The longest that a row of this tree can be. */
static uint64_t
value_max(const struct page_walk *w)
{
	switch (w->kind) {
	case TREE_MAIN:
		return 0;
	case TREE_ROWS:
		return ROW_SEALED_MAX;
	case TREE_FREE:
		return (w->meta.last_page + 1) * sizeof(size_t);
	case TREE_OTHER:
		break;
	}
	return UINT32_MAX;
}

/* The value of a row on overflow pages, into w->value. */
static bool
read_far(struct page_walk *w, struct page_node *n)
{
	uint64_t n_pages = page_overflow_pages(w->meta.page_size, n->size);
	size_t start = page_overflow_start();
	const char *how;
	struct page p;

	if (n_pages > w->n_pages || n->size > value_max(w)) {
		bad_page(w, n->page, "begins a row that is too long");
		return false;
	}
	for (uint64_t i = 0; i < n_pages; i++)
		if (!take_page(w, n->page + i))
			return false;
	if (w->kind == TREE_OTHER)
		return true; /* nobody looks at it */
	w->value = xrealloc(w->value, 1, start + n->size);
	if (!read_page(w, n->page, w->value, start + n->size))
		return false;
	how = page_decode(&p, w->value, start + n->size, n->page);
	if (how == NULL && (p.kind != PAGE_OVERFLOW || p.n_pages != n_pages))
		how = "is not the overflow page that a row refers to";
	if (how != NULL) {
		bad_page(w, n->page, how);
		return false;
	}
	for (uint64_t i = 0; i < n_pages; i++)
		whole_page(w, n->page + i);
	n->data = bytes_of(w->value + start, n->size);
	return true;
}

/* The pages of a free list are written to by the next commits. */
static const char *
free_row(struct page_walk *w, const struct page_node *n)
{
	uint64_t number;
	size_t count;

	if (!page_free_list(n->data, &count))
		return "has a free list that is cut short";
	for (size_t i = 0; i < count; i++) {
		number = page_free_at(n->data, i);
		if (number < PAGES_METAS || number > w->meta.last_page)
			return "lists a page as free that does not exist";
		if (number < w->n_pages && has_bit(w->used, number))
			return "lists a page as free that is in use";
	}
	return NULL;
}

static const char *
table_row(struct page_walk *w, const struct page_node *n)
{
	struct table *t = &w->tables[w->n_tables];

	if (!n->is_table || n->is_far || !page_tree_decode(&t->tree, n->data))
		return "has a row that is not a table";
	if (w->n_tables + 1 == TABLES_MAX)
		return "has more tables than an index can have";
	t->is_known = index_table_named(n->key, &t->number);
	w->n_tables++;
	return NULL;
}

static void
sealed_row(struct page_walk *w, const struct page_node *n)
{
	struct bytes body;

	if (n->is_table || !row_open(w->table, n->key.data, n->key.len,
			       n->data.data, n->data.len, &body)) {
		w->report->n_bad_rows++;
		return;
	}
	w->report->n_rows++;
	if (w->fn != NULL)
		w->fn(w->ctx, w->table, n->key, body);
}

static const char *
leaf_row(struct page_walk *w, struct page_node *n)
{
	w->n_rows++;
	/* what is wrong there was said of its pages */
	if (n->is_far && !read_far(w, n))
		return NULL;
	switch (w->kind) {
	case TREE_MAIN:
		return table_row(w, n);
	case TREE_ROWS:
		sealed_row(w, n);
		return NULL;
	case TREE_FREE:
		return free_row(w, n);
	case TREE_OTHER:
		break;
	}
	return NULL;
}

/* --- trees --- */

/* Every key is greater than those before it; a child's first may be the one
 * that its parent names. The free list has numbers, in the machine's order. */
static bool
is_in_order(struct page_walk *w, struct bytes key, bool is_of_branch)
{
	bool is_first = !w->has_last;
	int rc;

	if (w->kind == TREE_FREE)
		return true;
	rc = is_first ? 1
		      : page_key_compare(key, bytes_of(w->last, w->last_len));
	if (rc < 0 || (rc == 0 && !w->may_equal_last))
		return false;
	if (key.len > 0)
		memcpy(w->last, key.data, key.len);
	w->last_len = key.len;
	w->has_last = true;
	w->may_equal_last = is_of_branch;
	return true;
}

static void walk_page(struct page_walk *, uint64_t number, unsigned depth);

/* All nodes that can be told apart; NULL or what was wrong with the first. */
static const char *
walk_nodes(struct page_walk *w, const struct page *p, unsigned depth)
{
	const char *how, *first = NULL;
	struct page_node n;

	for (size_t i = 0; i < p->n_nodes; i++) {
		how = page_node(p, i, &n);
		/* the first key of a branch is not used */
		if (how == NULL && (p->kind == PAGE_LEAF || i > 0) &&
		    !is_in_order(w, n.key, p->kind == PAGE_BRANCH))
			how = "has rows that are not in order";
		if (how == NULL && p->kind == PAGE_LEAF)
			how = leaf_row(w, &n);
		else if (how == NULL)
			walk_page(w, n.page, depth - 1);
		if (first == NULL)
			first = how;
	}
	return first;
}

/* depth: levels from here down, this one too; bounds the recursion. */
static void
walk_page(struct page_walk *w, uint64_t number, unsigned depth)
{
	uint8_t **buf = &w->level[depth - 1];
	const char *how;
	struct page p;

	if (!take_page(w, number))
		return;
	if (*buf == NULL)
		*buf = xmalloc(w->meta.page_size);
	if (!read_page(w, number, *buf, w->meta.page_size))
		return;
	how = page_decode(&p, *buf, w->meta.page_size, number);
	if (how == NULL && p.kind != (depth > 1 ? PAGE_BRANCH : PAGE_LEAF))
		how = "has the wrong kind for its place in the tree";
	if (how == NULL)
		how = walk_nodes(w, &p, depth);
	if (how != NULL)
		bad_page(w, number, how);
	else
		whole_page(w, number);
}

static void
walk_tree(struct page_walk *w, enum tree_kind kind, const struct page_tree *t)
{
	uint64_t bad_before = w->report->n_bad_pages;

	w->kind = kind;
	w->has_last = false;
	w->n_rows = 0;
	if (t->depth > 0)
		walk_page(w, t->root, t->depth);
	/* an old page in the place of a new one looks whole */
	if (w->n_rows != t->n_rows && w->report->n_bad_pages == bad_before &&
	    !w->is_unknown) {
		say(w,
		    "page %llu and the pages below it have %llu rows instead "
		    "of %llu",
		    (unsigned long long)t->root, (unsigned long long)w->n_rows,
		    (unsigned long long)t->n_rows);
		w->report->n_bad_pages++;
	}
}

/* --- the beginning --- */

/* One of the first two pages. False if it says nothing. */
static bool
read_meta(struct page_walk *w, uint64_t number, struct page_meta *m)
{
	uint8_t buf[PAGE_SIZE_MIN];
	const char *how;
	bool is_other;

	if (!read_page(w, number, buf, sizeof(buf)))
		return false;
	how = page_meta_decode(m, buf, number, &is_other);
	if (how == NULL)
		return true;
	if (is_other) {
		say(w, "data.mdb %s", how);
		w->is_unknown = true;
	} else {
		bad_page(w, number, how);
	}
	return false;
}

/* False: there is no tree to be walked. */
static bool
begin(struct page_walk *w)
{
	long system_size = sysconf(_SC_PAGESIZE);
	struct page_meta m[PAGES_METAS];
	bool has[PAGES_METAS];
	struct stat st;

	/* as LMDB chooses it; the first page says which it was */
	w->meta.page_size =
	    system_size > 0 && (size_t)system_size < PAGE_SIZE_MAX
		? (size_t)system_size
		: PAGE_SIZE_MAX;
	has[0] = read_meta(w, 0, &m[0]);
	if (has[0])
		w->meta.page_size = m[0].page_size;
	has[1] = read_meta(w, 1, &m[1]);
	if (has[0] || has[1])
		w->meta = has[1] && (!has[0] || m[1].commit > m[0].commit)
			      ? m[1]
			      : m[0];
	if (disk_stat(w->fd, &st) == -1) {
		say(w, "data.mdb: %s", strerror(errno));
		w->is_unknown = true;
		return false;
	}
	w->n_pages = (uint64_t)st.st_size / w->meta.page_size;
	if (w->n_pages > PAGES_MAX)
		w->n_pages = PAGES_MAX;
	w->used = xcalloc(1, (size_t)w->n_pages / 8 + 1);
	w->whole = xcalloc(1, (size_t)w->n_pages / 8 + 1);
	return has[0] || has[1];
}

enum page_verdict
page_walk(
    struct page_walk *w, page_row_fn *fn, void *ctx, struct page_report *report)
{
	memset(report, 0, sizeof(*report));
	w->fn = fn;
	w->ctx = ctx;
	w->report = report;
	if (begin(w)) {
		walk_tree(w, TREE_MAIN, &w->meta.main);
		for (size_t i = 0; i < w->n_tables; i++) {
			w->table = w->tables[i].number;
			walk_tree(w,
			    w->tables[i].is_known ? TREE_ROWS : TREE_OTHER,
			    &w->tables[i].tree);
		}
		/* the last: what it lists must be used by none of these */
		walk_tree(w, TREE_FREE, &w->meta.free);
	}
	if (report->n_bad_pages > 0)
		return PAGES_DAMAGED;
	return w->is_unknown ? PAGES_UNKNOWN : PAGES_SOUND;
}

uint64_t
page_walk_pages(const struct page_walk *w)
{
	return w->n_pages;
}

size_t
page_walk_page_size(const struct page_walk *w)
{
	return w->meta.page_size;
}

bool
page_walk_was_whole(const struct page_walk *w, uint64_t number)
{
	return number < w->n_pages && w->whole != NULL &&
	       has_bit(w->whole, number);
}
