/* SPDX-License-Identifier: ISC */
/*
 * The pages of LMDB's file (format 1 of it), decoded one by one from bytes that
 * the disk may have changed. Pure: it reads no file, follows no pointer and
 * trusts nothing that it decodes. page_walk.c knows which page refers to which.
 *
 * Numbers in the file are those of the machine that wrote it: its order of
 * bytes, and words as long as its pointers. Borrowed bytes lie in the page.
 */
#ifndef DMSTORE_PAGES_H
#define DMSTORE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec.h"

#define PAGES_METAS 2 /* the first two: the later one counts */
#define PAGE_SIZE_MIN ((size_t)512)
#define PAGE_SIZE_MAX ((size_t)32768)
#define PAGE_KEY_MAX 511  /* bytes, as LMDB is built */
#define PAGE_DEPTH_MAX 32 /* levels of a tree */

enum page_kind { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4 };

struct page {
	const uint8_t *bytes;
	size_t size;
	enum page_kind kind;
	size_t n_nodes;	  /* branch and leaf */
	uint32_t n_pages; /* overflow: it and those after it */
};

struct page_node {
	struct bytes key;
	uint64_t page;	   /* branch: the child; leaf: see is_far */
	bool is_far;	   /* leaf: the value is on overflow pages */
	bool is_table;	   /* leaf: the value is a page_tree */
	uint32_t size;	   /* leaf: of the value */
	struct bytes data; /* leaf: the value, unless is_far */
};

struct page_tree {
	unsigned depth; /* 0: it is empty, and has no root */
	uint64_t root;
	uint64_t n_rows;
};

struct page_meta {
	size_t page_size;
	uint64_t last_page;
	uint64_t commit; /* number of the transaction that wrote it */
	struct page_tree free, main;
};

/*
 * NULL, or what is wrong with it, as the end of a sentence that begins with
 * the page. number: which page it is said to be. size: of a page.
 */
const char *page_decode(
    struct page *, const uint8_t *bytes, size_t size, uint64_t number);

/* The i-th node of a branch or a leaf; likewise. */
const char *page_node(const struct page *, size_t i, struct page_node *);

/* A leaf's node that begins at that offset, whatever the rest of the page says:
 * for a page that is damaged. False: there is none. */
bool page_node_at(
    const uint8_t *bytes, size_t size, size_t offset, struct page_node *);

/* As page_decode(); *is_other: it is of a format that is not known here. bytes
 * are the beginning of the page, PAGE_SIZE_MIN of them. */
const char *page_meta_decode(
    struct page_meta *, const uint8_t *bytes, uint64_t number, bool *is_other);

/* A table, from the value of a node. False: there is none. */
bool page_tree_decode(struct page_tree *, struct bytes);

/* How many pages a value on overflow pages takes, and where it begins in the
 * first. */
uint64_t page_overflow_pages(size_t page_size, uint32_t value_size);
size_t page_overflow_start(void);

/* The numbers of pages in a row of the free list: the i-th of n. False: there
 * are not so many as the row says. */
bool page_free_list(struct bytes, size_t *n);
uint64_t page_free_at(struct bytes, size_t i);

/* In the order of keys: <0, 0, >0. */
int page_key_compare(struct bytes a, struct bytes b);

#endif
