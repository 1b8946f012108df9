/* SPDX-License-Identifier: ISC */
/*
 * Reads an index as a file, without LMDB, whose map would end this process at
 * the first page that the disk does not give: every page that the last commit
 * refers to, in the order of its trees, and every row's seal. It says which
 * page is damaged, and goes on after it. It judges an index that is suspected,
 * and gives the whole rows of one that is damaged. Nothing is changed; memory
 * is bounded by two bits a page of the file, a page for each level, and the
 * largest row.
 */
#ifndef DMSTORE_PAGE_WALK_H
#define DMSTORE_PAGE_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "dm-store/index.h"

#define PAGE_WALK_WHY_SIZE 160

enum page_verdict {
	PAGES_SOUND,   /* every page; rows that are damaged are counted */
	PAGES_DAMAGED, /* why says which page, and how */
	PAGES_UNKNOWN, /* why says what kept it from being read */
};

struct page_report {
	char why[PAGE_WALK_WHY_SIZE]; /* of the first; "" if sound */
	uint64_t n_pages, n_rows;     /* that are whole */
	uint64_t n_bad_pages, n_bad_rows;
};

/* A row that is whole, borrowed until it returns. */
typedef void page_row_fn(
    void *ctx, enum index_table, struct bytes key, struct bytes body);

struct page_walk;

/* Of an open data.mdb, which stays the caller's. */
struct page_walk *page_walk_new(int fd);
void page_walk_free(struct page_walk *); /* NULL is fine */

/* All of it, once; fn may be NULL. */
enum page_verdict page_walk(
    struct page_walk *, page_row_fn *fn, void *ctx, struct page_report *);

/* After it, for page_rest.c: how many pages there are, their size, and whether
 * the walk came to that page and found it whole. */
uint64_t page_walk_pages(const struct page_walk *);
size_t page_walk_page_size(const struct page_walk *);
bool page_walk_was_whole(const struct page_walk *, uint64_t number);

#endif
