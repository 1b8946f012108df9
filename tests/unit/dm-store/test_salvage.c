/* SPDX-License-Identifier: ISC */
/* A damaged index: whatever page it is that the disk has lost, nothing that was
 * deleted or replaced comes back, and what is in files/ goes on being served.
 */
#include "fixture.h"

#include <sys/stat.h>

#include "dm-store/scrub.h"
#include "dm-store/suspects.h"

#define FILES 30
#define LARGE 100000

static struct key_pair key, other;
static struct fix f;
static struct entry old[FILES], gone[FILES], kept[FILES];
static uint8_t large[LARGE];

static size_t
page_size(void)
{
	long size = sysconf(_SC_PAGESIZE);

	return size < 32768 ? (size_t)size : 32768;
}

static void
name_of(const char *kind, unsigned i, char out[32])
{
	snprintf(out, 32, "d/%s-%u", kind, i);
}

/* Names that were deleted, and names that are there. */
static void
fill(void)
{
	char name[32];

	for (unsigned i = 0; i < FILES; i++) {
		name_of("gone", i, name);
		old[i] = fix_file(name, START_NS, "old", 3, &key);
		gone[i] = fix_delete(name, START_NS + 1, &key);
		name_of("kept", i, name);
		kept[i] = fix_file(name, START_NS, "kept", 4, &key);
		assert_int_equal(
		    fix_put(&f, &old[i], "old", 3), VERDICT_CREATED);
		assert_int_equal(fix_put(&f, &gone[i], NULL, 0), VERDICT_OK);
		assert_int_equal(
		    fix_put(&f, &kept[i], "kept", 4), VERDICT_CREATED);
	}
	commit_tick(&f.s);
	fix_turn(&f);
}

static int
setup(void **state)
{
	memset(large, 'l', sizeof(large));
	fix_new(&f);
	fix_configure(&f, "d/*", &key, 1);
	return 0;
}

static int
teardown(void **state)
{
	fix_free(&f);
	return 0;
}

static int
data_open(void)
{
	char path[400];
	int fd;

	fix_path(&f, "index/data.mdb", path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd != -1);
	return fd;
}

static uint64_t
n_pages(void)
{
	int fd = data_open();
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	return (uint64_t)st.st_size / page_size();
}

/* Zeros on the disk from one page to before another. */
static void
lose(uint64_t from, uint64_t to)
{
	static const uint8_t zeros[32768];
	int fd = data_open();

	for (uint64_t i = from; i < to; i++)
		assert_int_equal(
		    pwrite(fd, zeros, page_size(), (off_t)(i * page_size())),
		    page_size());
	close(fd);
}

static void
start(void)
{
	fix_start(&f);
	fix_configure(&f, "d/*", &key, 1);
	suspects_look_again(&f.s);
	fix_turn(&f);
}

/* The tables that are derived say what the others say. */
static void
assert_derived(void)
{
	uint64_t n = index_count(f.s.index, VIEW_COMMITTED, INDEX_RECORDS);

	n -= index_count(f.s.index, VIEW_COMMITTED, INDEX_DORMANT);
	assert_int_equal(
	    table_signer_count(f.s.index, VIEW_COMMITTED, key.public_key), n);
}

static void
assert_nothing_is_back(void)
{
	char name[32];

	for (unsigned i = 0; i < FILES; i++) {
		name_of("gone", i, name);
		assert_int_equal(fix_judge(&f, &old[i]), VERDICT_NOT_NEWER);
		assert_false(fix_exists(&f, name));
		name_of("kept", i, name);
		fix_assert_content(&f, name, "kept", 4);
	}
	assert_derived();
}

/* One page after another, whichever it is; the rest of the disk stays. */
static void
test_any_page(void **state)
{
	size_t size;
	uint8_t *was;
	int fd;

	fill();
	size = n_pages() * page_size();
	was = xmalloc(size);
	fd = data_open();
	assert_int_equal(pread(fd, was, size, 0), size);
	close(fd);
	while (size > 0 && was[size - 1] == 0)
		size--; /* written ahead of need */
	for (uint64_t i = 0; i * page_size() < size; i++) {
		fix_die(&f);
		fd = data_open();
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, was, size, 0), size);
		close(fd);
		lose(i, i + 1);
		start();
		assert_nothing_is_back();
	}
	free(was);
	assert_int_equal(fix_count_dir(&f, "quarantine"), 1);
}

/* The pages that say where all the others are. */
static void
test_head(void **state)
{
	fill();
	fix_die(&f);
	lose(0, 2);
	start();
	assert_nothing_is_back();
	assert_int_equal(fix_count_dir(&f, "quarantine"), 1);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_WANTED), 0);
	/* and it is an index as any other */
	fix_die(&f);
	start();
	assert_nothing_is_back();
	assert_int_equal(fix_count_dir(&f, "quarantine"), 1);
}

/* A version of which the index has the only copy: the process ended before the
 * file was in its place. */
static void
test_content_in_the_index(void **state)
{
	static const size_t sizes[] = {100, 60000, LARGE};
	struct entry e[3];
	char name[32];

	for (size_t i = 0; i < 3; i++) {
		name_of("redo", (unsigned)i, name);
		e[i] = fix_file(name, START_NS, large, sizes[i], &key);
		fix_content(&f, fix_begin(&f, &e[i], 0, true), large, sizes[i]);
		assert_int_equal(index_commit(f.s.index), 0);
	}
	fix_die(&f);
	lose(0, 2);
	start();
	for (size_t i = 0; i < 3; i++) {
		name_of("redo", (unsigned)i, name);
		fix_assert_content(&f, name, large, sizes[i]);
		fix_assert_opens(&f, name, NULL, large, sizes[i]);
	}
}

/* What is not configured stays apart, and is as it was when it is again. */
static void
test_dormant(void **state)
{
	fill();
	fix_configure(&f, "e/*", &key, 1);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_DORMANT), 2 * FILES);
	fix_die(&f);
	lose(0, 1);
	fix_start(&f);
	fix_configure(&f, "e/*", &key, 1);
	assert_int_equal(fix_count_dir(&f, "quarantine"), 1);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_DORMANT), 2 * FILES);
	assert_derived();
	fix_configure(&f, "d/*", &key, 1);
	assert_derived();
	for (unsigned i = 0; i < FILES; i++)
		assert_int_equal(fix_judge(&f, &old[i]), VERDICT_NOT_NEWER);
}

/* Content that looks like rows of an index, page by page. */
static void
test_forged_rows(void **state)
{
	struct entry forged = fix_file("d/forged", START_NS, "x", 1, &other);
	uint8_t row_key[RECORD_KEY_MAX], row[ROW_SEALED_MAX];
	uint8_t page[2048] = {0}, content[40960];
	size_t key_len, len, at = 0;
	struct record rec = {1, forged};
	uint16_t half;
	struct entry e;

	memcpy(rec.entry.signer, key.public_key, 32);
	key_len = row_record_key("d/forged", rec.entry.signer, row_key);
	len = row_seal(INDEX_RECORDS, row_key, key_len, row,
	    row_record_encode(&rec, row + 1));
	half = (uint16_t)len;
	memcpy(page, &half, 2);
	half = (uint16_t)key_len;
	memcpy(page + 6, &half, 2);
	memcpy(page + 8, row_key, key_len);
	memcpy(page + 8 + key_len, row, len);
	for (; at + sizeof(page) <= sizeof(content); at += sizeof(page))
		memcpy(content + at, page, sizeof(page));
	e = fix_file("d/a", START_NS, content, sizeof(content), &key);
	assert_int_equal(
	    fix_put(&f, &e, content, sizeof(content)), VERDICT_CREATED);
	fix_die(&f);
	lose(0, 2);
	start();
	fix_assert_content(&f, "d/a", content, sizeof(content));
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_RECORDS), 1);
}

static void
move(const char *from, const char *to)
{
	char a[400], b[400];

	fix_path(&f, from, a);
	fix_path(&f, to, b);
	assert_int_equal(rename(a, b), 0);
}

/* The salvage was ended when the damaged index had gone and the new one had
 * not come: it is not begun with an empty one. */
static void
test_ended_before_its_end(void **state)
{
	char path[400];

	fill();
	fix_die(&f);
	fix_path(&f, "index/new", path);
	assert_int_equal(mkdir(path, 0700), 0);
	move("index/data.mdb", "index/new/data.mdb");
	start();
	assert_nothing_is_back();
	assert_false(fix_exists(&f, "index/new"));
	/* one that was not complete is begun again */
	fix_die(&f);
	assert_int_equal(mkdir(path, 0700), 0);
	fix_path(&f, "index/new/data.mdb", path);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	lose(0, 2);
	start();
	assert_nothing_is_back();
	assert_false(fix_exists(&f, "index/new"));
}

static int
group_setup(void **state)
{
	key_generate(&key);
	key_generate(&other);
	return 0;
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_any_page), T(test_head),
	    T(test_content_in_the_index), T(test_dormant), T(test_forged_rows),
	    T(test_ended_before_its_end)};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
