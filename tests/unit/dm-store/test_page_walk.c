/* SPDX-License-Identifier: ISC */
/* The index read as a file: it is sound after whatever LMDB does to it, and
 * each way to damage a page is found, and named. */
#include "fixture.h"

#include <sys/stat.h>

#include "dm-store/page_walk.h"
#include "dm-store/pages.h"

#define ROWS 3000

static struct fix f;
static struct page_report report;
static uint64_t n_seen;

static int
setup(void **state)
{
	fix_new(&f);
	n_seen = 0;
	return 0;
}

static int
teardown(void **state)
{
	fix_free(&f);
	return 0;
}

static void
on_row(void *ctx, enum index_table t, struct bytes key, struct bytes body)
{
	if (t == INDEX_RECORDS)
		n_seen++;
}

static int
data_open(void)
{
	int fd = openat(f.s.files.index_fd, INDEX_DATA, O_RDWR | O_CLOEXEC);

	assert_true(fd != -1);
	return fd;
}

static enum page_verdict
walk(void)
{
	enum page_verdict verdict;
	struct page_walk *w;
	int fd = data_open();

	n_seen = 0;
	w = page_walk_new(fd);
	verdict = page_walk(w, on_row, NULL, &report);
	page_walk_free(w);
	close(fd);
	return verdict;
}

static void
key_of(unsigned i, uint8_t key[8])
{
	row_put_u64(key, i * UINT64_C(0x9e3779b97f4a7c15));
}

/* Rows of the sizes that there are: small ones, and redo with its content. */
static void
put(unsigned i, size_t len)
{
	static uint8_t body[ROW_BODY_MAX];
	uint8_t key[8];

	key_of(i, key);
	index_put(f.s.index, len > ROW_SMALL_MAX ? INDEX_REDO : INDEX_RECORDS,
	    key, 8, body, len);
}

static void
fill(void)
{
	index_begin(f.s.index);
	for (unsigned i = 0; i < ROWS; i++)
		put(i, i % 500);
	put(0, 50000);
	assert_int_equal(index_commit(f.s.index), 0);
}

static void
test_sound(void **state)
{
	uint8_t key[8];

	assert_int_equal(walk(), PAGES_SOUND);
	fill();
	assert_int_equal(walk(), PAGES_SOUND);
	assert_int_equal(n_seen, ROWS);
	srandom(1);
	for (unsigned round = 0; round < 150; round++) {
		index_begin(f.s.index);
		for (unsigned i = 0; i < 40; i++) {
			unsigned n = (unsigned)random() % ROWS;

			key_of(n, key);
			if (round % 3 == 0)
				index_delete(f.s.index, INDEX_RECORDS, key, 8);
			else
				put(n, (unsigned)random() % 900);
		}
		if (round % 5 == 0)
			put(round, 3000 + 400 * round);
		if (round % 17 == 0)
			index_empty(f.s.index, INDEX_REDO);
		assert_int_equal(index_commit(f.s.index), 0);
		if (walk() != PAGES_SOUND)
			fail_msg("%s", report.why);
		assert_int_equal(n_seen,
		    index_count(f.s.index, VIEW_COMMITTED, INDEX_RECORDS));
	}
	index_begin(f.s.index);
	index_empty(f.s.index, INDEX_RECORDS);
	assert_int_equal(index_commit(f.s.index), 0);
	assert_int_equal(walk(), PAGES_SOUND);
	assert_int_equal(report.n_bad_rows, 0);
}

static size_t
page_size(void)
{
	long size = sysconf(_SC_PAGESIZE);

	return size < (long)PAGE_SIZE_MAX ? (size_t)size : PAGE_SIZE_MAX;
}

static uint64_t
n_pages(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_size / page_size();
}

static uint8_t was[PAGE_SIZE_MAX];

static void
harm_page(int fd, uint64_t number, void (*harm)(uint8_t *, size_t))
{
	off_t at = (off_t)(number * page_size());
	uint8_t is[PAGE_SIZE_MAX];

	assert_int_equal(pread(fd, was, page_size(), at), page_size());
	memcpy(is, was, page_size());
	harm(is, page_size());
	assert_int_equal(pwrite(fd, is, page_size(), at), page_size());
}

static void
put_back(int fd, uint64_t number)
{
	assert_int_equal(
	    pwrite(fd, was, page_size(), (off_t)(number * page_size())),
	    page_size());
}

/* The walk finds what was done to that page, and names it. */
static bool
is_found_in(int fd, uint64_t number, void (*harm)(uint8_t *, size_t))
{
	enum page_verdict verdict;
	char name[32];

	harm_page(fd, number, harm);
	verdict = walk();
	put_back(fd, number);
	if (verdict == PAGES_SOUND)
		return report.n_bad_rows > 0;
	assert_int_equal(verdict, PAGES_DAMAGED);
	snprintf(name, sizeof(name), "page %llu ", (unsigned long long)number);
	if (strncmp(report.why, name, strlen(name)) != 0)
		fail_msg("%s, and not %s", report.why, name);
	return true;
}

static void
zero(uint8_t *page, size_t size)
{
	memset(page, 0, size);
}

static void
fewer_rows(uint8_t *page, size_t size)
{
	uint16_t lower;

	memcpy(&lower, page + sizeof(size_t) + 4, 2);
	lower = (uint16_t)(lower - 2);
	memcpy(page + sizeof(size_t) + 4, &lower, 2);
}

static bool
is_leaf(int fd, uint64_t number)
{
	off_t at = (off_t)(number * page_size());
	uint8_t bytes[PAGE_SIZE_MAX];
	struct page p;

	assert_int_equal(pread(fd, bytes, page_size(), at), page_size());
	return page_decode(&p, bytes, page_size(), number) == NULL &&
	       p.kind == PAGE_LEAF;
}

/* Whichever page the disk gives as zeros: it is found if the index uses it. */
static void
test_zeros(void **state)
{
	uint64_t n, used, found = 0;
	int fd;

	fill();
	assert_int_equal(walk(), PAGES_SOUND);
	used = report.n_pages;
	fd = data_open();
	n = n_pages(fd);
	for (uint64_t i = 0; i < n; i++)
		found += is_found_in(fd, i, zero);
	/* of a long row only the first page is read for what it is: the
	 * others are in its seal; two pages are those that say what is used */
	assert_true(found >= used + 2 - 13 && found <= used + 2);
	close(fd);
}

/* What was written before in the place of what was written last: each page is
 * whole, and rows are missing. */
static void
test_rows_are_missing(void **state)
{
	unsigned n_leaves = 0;
	uint64_t n;
	int fd;

	fill();
	fd = data_open();
	n = n_pages(fd);
	for (uint64_t i = 2; i < n; i++) {
		if (!is_leaf(fd, i))
			continue;
		harm_page(fd, i, fewer_rows);
		if (walk() == PAGES_DAMAGED &&
		    strstr(report.why, " rows instead of ") != NULL)
			n_leaves++;
		put_back(fd, i);
	}
	assert_true(n_leaves > 50);
	close(fd);
}

static void
test_cut_short(void **state)
{
	struct stat st;
	int fd;

	fill();
	fd = data_open();
	assert_int_equal(fstat(fd, &st), 0);
	/* zeros are written ahead of need, so half of it is short enough */
	assert_int_equal(ftruncate(fd, st.st_size / 4), 0);
	assert_int_equal(walk(), PAGES_DAMAGED);
	assert_non_null(strstr(report.why, "is after the end of data.mdb"));
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(walk(), PAGES_DAMAGED);
	assert_int_equal(n_seen, 0);
	close(fd);
}

/* One bit anywhere: the walk ends, and gives no row that was not written. */
static void
test_bits(void **state)
{
	uint64_t size, at;
	uint8_t old, now;
	int fd;

	fill();
	fd = data_open();
	size = n_pages(fd) * page_size();
	srandom(7);
	for (unsigned i = 0; i < 400; i++) {
		at = (uint64_t)random() % size;
		assert_int_equal(pread(fd, &old, 1, (off_t)at), 1);
		now = (uint8_t)(old ^ 1u << random() % 8);
		assert_int_equal(pwrite(fd, &now, 1, (off_t)at), 1);
		walk();
		assert_true(n_seen <= ROWS);
		if (report.n_bad_pages == 0 && report.n_bad_rows == 0)
			assert_int_equal(n_seen, ROWS);
		assert_int_equal(pwrite(fd, &old, 1, (off_t)at), 1);
	}
	close(fd);
}

/* What is no index, and what is one of another format. */
static void
test_others(void **state)
{
	uint32_t version = 2;
	struct page_walk *w;
	int fd;

	fd = data_open();
	assert_int_equal(
	    pwrite(fd, &version, 4, (off_t)sizeof(size_t) + 12), 4);
	assert_int_equal(walk(), PAGES_UNKNOWN);
	assert_non_null(strstr(report.why, "unknown version of LMDB's format"));
	version = 1;
	assert_int_equal(
	    pwrite(fd, &version, 4, (off_t)sizeof(size_t) + 12), 4);
	assert_int_equal(walk(), PAGES_SOUND);
	close(fd);
	/* a disk that gives nothing is no evidence */
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w = page_walk_new(fd);
	assert_int_equal(page_walk(w, NULL, NULL, &report), PAGES_UNKNOWN);
	page_walk_free(w);
	close(fd);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_sound), T(test_zeros),
	    T(test_rows_are_missing), T(test_cut_short), T(test_bits),
	    T(test_others)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
