/* SPDX-License-Identifier: ISC */
/* The index as a file that the disk has changed: whatever is in it, the walk
 * ends, and says that it is damaged or finds rows whose seals hold; so does the
 * search beside it. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/log.h"
#include "dm-store/page_rest.h"
#include "dm-store/page_walk.h"
#include "dm-store/pages.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
on_row(void *ctx, enum index_table t, struct bytes key, struct bytes body)
{
	size_t *n = ctx;

	if (t >= INDEX_TABLES || key.len > PAGE_KEY_MAX)
		abort();
	for (size_t i = 0; i < body.len; i++)
		*n += body.data[i];
}

/* A page by itself, and every offset of it as if a node began there. */
static void
one_page(const uint8_t *data, size_t size)
{
	struct page_node n;
	struct page p;

	if (size < PAGE_SIZE_MIN || size > PAGE_SIZE_MAX)
		return;
	for (size_t at = 0; at < size; at++)
		page_node_at(data, size, at, &n);
	if (page_decode(&p, data, size, 2) != NULL || p.kind == PAGE_OVERFLOW)
		return;
	for (size_t i = 0; i < p.n_nodes; i++)
		page_node(&p, i, &n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct page_report report;
	struct page_walk *w;
	size_t n = 0;

	one_page(data, size);
	if (fd == -1 && (fd = memfd_create("index", MFD_CLOEXEC)) == -1)
		fatal("memfd_create");
	if (ftruncate(fd, 0) == -1 ||
	    pwrite(fd, data, size, 0) != (ssize_t)size)
		fatal("memfd");
	w = page_walk_new(fd);
	page_walk(w, on_row, &n, &report);
	page_rest(w, fd, on_row, &n);
	page_walk_free(w);
	return 0;
}
