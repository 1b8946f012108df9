/* SPDX-License-Identifier: ISC */
/* An older version that wins again, and is too large for a turn of the loop. */
#include "fixture.h"

#include "common/hex.h"
#include "dm-store/files_path.h"
#include "dm-store/restore.h"

#define LARGE ((size_t)5 << 20)

static struct key_pair keys[2];
static struct fix f;
static uint8_t *large;
static struct entry one, two, other;

static int
setup(void **state)
{
	key_generate(&keys[0]);
	key_generate(&keys[1]);
	large = malloc(LARGE);
	for (size_t i = 0; i < LARGE; i++)
		large[i] = (uint8_t)(i * 31 + i / 251);
	fix_new(&f);
	fix_configure(&f, "d/*", keys, 2);
	one = fix_file("d/a", START_NS, large, LARGE, &keys[0]);
	two = fix_file("d/a", START_NS + 1, "two", 3, &keys[1]);
	other = fix_file("d/b", START_NS, "other", 5, &keys[0]);
	assert_int_equal(fix_put(&f, &one, large, LARGE), VERDICT_CREATED);
	assert_int_equal(fix_put(&f, &two, "two", 3), VERDICT_REPLACED);
	assert_int_equal(fix_put(&f, &other, "other", 5), VERDICT_CREATED);
	return 0;
}

static int
teardown(void **state)
{
	fix_free(&f);
	free(large);
	return 0;
}

/* The second signer is taken off the list, and no turn of the loop made. */
static void
withdraw(uint64_t history_size)
{
	struct ipc_config_begin m = fix_limits();
	struct policy *p;

	m.history_size = history_size;
	p = policy_new(&m);
	fix_allow(p, "d/*", keys, 1);
	assert_true(policy_seal(p));
	memset(f.sent, 0, sizeof(f.sent));
	reload_apply(&f.s, p, NULL);
}

static void
turn(void)
{
	event_base_loop(f.s.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static unsigned
turns_until_found(void)
{
	unsigned n = 0;

	for (; restore_is_busy(&f.s); n++)
		turn();
	fix_turn(&f);
	return n;
}

/* Others are served while it is read, piece by piece. */
static void
test_in_pieces(void **state)
{
	withdraw(256 << 20);
	assert_int_equal(f.sent[IPC_RETRACT], 1);
	assert_int_equal(f.sent[IPC_ENTRY], 0);
	assert_false(fix_exists(&f, "files/d/a"));
	turn();
	assert_true(restore_is_busy(&f.s));
	assert_int_equal(fix_winner(&f, "d/a").state, WINNER_WANTED);
	assert_true(turns_until_found() >= LARGE >> 20);
	assert_int_equal(f.sent[IPC_ENTRY], 1);
	fix_assert_opens(&f, "d/a", NULL, large, LARGE);
	fix_assert_content(&f, "d/a", large, LARGE);
	assert_int_equal(fix_count_dir(&f, "index/tmp"), 0);
}

/* Small ones, too, are not all read in one turn. */
static void
test_many(void **state)
{
	static uint8_t content[50][60000];
	char name[16];
	unsigned n_found = 0;
	struct winner w;
	struct entry e;

	for (unsigned i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "d/m%u", i);
		memset(content[i], (int)i, sizeof(content[i]));
		e = fix_file(name, START_NS, content[i], 60000, &keys[0]);
		fix_put(&f, &e, content[i], 60000);
		e = fix_file(name, START_NS + 1, "two", 3, &keys[1]);
		fix_put(&f, &e, "two", 3);
	}
	withdraw(256 << 20);
	for (unsigned i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "d/m%u", i);
		w = fix_winner(&f, name);
		n_found += w.state == WINNER_SHOWN &&
			   memcmp(w.signer, keys[0].public_key, 32) == 0;
	}
	assert_true(n_found > 10 && n_found < 20);
	while (f.s.needs_reload)
		turn();
	turns_until_found();
	for (unsigned i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "d/m%u", i);
		fix_assert_opens(&f, name, NULL, content[i], 60000);
	}
}

/* The next run goes on. */
static void
test_end_in_between(void **state)
{
	withdraw(256 << 20);
	turn();
	assert_true(restore_is_busy(&f.s));
	fix_die(&f);
	fix_start(&f);
	assert_int_equal(fix_winner(&f, "d/a").state, WINNER_WANTED);
	fix_configure(&f, "d/*", keys, 1);
	turns_until_found();
	fix_assert_opens(&f, "d/a", NULL, large, LARGE);
}

/* What is looked for is not thrown away meanwhile for want of room. */
static void
test_history_is_full(void **state)
{
	fix_pass(600 * NS_PER_S);
	withdraw(1 << 20);
	commit_tick(&f.s);
	turns_until_found();
	fix_assert_opens(&f, "d/a", NULL, large, LARGE);
	commit_tick(&f.s);
	fix_turn(&f);
	fix_assert_opens(&f, "d/a", NULL, large, LARGE);
}

static void
test_damaged(void **state)
{
	char path[400], below[100] = "index/old/";
	int fd;

	hex_encode(one.sha256, 32, below + strlen(below));
	fix_path(&f, below, path);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "X", 1, 1 << 20), 1);
	close(fd);
	withdraw(256 << 20);
	turns_until_found();
	assert_int_equal(fix_open(&f, "d/a", NULL), VERDICT_WITHDRAWN);
	assert_false(fix_exists(&f, "files/d/a"));
	assert_false(fix_exists(&f, below));
	assert_int_equal(fix_count_dir(&f, "quarantine"), 1);
	assert_int_equal(f.s.stats.damaged, 1);
	assert_int_equal(fix_fetch(&f, &one, large, LARGE), VERDICT_CREATED);
	fix_assert_content(&f, "d/a", large, LARGE);
}

/* Replaced while it is read: what is newer stays. */
static void
test_replaced_meanwhile(void **state)
{
	struct entry three = fix_file("d/a", START_NS + 2, "3", 1, &keys[0]);

	withdraw(256 << 20);
	turn();
	turn();
	fix_content(&f, fix_begin(&f, &three, 0, true), "3", 1);
	turns_until_found();
	fix_assert_opens(&f, "d/a", NULL, "3", 1);
	fix_assert_content(&f, "d/a", "3", 1);
	assert_int_equal(fix_count_dir(&f, "index/tmp"), 0);
}

/* The same content, signed by both: it stays where it is, and is served all
 * the time. */
static void
test_same_content(void **state)
{
	struct entry three =
	    fix_file("d/a", START_NS + 2, large, LARGE, &keys[0]);
	struct entry four =
	    fix_file("d/a", START_NS + 3, large, LARGE, &keys[1]);

	fix_put(&f, &three, large, LARGE);
	fix_put(&f, &four, large, LARGE);
	fix_assert_opens(&f, "d/a", NULL, large, LARGE);
	withdraw(256 << 20);
	fix_turn(&f);
	assert_int_equal(fix_winner(&f, "d/a").state, WINNER_SHOWN);
	assert_memory_equal(f.announced.signer, keys[0].public_key, 32);
	fix_assert_opens(&f, "d/a", NULL, large, LARGE);
	fix_assert_content(&f, "d/a", large, LARGE);
	assert_int_equal(fix_count_dir(&f, "index/tmp"), 0);
}

/* As above, but it has rotted: served as before until the scrub has read it,
 * which it does next. What old/ has of it is another file. */
static void
test_same_content_rotten(void **state)
{
	char path[400];
	int fd;

	test_same_content(state);
	fix_configure(&f, "d/*", keys, 2);
	fix_path(&f, "files/d/a", path);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "X", 1, 1 << 20), 1);
	close(fd);
	withdraw(256 << 20);
	while (f.s.stats.damaged == 0)
		event_base_loop(f.s.base, EVLOOP_ONCE);
	turns_until_found();
	assert_int_equal(fix_count_dir(&f, "quarantine"), 1);
	fix_assert_opens(&f, "d/a", NULL, large, LARGE); /* out of old/ */
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_in_pieces), T(test_many),
	    T(test_end_in_between), T(test_history_is_full), T(test_damaged),
	    T(test_replaced_meanwhile), T(test_same_content),
	    T(test_same_content_rotten)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
