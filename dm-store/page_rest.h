/* SPDX-License-Identifier: ISC */
/*
 * Finds rows on the pages of an index that a walk did not find whole: damaged
 * ones, those that were to be found through them, and earlier states of pages
 * that are free now. Nothing says what is on them, so a row is looked for at
 * every place where one may begin; its seal says that it is one, and of which
 * table. It may be older than a row that the walk has given. salvage.c decides
 * whether to use it.
 */
#ifndef DMSTORE_PAGE_REST_H
#define DMSTORE_PAGE_REST_H

#include "dm-store/page_walk.h"

/* Rows of the tables records, history, redo and pending, in no order, one
 * perhaps twice. fd is that of the walk. */
void page_rest(const struct page_walk *, int fd, page_row_fn *fn, void *ctx);

#endif
