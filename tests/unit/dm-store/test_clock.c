/* SPDX-License-Identifier: ISC */
/* A clock that is wrong: what it hides comes back, and nothing that cannot
 * come back is given up for what it says. */
#include "fixture.h"

#include "dm-store/dormant.h"
#include "dm-store/scrub.h"

#define DAY_NS (UINT64_C(86400) * NS_PER_S)
#define HOUR_NS (UINT64_C(3600) * NS_PER_S)
#define FAR_NS (400 * DAY_NS)

static struct key_pair keys[2];
static struct fix f;

static int
setup(void **state)
{
	key_generate(&keys[0]);
	key_generate(&keys[1]);
	fix_new(&f);
	fix_configure(&f, "d/*", keys, 2);
	return 0;
}

static int
teardown(void **state)
{
	fix_free(&f);
	return 0;
}

/* As handlers.c does once a second. */
static void
second(void)
{
	reload_tick(&f.s);
	expire_tick(&f.s);
	commit_tick(&f.s);
	fix_turn(&f);
}

static void
seconds(unsigned n)
{
	for (; n > 0; n--) {
		fix_pass(NS_PER_S);
		second();
	}
}

static void
hours(unsigned n)
{
	for (; n > 0; n--) {
		fix_pass(HOUR_NS);
		second();
	}
}

/* The machine starts with a clock that is ahead, or behind. */
static void
start_at(uint64_t now_ns)
{
	fix_die(&f);
	fix_now = now_ns;
	fix_mono = NS_PER_S;
	fix_start(&f);
}

static size_t
records(void)
{
	return index_count(f.s.index, VIEW_COMMITTED, INDEX_RECORDS);
}

static struct entry
ends(const char *name, uint64_t valid_for_s, const char *content)
{
	struct entry e =
	    fix_file(name, START_NS, content, strlen(content), &keys[0]);

	e.valid_for_s = valid_for_s;
	fix_sign(&e, &keys[0]);
	return e;
}

/* A deletion that is dormant hides its file for thirty days: not for what a
 * clock says that nobody has watched yet. */
static void
test_ahead_at_boot(void **state)
{
	struct entry a = fix_file("d/a", START_NS, "abc", 3, &keys[0]);
	struct entry d = fix_delete("d/a", START_NS + 1, &keys[1]);

	fix_put(&f, &a, "abc", 3);
	fix_put(&f, &d, NULL, 0);
	fix_configure(&f, "d/*", keys, 1);
	seconds(2);
	assert_int_equal(records(), 2);
	start_at(START_NS + FAR_NS);
	fix_configure(&f, "d/*", keys, 1);
	seconds(60);
	assert_int_equal(records(), 2);
	for (unsigned i = 0; i < 58; i++) {
		fix_pass(60 * NS_PER_S);
		second();
	}
	assert_int_equal(records(), 2);
	/* the clock is set right: from there on an hour, and thirty days */
	fix_now -= FAR_NS;
	second();
	hours(24 * 29);
	assert_int_equal(records(), 2);
	fix_configure(&f, "d/*", keys, 2);
	assert_int_equal(fix_put(&f, &a, "abc", 3), VERDICT_NOT_NEWER);
	fix_configure(&f, "d/*", keys, 1);
	hours(24 * 30 + 2);
	assert_int_equal(records(), 1);
}

/* The very second in which the clock steps. */
static void
test_step_between_two_looks(void **state)
{
	struct entry a = fix_file("d/a", START_NS, "abc", 3, &keys[0]);

	fix_put(&f, &a, "abc", 3);
	fix_configure(&f, "d/*", keys + 1, 1);
	hours(3);
	assert_true(clock_is_steady(&f.s.clock));
	f.s.dormant.next_ns = 0;
	fix_now += 31 * DAY_NS;
	assert_false(clock_is_steady(&f.s.clock));
	second();
	assert_int_equal(records(), 1);
}

/* What a wrong clock has dated begins anew with a right one. */
static void
test_dated_by_a_wrong_clock(void **state)
{
	static const uint64_t wrong[] = {NS_PER_S, START_NS + FAR_NS};
	struct entry a = fix_file("d/a", START_NS, "abc", 3, &keys[0]);

	for (size_t i = 0; i < 2; i++) {
		start_at(START_NS);
		fix_configure(&f, "d/*", keys, 2);
		a.signed_at_ns++;
		fix_sign(&a, &keys[0]);
		fix_put(&f, &a, "abc", 3);
		start_at(wrong[i]);
		fix_configure(&f, "d/*", keys + 1, 1);
		assert_int_equal(
		    index_count(f.s.index, VIEW_COMMITTED, INDEX_DORMANT), 1);
		fix_now = START_NS;
		second();
		hours(24 * 29);
		assert_int_equal(records(), 1);
		hours(24 * 2);
		assert_int_equal(records(), 0);
	}
}

/* Hidden by a clock that is ahead, shown as soon as it is right: from the
 * content that is here, whatever the budget for older content. */
static void
test_shown_again_at_once(void **state)
{
	struct entry e = ends("d/a", 86400, "abc");
	struct ipc_config_begin m = fix_limits();
	struct policy *p;
	char doubt[CLOCK_DOUBT_MAX];

	fix_put(&f, &e, "abc", 3);
	seconds(2);
	start_at(START_NS + FAR_NS);
	m.history_size = 0;
	p = policy_new(&m);
	fix_allow(p, "d/*", keys, 2);
	fix_apply(&f, p);
	seconds(120);
	assert_int_equal(fix_winner(&f, "d/a").state, WINNER_HIDDEN);
	assert_false(fix_exists(&f, "files/d/a"));
	fix_now -= FAR_NS;
	seconds(1);
	assert_string_not_equal(clock_doubt(&f.s.clock, doubt), "");
	assert_int_equal(fix_winner(&f, "d/a").state, WINNER_SHOWN);
	fix_assert_content(&f, "d/a", "abc", 3);
	fix_assert_opens(&f, "d/a", NULL, "abc", 3);
	/* and when its time comes it goes, and its content in the end too */
	hours(25);
	assert_int_equal(fix_winner(&f, "d/a").state, WINNER_HIDDEN);
	hours(2);
	assert_int_equal(fix_count_dir(&f, "index/old"), 0);
}

/* The clock was set right while nothing ran. */
static void
test_shown_after_a_start(void **state)
{
	struct entry e = ends("d/a", 86400, "abc");

	fix_put(&f, &e, "abc", 3);
	start_at(START_NS + FAR_NS);
	fix_configure(&f, "d/*", keys, 2);
	seconds(1);
	assert_int_equal(fix_winner(&f, "d/a").state, WINNER_HIDDEN);
	/* one that has not been set shows nothing that was hidden */
	start_at(NS_PER_S);
	fix_configure(&f, "d/*", keys, 2);
	scrub_start(&f.s);
	seconds(2);
	assert_int_equal(fix_winner(&f, "d/a").state, WINNER_HIDDEN);
	start_at(START_NS + 2 * NS_PER_S);
	fix_configure(&f, "d/*", keys, 2);
	scrub_start(&f.s);
	fix_turn(&f);
	fix_assert_content(&f, "d/a", "abc", 3);
}

/* In the first minutes of 1970 nothing that is replaced is doomed for it. */
static void
test_older_content_of_1970(void **state)
{
	struct entry one = fix_file("d/a", NS_PER_S, "one", 3, &keys[0]);
	struct entry two = fix_file("d/a", 2 * NS_PER_S, "two", 3, &keys[0]);

	start_at(10 * NS_PER_S);
	fix_configure(&f, "d/*", keys, 2);
	assert_int_equal(fix_put(&f, &one, "one", 3), VERDICT_CREATED);
	assert_int_equal(fix_put(&f, &two, "two", 3), VERDICT_REPLACED);
	seconds(120);
	assert_int_equal(fix_count_dir(&f, "index/old"), 1);
}

/* Steady is what leaves the machine's uptime neither at once nor little by
 * little. */
static void
test_steady(void **state)
{
	assert_false(clock_is_steady(&f.s.clock));
	hours(1);
	assert_true(clock_is_steady(&f.s.clock));
	fix_now += 30 * NS_PER_S; /* as a time daemon does */
	second();
	assert_true(clock_is_steady(&f.s.clock));
	for (unsigned i = 0; i < 300; i++) {
		fix_now += NS_PER_S;
		fix_pass(60 * NS_PER_S);
		second();
		assert_int_equal(clock_is_sane(&f.s.clock), true);
	}
	assert_false(clock_is_steady(&f.s.clock));
	hours(1);
	assert_true(clock_is_steady(&f.s.clock));
	fix_now -= 120 * NS_PER_S;
	assert_false(clock_is_steady(&f.s.clock));
	second();
	hours(1);
	assert_true(clock_is_steady(&f.s.clock));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_ahead_at_boot),
	    T(test_step_between_two_looks), T(test_dated_by_a_wrong_clock),
	    T(test_shown_again_at_once), T(test_shown_after_a_start),
	    T(test_older_content_of_1970), T(test_steady)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
