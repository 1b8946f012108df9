/* SPDX-License-Identifier: ISC */
/* The slow pass over all files: its pace, and that it survives a restart. */
#include "fixture.h"

#include "dm-store/scrub.h"
#include "dm-store/suspects.h"

#define FILES 200

static struct key_pair key;
static struct fix f;

static void
name_of(unsigned i, char out[16])
{
	snprintf(out, 16, "d/%u", i);
}

static int
setup(void **state)
{
	char name[16];
	struct entry e;

	key_generate(&key);
	fix_new(&f);
	fix_configure(&f, "d/*", &key, 1);
	for (unsigned i = 0; i < FILES; i++) {
		name_of(i, name);
		e = fix_file(name, START_NS, "content", 7, &key);
		fix_content(&f, fix_begin(&f, &e, 0, true), "content", 7);
	}
	fix_turn(&f);
	return 0;
}

static int
teardown(void **state)
{
	fix_free(&f);
	return 0;
}

/* The file that the pass reads first, or last. */
static void
edge(bool is_last, char out[16])
{
	uint8_t best[16], k[16];
	char name[16];

	for (unsigned i = 0; i < FILES; i++) {
		name_of(i, name);
		name_key(name, k);
		if (i > 0 && (memcmp(k, best, 16) < 0) == is_last)
			continue;
		memcpy(best, k, 16);
		strcpy(out, name);
	}
}

/* Bits rot. */
static void
damage(const char *name)
{
	char path[400], below[32];
	int fd;

	snprintf(below, sizeof(below), "files/%s", name);
	fix_path(&f, below, path);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "C", 1, 0), 1);
	close(fd);
}

static struct scrub_facts
facts(void)
{
	struct scrub_facts out;

	scrub_facts(&f.s, &out);
	return out;
}

/* Until the next pass is due, or the last run's goes on. */
static void
due(uint64_t ns)
{
	fix_pass(ns);
	suspects_look_again(&f.s);
	fix_turn(&f);
}

static void
turn(void)
{
	event_base_loop(f.s.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* The first look leaves room for others: not all names in one turn. */
static void
test_look_in_slices(void **state)
{
	uint64_t n;
	char name[16], path[400];

	for (unsigned i = 0; i < FILES; i++) {
		name_of(i, name);
		fix_path(&f, "files/", path);
		strcat(path, name);
		assert_int_equal(unlink(path), 0);
	}
	suspects_look_again(&f.s);
	turn();
	commit_flush(&f.s);
	n = index_count(f.s.index, VIEW_COMMITTED, INDEX_WANTED);
	assert_true(n > 0 && n < FILES);
	turn();
	commit_flush(&f.s);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_WANTED), FILES);
}

static void
run_until_files(uint64_t n)
{
	while (facts().done_files < n || !facts().is_running)
		event_base_loop(f.s.base, EVLOOP_ONCE);
}

static void
run_to_end(void)
{
	while (facts().is_running)
		event_base_loop(f.s.base, EVLOOP_ONCE);
}

static void
restart(void)
{
	fix_die(&f);
	fix_start(&f);
	fix_configure(&f, "d/*", &key, 1);
	scrub_start(&f.s);
	fix_turn(&f);
}

static void
test_goes_on_where_it_was(void **state)
{
	char first[16], last[16];

	edge(false, first);
	edge(true, last);
	scrub_start(&f.s);
	fix_turn(&f);
	assert_false(facts().is_running); /* not right after the start */
	due(601 * NS_PER_S);
	run_until_files(1);
	/* a turn's worth, not all there is */
	assert_true(facts().done_files <= 64);
	assert_int_equal(facts().total_files, FILES);
	scrub_settle(&f.s);
	commit_settle(&f.s); /* else the redo heals */
	fix_turn(&f);
	damage(first);
	damage(last);
	restart();
	assert_true(facts().is_running);
	assert_true(facts().done_files > 0 && facts().done_files <= 64);
	due(61 * NS_PER_S);
	run_to_end();
	assert_int_equal(facts().done_files, FILES);
	assert_int_equal(f.s.stats.damaged, 1);
	assert_int_equal(fix_winner(&f, last).state, WINNER_WANTED);
	assert_int_equal(fix_winner(&f, first).state, WINNER_SHOWN);
	assert_int_equal(fix_count_dir(&f, "quarantine"), 1);
	/* the next one is a day later, a restart or not */
	restart();
	due(3600 * NS_PER_S);
	assert_false(facts().is_running);
	due(86400 * NS_PER_S);
	run_until_files(1);
	run_to_end();
	assert_int_equal(fix_winner(&f, first).state, WINNER_WANTED);
	assert_int_equal(f.sent[IPC_WANT] > 0, true);
}

/* What a peer complains about is read at once. */
static void
test_suspect(void **state)
{
	struct winner w = fix_winner(&f, "d/7");
	uint8_t k[16];

	scrub_start(&f.s);
	fix_turn(&f);
	damage("d/7");
	name_key("d/7", k);
	scrub_suspect(&f.s, k, w.rank.version);
	while (fix_winner(&f, "d/7").state == WINNER_SHOWN)
		event_base_loop(f.s.base, EVLOOP_ONCE);
	assert_int_equal(f.s.stats.damaged, 1);
	assert_int_equal(fix_winner(&f, "d/8").state, WINNER_SHOWN);
}

/* Content of the i-th older version. */
static void
old_content(unsigned i, char out[16])
{
	snprintf(out, 16, "older %u", i);
}

static void
hex_path(const char *content, char out[400])
{
	char below[100] = "index/old/";
	uint8_t hash[32];

	fix_hash(content, strlen(content), hash);
	for (size_t i = 0; i < 32; i++)
		sprintf(below + 10 + 2 * i, "%02x", hash[i]);
	fix_path(&f, below, out);
}

static void
write_file(const char *path, const char *content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);

	assert_true(fd != -1);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
}

static void
pass(void)
{
	due(2 * 86400 * NS_PER_S);
	while (!facts().is_running)
		event_base_loop(f.s.base, EVLOOP_ONCE);
	run_to_end();
	fix_turn(&f);
}

/* old/: what rots there goes, what no row knows goes, the rest stays. */
static void
test_older_versions(void **state)
{
	char content[16], path[400], stray[400];
	struct entry e;

	for (unsigned i = 0; i < 8; i++) {
		old_content(i, content);
		e = fix_file(
		    "d/x", START_NS + i, content, strlen(content), &key);
		assert_true(
		    verdict_is_ok(fix_put(&f, &e, content, strlen(content))));
	}
	commit_settle(&f.s);
	fix_turn(&f);
	assert_int_equal(fix_count_dir(&f, "index/old"), 7);
	scrub_start(&f.s);
	fix_turn(&f);
	pass();
	assert_int_equal(f.s.stats.damaged, 0);
	assert_int_equal(fix_count_dir(&f, "index/old"), 7);
	old_content(2, content);
	hex_path(content, path);
	write_file(path, "0lder 2");
	old_content(3, content);
	hex_path(content, path);
	write_file(path, "short");
	old_content(4, content);
	hex_path(content, path);
	assert_int_equal(unlink(path), 0);
	hex_path("nobody's", stray);
	write_file(stray, "nobody's");
	fix_path(&f, "index/old/notes", stray);
	write_file(stray, "what is this?");
	pass();
	assert_int_equal(f.s.stats.damaged, 2);
	assert_int_equal(f.s.files.quarantined, 2);
	assert_int_equal(fix_count_dir(&f, "quarantine"), 2);
	assert_int_equal(fix_count_dir(&f, "index/old"), 4);
	assert_int_equal(index_count(f.s.index, VIEW_COMMITTED, INDEX_OLD), 4);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_HISTORY), 4);
	assert_int_equal(f.s.stats.old_bytes, 4 * 8192);
	pass();
	assert_int_equal(f.s.stats.damaged, 2);
}

/* What was damaged and comes again is healed, and counted. */
static void
test_healed(void **state)
{
	struct entry e = fix_file("d/7", START_NS, "content", 7, &key);
	uint8_t k[16];

	scrub_start(&f.s);
	fix_turn(&f);
	damage("d/7");
	name_key("d/7", k);
	suspects_add(&f.s, k);
	while (fix_winner(&f, "d/7").state == WINNER_SHOWN)
		event_base_loop(f.s.base, EVLOOP_ONCE);
	assert_int_equal(f.s.stats.healed, 0);
	assert_int_equal(fix_fetch(&f, &e, "content", 7), VERDICT_CREATED);
	assert_int_equal(f.s.stats.healed, 1);
	assert_int_equal(f.s.files.quarantined, 1);
	assert_int_equal(f.s.stats.damaged, 1);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_look_in_slices),
	    T(test_goes_on_where_it_was), T(test_suspect),
	    T(test_older_versions), T(test_healed)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
