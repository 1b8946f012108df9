/* SPDX-License-Identifier: ISC */
/* Deaths at the worst moments: between the commit and the file in its place,
 * before the redo is gone; a damaged index; a full disk. */
#include "fixture.h"

#include <lmdb.h>
#include <sys/mount.h>

#include "common/hex.h"
#include "dm-store/files_path.h"
#include "dm-store/state_dirs.h"
#include "dm-store/suspects.h"

static struct key_pair key;
static struct fix f;
static uint8_t content[CONTENT_CAP];

static int
setup(void **state)
{
	key_generate(&key);
	memset(content, 'c', sizeof(content));
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

static void
restart(void)
{
	fix_die(&f);
	fix_start(&f);
	fix_configure(&f, "d/*", &key, 1);
}

/* Up to the commit and not a step further. */
static void
put_until_commit(const struct entry *e, const uint8_t *data, size_t len)
{
	fix_content(&f, fix_begin(&f, e, 0, true), data, len);
	assert_int_equal(index_commit(f.s.index), 0);
}

static void
test_before_placement(void **state)
{
	static const size_t sizes[] = {0, 100, 65536, 200000};
	struct entry one, two;
	char name[32];

	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "d/f%zu", i);
		one = fix_file(name, START_NS, "old", 3, &key);
		two = fix_file(name, START_NS + 1, content, sizes[i], &key);
		assert_int_equal(fix_put(&f, &one, "old", 3), VERDICT_CREATED);
		put_until_commit(&two, content, sizes[i]);
		fix_assert_content(&f, name, "old", 3);
		restart();
		fix_assert_content(&f, name, content, sizes[i]);
		fix_assert_opens(&f, name, NULL, content, sizes[i]);
		assert_int_equal(
		    fix_put(&f, &two, content, sizes[i]), VERDICT_UNCHANGED);
	}
	assert_int_equal(fix_count_dir(&f, "index/tmp"), 0);
	assert_int_equal(index_count(f.s.index, VIEW_COMMITTED, INDEX_REDO), 0);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_PENDING), 0);
}

static void
test_before_commit(void **state)
{
	struct entry one = fix_file("d/a", START_NS, "old", 3, &key);
	struct entry two = fix_file("d/a", START_NS + 1, content, 200000, &key);

	fix_put(&f, &one, "old", 3);
	fix_content(&f, fix_begin(&f, &two, 0, true), content, 200000);
	restart();
	fix_assert_content(&f, "d/a", "old", 3);
	assert_int_equal(fix_count_dir(&f, "index/tmp"), 0);
	assert_int_equal(fix_put(&f, &two, content, 200000), VERDICT_REPLACED);
}

static void
test_delete_before_placement(void **state)
{
	struct entry one = fix_file("d/a", START_NS, "old", 3, &key);
	struct entry two = fix_delete("d/a", START_NS + 1, &key);

	fix_put(&f, &one, "old", 3);
	put_until_commit(&two, NULL, 0);
	assert_true(fix_exists(&f, "files/d/a"));
	restart();
	assert_false(fix_exists(&f, "files/d/a"));
	assert_int_equal(fix_open(&f, "d/a", NULL), VERDICT_DELETED);
}

/* What a power cut leaves of a file that was placed but not synced. */
static void
test_unsynced_file(void **state)
{
	struct entry e = fix_file("d/a", START_NS, content, 5000, &key);
	char path[400];

	fix_put(&f, &e, content, 5000);
	assert_int_equal(index_count(f.s.index, VIEW_COMMITTED, INDEX_REDO), 1);
	fix_path(&f, "files/d/a", path);
	assert_int_equal(truncate(path, 0), 0);
	restart();
	fix_assert_content(&f, "d/a", content, 5000);
}

static ino_t
inode(const char *path)
{
	char full[400];
	struct stat st;

	fix_path(&f, path, full);
	assert_int_equal(stat(full, &st), 0);
	return st.st_ino;
}

/* After a failed sync a file reads right that the disk does not have: so what
 * the redo has is written anew, in files/ and in old/. */
static void
test_reads_right(void **state)
{
	struct entry one = fix_file("d/a", START_NS, "one", 3, &key);
	struct entry two = fix_file("d/a", START_NS + 1, content, 5000, &key);
	char old[100] = "index/old/", path[400], aside[400];
	ino_t shown, kept;

	fix_put(&f, &one, "one", 3);
	fix_put(&f, &two, content, 5000);
	hex_encode(one.sha256, 32, old + strlen(old));
	shown = inode("files/d/a");
	kept = inode(old);
	/* so that their numbers are not used again */
	fix_path(&f, "files/d/a", path);
	fix_path(&f, "files/aside", aside);
	assert_int_equal(link(path, aside), 0);
	fix_path(&f, old, path);
	fix_path(&f, "files/aside.old", aside);
	assert_int_equal(link(path, aside), 0);
	restart();
	assert_int_not_equal(inode("files/d/a"), shown);
	assert_int_not_equal(inode(old), kept);
	fix_assert_content(&f, "d/a", content, 5000);
	assert_int_equal(index_count(f.s.index, VIEW_COMMITTED, INDEX_REDO), 0);
	/* and only while there is a redo */
	shown = inode("files/d/a");
	restart();
	assert_int_equal(inode("files/d/a"), shown);
}

static void
fill_disk(const char *path)
{
	static uint8_t ballast[4096];
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd != -1);
	while (write(fd, ballast, sizeof(ballast)) == sizeof(ballast))
		;
	close(fd);
}

/* A small file system of its own under the store, until leave_small_disk(). */
static void
enter_small_disk(void)
{
	fix_die(&f);
	if (geteuid() != 0 ||
	    mount("tmpfs", f.dir, "tmpfs", 0, "size=2m,mode=0700") == -1) {
		fix_start(&f);
		skip();
	}
	fix_start(&f);
	fix_configure(&f, "d/*", &key, 1);
}

static void
leave_small_disk(void)
{
	fix_die(&f);
	assert_int_equal(umount2(f.dir, MNT_DETACH), 0);
	fix_start(&f);
}

/* No room to write it anew: a file that reads right is served, and its redo
 * stays until a start has had the room. */
static void
test_reads_right_on_a_full_disk(void **state)
{
	struct entry e = fix_file("d/a", START_NS, content, 5000, &key);
	char path[400];
	ino_t shown;

	enter_small_disk();
	fix_put(&f, &e, content, 5000);
	fix_path(&f, "ballast", path);
	fill_disk(path);
	shown = inode("files/d/a");
	restart();
	fix_assert_opens(&f, "d/a", NULL, content, 5000);
	assert_int_equal(inode("files/d/a"), shown);
	assert_int_equal(index_count(f.s.index, VIEW_COMMITTED, INDEX_REDO), 1);
	unlink(path);
	restart();
	fix_assert_opens(&f, "d/a", NULL, content, 5000);
	assert_int_not_equal(inode("files/d/a"), shown);
	assert_int_equal(index_count(f.s.index, VIEW_COMMITTED, INDEX_REDO), 0);
	leave_small_disk();
}

/* The same, and nothing whole is there: that name waits, others do not. */
static void
test_a_start_on_a_full_disk(void **state)
{
	struct entry a = fix_file("d/a", START_NS, content, 5000, &key);
	struct entry b = fix_file("d/b", START_NS, content, 9000, &key);
	char path[400];

	enter_small_disk();
	fix_put(&f, &a, content, 5000);
	fix_put(&f, &b, content, 9000);
	fix_path(&f, "files/d/a", path);
	assert_int_equal(truncate(path, 0), 0);
	fix_path(&f, "ballast", path);
	fill_disk(path);
	restart();
	assert_int_equal(fix_open(&f, "d/a", NULL), VERDICT_WITHDRAWN);
	fix_assert_opens(&f, "d/b", NULL, content, 9000);
	assert_int_equal(f.s.unplaced.n, 1);
	commit_tick(&f.s);
	assert_int_equal(f.s.unplaced.n, 1);
	unlink(path);
	commit_tick(&f.s);
	fix_turn(&f);
	fix_assert_opens(&f, "d/a", NULL, content, 5000);
	commit_tick(&f.s);
	fix_turn(&f);
	assert_int_equal(f.s.unplaced.n, 0);
	leave_small_disk();
}

/* A directory in its place that cannot be moved, until it is free again. */
static void
obstruct(const char *path)
{
	char full[400];

	fix_path(&f, path, full);
	unlink(full);
	assert_int_equal(mkdir(full, 0700), 0);
	if (geteuid() != 0 || mount("tmpfs", full, "tmpfs", 0, "") == -1) {
		rmdir(full);
		skip();
	}
}

static void
clear_place(const char *path)
{
	char full[400];

	fix_path(&f, path, full);
	assert_int_equal(umount2(full, MNT_DETACH), 0);
	assert_int_equal(rmdir(full), 0);
}

/* Large content that waits in tmp/ is the only copy: it is there after each
 * start until it could be put in its place. */
static void
test_pending_apart(void **state)
{
	struct entry a = fix_file("d/a", START_NS, content, 200000, &key);
	struct entry b = fix_file("d/b", START_NS, "b", 1, &key);

	fix_put(&f, &b, "b", 1);
	put_until_commit(&a, content, 200000);
	obstruct("files/d/a");
	for (int i = 0; i < 3; i++) {
		restart();
		assert_int_equal(fix_open(&f, "d/a", NULL), VERDICT_WITHDRAWN);
		fix_assert_opens(&f, "d/b", NULL, "b", 1);
		commit_tick(&f.s);
		assert_int_equal(f.s.unplaced.n, 1);
		assert_int_equal(fix_count_dir(&f, "index/tmp"), 1);
	}
	clear_place("files/d/a");
	commit_tick(&f.s);
	fix_turn(&f);
	fix_assert_opens(&f, "d/a", NULL, content, 200000);
	commit_tick(&f.s);
	fix_turn(&f);
	assert_int_equal(f.s.unplaced.n, 0);
	assert_int_equal(fix_count_dir(&f, "index/tmp"), 0);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_PENDING), 0);
}

/* A version that is stored while an older one of its name waits. */
static void
test_apart_and_replaced(void **state)
{
	struct entry one = fix_file("d/a", START_NS, "one", 3, &key);
	struct entry two = fix_file("d/a", START_NS + 1, "two!", 4, &key);
	char path[400];

	put_until_commit(&one, (const uint8_t *)"one", 3);
	fix_path(&f, "files/d", path);
	assert_int_equal(mkdir(path, 0750), 0);
	obstruct("files/d/a");
	restart();
	assert_int_equal(f.s.unplaced.n, 1);
	assert_int_equal(fix_put(&f, &two, "two!", 4), VERDICT_IO_ERROR);
	assert_int_equal(f.s.unplaced.n, 1);
	/* what was replaced is kept, though it never was in its place */
	assert_int_equal(fix_count_dir(&f, "index/old"), 1);
	restart();
	assert_int_equal(f.s.unplaced.n, 1);
	clear_place("files/d/a");
	commit_tick(&f.s);
	fix_turn(&f);
	fix_assert_opens(&f, "d/a", NULL, "two!", 4);
	restart();
	fix_assert_opens(&f, "d/a", NULL, "two!", 4);
}

static void
test_redo_goes(void **state)
{
	char name[32];
	struct entry e;

	for (int i = 0; i < 40; i++) { /* beyond what is synced one by one */
		snprintf(name, sizeof(name), "d/f%d", i);
		e = fix_file(name, START_NS, "x", 1, &key);
		fix_put(&f, &e, "x", 1);
	}
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_REDO), 40);
	commit_tick(&f.s);
	fix_turn(&f);
	assert_int_equal(index_count(f.s.index, VIEW_COMMITTED, INDEX_REDO), 0);
	assert_false(redo_has_any(&f.s));
}

/* The row says one version, the winner another: the winner counts. */
static void
test_stale_redo(void **state)
{
	struct entry one = fix_file("d/a", START_NS, "one", 3, &key);
	struct entry two = fix_file("d/a", START_NS + 1, content, 70000, &key);

	fix_put(&f, &one, "one", 3);
	fix_put(&f, &two, content, 70000);
	restart();
	fix_assert_content(&f, "d/a", content, 70000);
}

static void
test_lost_file(void **state)
{
	struct entry e = fix_file("d/a", START_NS, "abc", 3, &key);
	struct winner w;
	char path[400];
	uint64_t id;

	fix_put(&f, &e, "abc", 3);
	fix_path(&f, "files/d/a", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(fix_open(&f, "d/a", NULL), VERDICT_WITHDRAWN);
	assert_int_equal(f.sent[IPC_RETRACT], 1);
	assert_int_equal(f.sent[IPC_WANT], 1);
	w = fix_winner(&f, "d/a");
	assert_int_equal(w.state, WINNER_WANTED);
	id = fix_begin(&f, NULL, f.want_ticket, true);
	fix_content(&f, id, "abc", 3);
	fix_turn(&f);
	assert_true(verdict_is_ok((enum verdict)f.result.verdict));
	fix_assert_opens(&f, "d/a", NULL, "abc", 3);
}

static void
spoil(const char *path, size_t at, const char *with, size_t len)
{
	char full[400];
	int fd;

	fix_path(&f, path, full);
	fd = open(full, O_RDWR);
	assert_true(fd != -1);
	assert_int_equal(pwrite(fd, with, len, (off_t)at), len);
	close(fd);
}

static void
test_damaged_index(void **state)
{
	struct entry e = fix_file("d/a", START_NS, "abc", 3, &key);
	char zeros[8192] = {0};

	fix_put(&f, &e, "abc", 3);
	fix_die(&f);
	spoil("index/data.mdb", 0, zeros, sizeof(zeros));
	fix_start(&f);
	fix_configure(&f, "d/*", &key, 1);
	assert_int_equal(fix_count_dir(&f, "quarantine"), 1);
	assert_int_equal(fix_put(&f, &e, "abc", 3), VERDICT_UNCHANGED);
	fix_assert_content(&f, "d/a", "abc", 3);
}

/* A start: it is ended before it is through. */
static void
start_and_die(void)
{
	int dirs[FILES_DIRS];
	char path[400];

	memset(&f.s, 0, sizeof(f.s));
	clock_init(&f.s.clock);
	assert_int_equal(state_dirs_hold(f.dir, true, dirs), 0);
	assert_int_equal(state_dirs_open(&f.s.files, dirs), 0);
	fix_path(&f, "index", path);
	assert_int_equal(recover_open(&f.s, path), RECOVER_OK);
	index_close(f.s.index);
	state_dirs_close(&f.s.files);
}

/* However often that happens, it says nothing of the index. */
static void
test_starts_that_are_ended(void **state)
{
	struct entry e = fix_file("d/a", START_NS, "abc", 3, &key);
	struct entry gone = fix_delete("d/a", START_NS + 1, &key);

	assert_int_equal(fix_put(&f, &e, "abc", 3), VERDICT_CREATED);
	assert_int_equal(fix_put(&f, &gone, NULL, 0), VERDICT_OK);
	fix_die(&f);
	for (int i = 0; i < 10; i++)
		start_and_die();
	fix_start(&f);
	fix_configure(&f, "d/*", &key, 1);
	assert_int_equal(fix_count_dir(&f, "quarantine"), 0);
	assert_int_equal(fix_judge(&f, &e), VERDICT_NOT_NEWER);
}

/* The mark of a version that counted in it. */
static void
test_mark_of_an_earlier_version(void **state)
{
	struct entry e = fix_file("d/a", START_NS, "abc", 3, &key);
	char path[400];
	int fd;

	assert_int_equal(fix_put(&f, &e, "abc", 3), VERDICT_CREATED);
	fix_die(&f);
	fix_path(&f, "index/opening", path);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_int_equal(write(fd, "+++++", 5), 5);
	close(fd);
	fix_start(&f);
	fix_configure(&f, "d/*", &key, 1);
	assert_int_equal(fix_count_dir(&f, "quarantine"), 0);
	fix_assert_opens(&f, "d/a", NULL, "abc", 3);
	index_settled(f.s.files.index_fd);
	assert_false(fix_exists(&f, "index/opening"));
}

static size_t
drop_table(MDB_env *env, const char *name)
{
	MDB_txn *txn;
	MDB_dbi dbi;

	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, name, 0, &dbi), 0);
	assert_int_equal(mdb_drop(txn, dbi, 1), 0);
	return (size_t)mdb_txn_commit(txn);
}

/* An index as format 1 had it: nothing is lost on the way to ours, and what
 * is not configured does not count for its signer, as it did there. */
static void
test_older_index(void **state)
{
	struct entry e = fix_file("d/a", START_NS, "abc", 3, &key);
	struct entry b = fix_file("d/b", START_NS, "abcd", 4, &key);
	uint8_t version[8];
	char path[400];
	MDB_env *env;

	assert_int_equal(fix_put(&f, &e, "abc", 3), VERDICT_CREATED);
	assert_int_equal(fix_put(&f, &b, "abcd", 4), VERDICT_CREATED);
	fix_configure(&f, "d/a", &key, 1);
	row_put_u64(version, 1);
	index_begin(f.s.index);
	table_dormant_clear(f.s.index, "d/b", key.public_key);
	table_meta_set(f.s.index, "format", version, 8);
	assert_int_equal(commit_flush(&f.s), 0);
	fix_die(&f);
	fix_path(&f, "index", path);
	assert_int_equal(mdb_env_create(&env), 0);
	mdb_env_set_maxdbs(env, 20);
	assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
	assert_int_equal(drop_table(env, "dormant"), 0);
	assert_int_equal(drop_table(env, "versions"), 0);
	mdb_env_close(env);
	fix_start(&f);
	assert_int_equal(
	    table_signer_count(f.s.index, VIEW_COMMITTED, key.public_key), 2);
	fix_configure(&f, "d/a", &key, 1);
	assert_int_equal(
	    table_signer_count(f.s.index, VIEW_COMMITTED, key.public_key), 1);
	fix_assert_opens(&f, "d/a", NULL, "abc", 3);
	assert_int_equal(fix_count_dir(&f, "quarantine"), 0);
	fix_configure(&f, "d/*", &key, 1);
	restart();
	fix_assert_opens(&f, "d/a", NULL, "abc", 3);
}

static void
test_future_index(void **state)
{
	char path[400];
	uint8_t version[8];
	int dirs[FILES_DIRS];

	row_put_u64(version, UINT64_C(1) << 32);
	index_begin(f.s.index);
	table_meta_set(f.s.index, "format", version, 8);
	assert_int_equal(commit_flush(&f.s), 0);
	fix_die(&f);
	memset(&f.s, 0, sizeof(f.s));
	clock_init(&f.s.clock);
	assert_int_equal(state_dirs_hold(f.dir, true, dirs), 0);
	assert_int_equal(state_dirs_open(&f.s.files, dirs), 0);
	fix_path(&f, "index", path);
	assert_int_equal(recover_open(&f.s, path), RECOVER_FUTURE);
	assert_int_equal(fix_count_dir(&f, "quarantine"), 0);
	state_dirs_close(&f.s.files);
	assert_true(fix_exists(&f, "index/data.mdb"));
	fix_path(&f, "index/data.mdb", path);
	unlink(path);
	fix_start(&f);
}

/* One damaged record: its rank stays, older versions stay out, and the very
 * version may come again. */
static void
test_damaged_record(void **state)
{
	struct entry older = fix_file("d/a", START_NS, "old", 3, &key);
	struct entry e = fix_file("d/a", START_NS + 1, "abc", 3, &key);
	uint8_t rkey[RECORD_KEY_MAX];
	size_t len = row_record_key("d/a", key.public_key, rkey);

	fix_put(&f, &e, "abc", 3);
	index_begin(f.s.index);
	index_put(f.s.index, INDEX_RECORDS, rkey, len, "junk", 4);
	assert_int_equal(commit_flush(&f.s), 0);
	winner_decide(&f.s, "d/a", 0);
	fix_turn(&f);
	assert_int_equal(fix_winner(&f, "d/a").state, WINNER_LOST);
	assert_int_equal(fix_judge(&f, &older), VERDICT_NOT_NEWER);
	assert_int_equal(fix_fetch(&f, &e, "abc", 3), VERDICT_CREATED);
	fix_assert_opens(&f, "d/a", NULL, "abc", 3);
	assert_true(fix_count_dir(&f, "quarantine") >= 1);
}

/* The winner's row is damaged: the records say who it is. */
static void
test_damaged_winner(void **state)
{
	struct entry older = fix_file("d/a", START_NS, "old", 3, &key);
	struct entry e = fix_file("d/a", START_NS + 1, "abc", 3, &key);
	uint8_t k[16];

	fix_put(&f, &e, "abc", 3);
	name_key("d/a", k);
	index_begin(f.s.index);
	index_put(f.s.index, INDEX_WINNERS, k, 16, "junk", 4);
	assert_int_equal(commit_flush(&f.s), 0);
	assert_int_equal(fix_judge(&f, &older), VERDICT_NOT_NEWER);
	assert_memory_equal(f.announced.sha256, e.sha256, 32);
}

/* The row that says that content is missing has rotted: its key is another's
 * now. What is missing is wanted again, and nothing else is. */
static void
test_damaged_wanted(void **state)
{
	struct entry e = fix_file("d/a", START_NS, "abc", 3, &key);
	uint8_t k[16], body[16];
	char path[400];
	size_t len;

	fix_put(&f, &e, "abc", 3);
	fix_path(&f, "files/d/a", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(fix_open(&f, "d/a", NULL), VERDICT_WITHDRAWN);
	name_key("d/a", k);
	index_begin(f.s.index);
	index_delete(f.s.index, INDEX_WANTED, k, 16);
	k[3] ^= 4;
	index_put(f.s.index, INDEX_WANTED, k, 16, NULL, 0);
	assert_int_equal(commit_flush(&f.s), 0);
	restart();
	suspects_look_again(&f.s);
	fix_turn(&f);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_WANTED), 1);
	assert_int_equal(index_get(f.s.index, VIEW_COMMITTED, INDEX_WANTED, k,
			     16, body, sizeof(body), &len),
	    FOUND_NONE);
	assert_int_equal(fix_fetch(&f, &e, "abc", 3), VERDICT_CREATED);
	fix_assert_opens(&f, "d/a", NULL, "abc", 3);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_WANTED), 0);
}

/* Something else stands where a file must go: a link goes, the rest is moved
 * aside. */
static void
test_obstacles(void **state)
{
	struct entry e = fix_file("d/a", START_NS, "abc", 3, &key);
	struct entry b = fix_file("d/b", START_NS, "abc", 3, &key);
	char path[400];

	fix_path(&f, "files/d", path);
	assert_int_equal(symlink("/etc", path), 0);
	assert_int_equal(fix_put(&f, &e, "abc", 3), VERDICT_CREATED);
	fix_assert_content(&f, "d/a", "abc", 3);
	fix_path(&f, "files/d/b", path);
	assert_int_equal(mkdir(path, 0700), 0);
	strcat(path, "/x");
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(fix_put(&f, &b, "abc", 3), VERDICT_CREATED);
	fix_assert_content(&f, "d/b", "abc", 3);
	assert_int_equal(fix_count_dir(&f, "quarantine"), 1);
	assert_int_equal(access("/etc/passwd", F_OK), 0);
}

/* A file that cannot be put in its place stays durable and is tried again. */
static void
test_unplaced(void **state)
{
	struct entry e = fix_file("d/a", START_NS, "abc", 3, &key);
	int saved = f.s.files.files_fd;
	uint64_t id;

	id = fix_begin(&f, &e, 0, true);
	fix_content(&f, id, "abc", 3);
	f.s.files.files_fd = open("/proc/self", O_RDONLY | O_DIRECTORY);
	fix_turn(&f);
	assert_false(verdict_is_ok((enum verdict)f.result.verdict));
	assert_int_equal(f.sent[IPC_ENTRY], 0);
	assert_int_equal(fix_open(&f, "d/a", NULL), VERDICT_WITHDRAWN);
	close(f.s.files.files_fd);
	f.s.files.files_fd = saved;
	commit_tick(&f.s);
	fix_turn(&f);
	assert_int_equal(f.sent[IPC_ENTRY], 1);
	fix_assert_opens(&f, "d/a", NULL, "abc", 3);
	commit_tick(&f.s);
	fix_turn(&f);
	assert_int_equal(index_count(f.s.index, VIEW_COMMITTED, INDEX_REDO), 0);
}

/* A small file system that fills up: refused, the old stays, and it recovers
 * by itself. */
static void
test_full_disk(void **state)
{
	struct entry e = fix_file("d/a", START_NS, "abc", 3, &key), l;
	char path[400], name[32];
	unsigned full = 0;

	enter_small_disk();
	assert_int_equal(fix_put(&f, &e, "abc", 3), VERDICT_CREATED);
	fix_path(&f, "ballast", path);
	fill_disk(path);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "d/%s%u", "f", i);
		l = fix_file(i == 0 ? "d/a" : name, START_NS + 1, content,
		    i == 1 ? 200000 : 9000, &key);
		full += fix_put(&f, &l, content, l.size) == VERDICT_NO_SPACE;
	}
	assert_int_equal(full, 3);
	/* nothing to write in tmp/ or files/, so it is the index that is full
	 */
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "d/z%u", i);
		l = fix_file(name, START_NS, "", 0, &key);
		if (fix_put(&f, &l, "", 0) == VERDICT_NO_SPACE)
			break;
	}
	assert_int_equal(f.result.verdict, VERDICT_NO_SPACE);
	assert_int_equal(fix_winner(&f, name).name[0], '\0');
	l = fix_file("d/a", START_NS + 1, "", 0, &key);
	assert_int_equal(fix_put(&f, &l, "", 0), VERDICT_NO_SPACE);
	assert_int_equal(f.s.stats.bytes, 3);
	assert_int_equal(fix_judge(&f, &e), VERDICT_UNCHANGED);
	fix_assert_opens(&f, "d/a", NULL, "abc", 3);
	fix_assert_content(&f, "d/a", "abc", 3);
	assert_int_equal(fix_count_dir(&f, "index/tmp"), 0);
	unlink(path);
	l = fix_file("d/a", START_NS + 1, content, 9000, &key);
	assert_int_equal(fix_put(&f, &l, content, 9000), VERDICT_REPLACED);
	fix_assert_content(&f, "d/a", content, 9000);
	leave_small_disk();
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_before_placement),
	    T(test_before_commit), T(test_delete_before_placement),
	    T(test_unsynced_file), T(test_reads_right),
	    T(test_reads_right_on_a_full_disk), T(test_a_start_on_a_full_disk),
	    T(test_pending_apart), T(test_apart_and_replaced),
	    T(test_redo_goes), T(test_stale_redo), T(test_lost_file),
	    T(test_damaged_index), T(test_starts_that_are_ended),
	    T(test_mark_of_an_earlier_version), T(test_older_index),
	    T(test_future_index), T(test_damaged_record),
	    T(test_damaged_winner), T(test_damaged_wanted), T(test_obstacles),
	    T(test_unplaced), T(test_full_disk)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
