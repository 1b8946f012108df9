/* SPDX-License-Identifier: ISC */
/* Too much at once, too little room, a clock far off: what was is served, what
 * cannot be is said, and it all goes on without a restart. */
#include "fixture.h"

#include <dlfcn.h>
#include <lmdb.h>
#include <sys/statvfs.h>

static struct key_pair key;
static struct fix f;
static int put_error, commit_error;	/* what LMDB answers, 0: what it does */
static bool has_no_blocks, has_no_room; /* what fstatvfs(3) says */

/* LMDB, in front of LMDB's own. */
int
mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *k, MDB_val *v, unsigned flags)
{
	int (*real)(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *, unsigned);

	*(void **)&real = dlsym(RTLD_NEXT, "mdb_put");
	return put_error != 0 ? put_error : real(txn, dbi, k, v, flags);
}

int
mdb_txn_commit(MDB_txn *txn)
{
	int (*real)(MDB_txn *);

	*(void **)&real = dlsym(RTLD_NEXT, "mdb_txn_commit");
	if (commit_error == 0)
		return real(txn);
	mdb_txn_abort(txn);
	return commit_error;
}

int
fstatvfs(int fd, struct statvfs *st)
{
	int (*real)(int, struct statvfs *);
	int rc;

	*(void **)&real = dlsym(RTLD_NEXT, "fstatvfs");
	rc = real(fd, st);
	if (has_no_blocks)
		st->f_blocks = st->f_bfree = st->f_bavail = 0;
	if (has_no_room)
		st->f_bfree = st->f_bavail = 0;
	return rc;
}

static int
setup(void **state)
{
	put_error = commit_error = 0;
	has_no_blocks = has_no_room = false;
	key_generate(&key);
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
seconds(unsigned n)
{
	for (; n > 0; n--) {
		fix_pass(NS_PER_S);
		reload_tick(&f.s);
		expire_tick(&f.s);
		commit_tick(&f.s);
		index_feed_tick(&f.s);
		fix_turn(&f);
	}
}

/* A full disk, a quota, a full map: in whichever call it shows. */
static void
test_no_room(void **state)
{
	static const struct {
		int put, commit;
	} cases[] = {{MDB_MAP_FULL, 0}, {0, EDQUOT}, {0, ENOSPC}, {EDQUOT, 0},
	    {MDB_TXN_FULL, 0}};
	struct entry old = fix_file("d/a", START_NS, "old", 3, &key), e;

	assert_int_equal(fix_put(&f, &old, "old", 3), VERDICT_CREATED);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put_error = cases[i].put;
		commit_error = cases[i].commit;
		e = fix_file("d/a", START_NS + 1 + i, "new", 3, &key);
		assert_int_equal(fix_put(&f, &e, "new", 3), VERDICT_NO_SPACE);
		assert_false(f.s.stats.is_writable);
		/* time goes on, and nothing gets worse */
		seconds(5);
		assert_int_equal(winner_forget(&f.s, "d/a"), 1);
		fix_turn(&f);
		fix_assert_opens(&f, "d/a", NULL, "old", 3);
		assert_int_equal(fix_judge(&f, &old), VERDICT_UNCHANGED);
	}
	put_error = commit_error = 0;
	e.signed_at_ns++;
	fix_sign(&e, &key);
	assert_int_equal(fix_put(&f, &e, "new", 3), VERDICT_REPLACED);
	assert_true(f.s.stats.is_writable);
	fix_assert_opens(&f, "d/a", NULL, "new", 3);
	assert_int_equal(f.s.stats.bytes, 3);
}

static void
limit_free(uint64_t min_free)
{
	struct ipc_config_begin m = fix_limits();
	struct policy *p;

	m.min_free = min_free;
	p = policy_new(&m);
	fix_allow(p, "d/*", &key, 1);
	fix_apply(&f, p);
}

/* A file system that counts no blocks says nothing about room: min_free is
 * not judged there. One that counts them and has none left is full. */
static void
test_no_blocks(void **state)
{
	static const uint64_t least[] = {0, UINT64_C(64) << 20};
	struct entry e;

	for (size_t i = 0; i < 2; i++) {
		limit_free(least[i]);
		has_no_blocks = true;
		e = fix_file("d/a", START_NS + 2 * i, "one", 3, &key);
		assert_int_equal(fix_put(&f, &e, "one", 3),
		    i == 0 ? VERDICT_CREATED : VERDICT_REPLACED);
		assert_true(files_free(&f.s.files) == FILES_FREE_UNKNOWN);
		has_no_blocks = false;
		has_no_room = true;
		e = fix_file("d/a", START_NS + 2 * i + 1, "two", 3, &key);
		assert_int_equal(fix_put(&f, &e, "two", 3), VERDICT_NO_SPACE);
		assert_true(files_free(&f.s.files) == 0);
		has_no_room = false;
	}
	fix_assert_opens(&f, "d/a", NULL, "one", 3);
}

#define MANY 10000

static void
test_many_expire_at_once(void **state)
{
	struct ipc_config_begin m = fix_limits();
	struct policy *p;
	char name[32];
	struct entry e;
	uint64_t left;

	m.max_files = m.max_records_per_signer = 2 * MANY;
	p = policy_new(&m);
	fix_allow(p, "d/*", &key, 1);
	fix_apply(&f, p);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "d/%u", i);
		/* half of them at the very same instant */
		e = fix_file(name, START_NS + (i % 2) * i, "x", 1, &key);
		e.valid_for_s = 60;
		fix_sign(&e, &key);
		fix_content(&f, fix_begin(&f, &e, 0, true), "x", 1);
		if (i % 100 == 0)
			fix_turn(&f);
	}
	fix_turn(&f);
	seconds(1);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_VISIBLE), MANY);
	fix_pass(120 * NS_PER_S);
	/* none is served any more, and the loop is not held up for long */
	assert_int_equal(fix_open(&f, "d/9999", NULL), VERDICT_NOT_FOUND);
	seconds(1);
	left = index_count(f.s.index, VIEW_COMMITTED, INDEX_VISIBLE);
	assert_true(left > 0 && left < MANY);
	seconds(10);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_VISIBLE), 0);
	assert_int_equal(fix_count_dir(&f, "files/d"), 0);
	assert_int_equal(f.s.stats.bytes, 0);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_RECORDS), MANY);
}

#define YEAR_NS (UINT64_C(365) * 86400 * NS_PER_S)

/* The clock steps back a year, and after a while is right again. */
static void
test_a_year_back(void **state)
{
	struct entry ends = fix_file("d/ends", START_NS, "e", 1, &key);
	struct entry lasts = fix_file("d/lasts", START_NS, "l", 1, &key);
	struct entry next = fix_file("d/lasts", START_NS + 1, "n", 1, &key);
	struct entry now;
	char doubt[CLOCK_DOUBT_MAX];

	ends.valid_for_s = 3600;
	fix_sign(&ends, &key);
	fix_put(&f, &ends, "e", 1);
	fix_put(&f, &lasts, "l", 1);
	seconds(2);
	fix_now -= YEAR_NS;
	seconds(2);
	assert_string_not_equal(clock_doubt(&f.s.clock, doubt), "");
	fix_assert_opens(&f, "d/ends", NULL, "e", 1);
	fix_assert_opens(&f, "d/lasts", NULL, "l", 1);
	/* what others signed by a right clock is in our future, and what we
	 * sign by ours is older than what is here: both are said */
	assert_int_equal(fix_put(&f, &next, "n", 1), VERDICT_SIGNED_IN_FUTURE);
	now = fix_file("d/lasts", fix_now, "n", 1, &key);
	assert_int_equal(fix_put(&f, &now, "n", 1), VERDICT_NOT_NEWER);
	fix_now += YEAR_NS;
	seconds(2);
	assert_int_equal(fix_put(&f, &next, "n", 1), VERDICT_REPLACED);
	/* an hour later it is believed again, and the end has come */
	fix_pass(3600 * NS_PER_S);
	seconds(2);
	assert_string_equal(clock_doubt(&f.s.clock, doubt), "");
	assert_int_equal(fix_open(&f, "d/ends", NULL), VERDICT_NOT_FOUND);
	assert_false(fix_exists(&f, "files/d/ends"));
	fix_assert_opens(&f, "d/lasts", NULL, "n", 1);
}

/* The index goes to dm-net as that takes it; uploads do not wait for it. */
static void
test_stream_and_writes(void **state)
{
	char name[32];
	struct entry e;

	for (unsigned i = 0; i < 900; i++) {
		snprintf(name, sizeof(name), "d/%u", i);
		e = fix_file(name, START_NS, "x", 1, &key);
		fix_content(&f, fix_begin(&f, &e, 0, true), "x", 1);
	}
	fix_turn(&f);
	assert_true(index_feed_credit(&f.s, 1));
	fix_turn(&f);
	assert_int_equal(f.sent[IPC_INDEX_COMPLETE], 0);
	memset(f.sent, 0, sizeof(f.sent));
	e = fix_file("d/new", START_NS, "x", 1, &key);
	assert_int_equal(fix_put(&f, &e, "x", 1), VERDICT_CREATED);
	assert_int_equal(f.sent[IPC_ENTRY], 1);
	assert_true(index_feed_credit(&f.s, 1));
	fix_turn(&f);
	assert_int_equal(f.sent[IPC_INDEX_COMPLETE], 1);
	assert_true(f.n_rows >= 900 && f.n_rows <= 901);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_no_room), T(test_no_blocks),
	    T(test_many_expire_at_once), T(test_a_year_back),
	    T(test_stream_and_writes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
