/* SPDX-License-Identifier: ISC */
/* What a new configuration does to what is here, and what time does. */
#include "fixture.h"

#include "dm-store/loop.h"

static struct key_pair keys[3];
static struct fix f;

static int
make_keys(void **state)
{
	for (size_t i = 0; i < 3; i++)
		key_generate(&keys[i]);
	return 0;
}

static int
setup(void **state)
{
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

static void
test_withdrawal(void **state)
{
	struct entry one = fix_file("d/a", START_NS, "one", 3, &keys[0]);
	struct entry two = fix_file("d/a", START_NS + 1, "two", 3, &keys[1]);

	fix_put(&f, &one, "one", 3);
	fix_put(&f, &two, "two", 3);
	memset(f.sent, 0, sizeof(f.sent));
	fix_configure(&f, "d/*", keys, 1); /* the second key is gone */
	assert_int_equal(f.sent[IPC_CONFIGURED], 1);
	assert_int_equal(f.sent[IPC_RETRACT], 1);
	assert_int_equal(f.sent[IPC_ENTRY], 1);
	assert_memory_equal(f.announced.sha256, one.sha256, 32);
	fix_assert_opens(&f, "d/a", NULL, "one", 3); /* out of old/ */
	assert_int_equal(fix_judge(&f, &two), VERDICT_UNKNOWN_SIGNER);
	fix_configure(&f, "d/*", keys, 2); /* and is back */
	fix_assert_opens(&f, "d/a", NULL, "two", 3);
	assert_int_equal(fix_judge(&f, &one), VERDICT_NOT_NEWER);
}

static void
test_withdrawal_without_content(void **state)
{
	struct entry one = fix_file("d/a", START_NS, "one", 3, &keys[0]);
	struct entry two = fix_file("d/a", START_NS + 1, "two", 3, &keys[1]);

	fix_put(&f, &one, "one", 3);
	fix_put(&f, &two, "two", 3);
	files_old_remove(&f.s.files, one.sha256);
	memset(f.sent, 0, sizeof(f.sent));
	fix_configure(&f, "d/*", keys, 1);
	assert_int_equal(f.sent[IPC_RETRACT], 1);
	assert_int_equal(f.sent[IPC_ENTRY], 0);
	assert_int_equal(f.sent[IPC_WANT], 1);
	assert_false(fix_exists(&f, "files/d/a"));
	assert_int_equal(fix_open(&f, "d/a", NULL), VERDICT_WITHDRAWN);
	assert_int_equal(fix_fetch(&f, &one, "one", 3), VERDICT_CREATED);
	fix_assert_content(&f, "d/a", "one", 3);
}

/* A name that goes makes room for one that could not be beside it. */
static void
test_names_change(void **state)
{
	struct entry e = fix_file("d/a", START_NS, "abc", 3, &keys[0]);
	struct entry d = fix_file("d", START_NS, "file d", 6, &keys[0]);
	struct policy *p;

	fix_put(&f, &e, "abc", 3);
	p = fix_policy_begin();
	fix_allow(p, "d", keys, 1);
	fix_apply(&f, p);
	assert_false(fix_exists(&f, "files/d"));
	assert_int_equal(fix_open(&f, "d/a", NULL), VERDICT_NOT_FOUND);
	assert_int_equal(f.s.stats.bytes, 0);
	assert_int_equal(fix_put(&f, &d, "file d", 6), VERDICT_CREATED);
	fix_assert_content(&f, "d", "file d", 6);
	/* and back: what left is placed only after what was in its way went */
	p = fix_policy_begin();
	fix_allow(p, "d/*", keys, 1);
	fix_apply(&f, p);
	fix_assert_content(&f, "d/a", "abc", 3);
	fix_assert_opens(&f, "d/a", NULL, "abc", 3);
	assert_int_equal(fix_count_dir(&f, "quarantine"), 0);
}

/* The configuration changed while the store was down; many names. */
/* Directories stay while names in them are configured, for those who watch
 * them; then they go, whatever the last version of a name was. */
static void
test_directories(void **state)
{
	struct entry one = fix_file("d/a", START_NS, "one", 3, &keys[0]);
	struct entry gone = fix_delete("d/a", START_NS + 1, &keys[0]);

	fix_put(&f, &one, "one", 3);
	assert_int_equal(fix_put(&f, &gone, "", 0), VERDICT_OK);
	assert_false(fix_exists(&f, "files/d/a"));
	assert_true(fix_exists(&f, "files/d"));
	fix_configure(&f, "d", keys, 2); /* a file where the directory was */
	assert_false(fix_exists(&f, "files/d"));
	one = fix_file("d", START_NS, "two", 3, &keys[0]);
	assert_int_equal(fix_put(&f, &one, "two", 3), VERDICT_CREATED);
	fix_assert_content(&f, "d", "two", 3);
	assert_int_equal(fix_count_dir(&f, "quarantine"), 0);
}

static void
test_many_names(void **state)
{
	char name[32];
	struct entry e;

	for (int i = 0; i < 600; i++) {
		uint64_t id;

		snprintf(name, sizeof(name), "d/f%d", i);
		e = fix_file(name, START_NS, name, strlen(name), &keys[i % 2]);
		id = fix_begin(&f, &e, 0, true);
		fix_content(&f, id, name, strlen(name));
	}
	fix_turn(&f);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_VISIBLE), 600);
	fix_die(&f);
	fix_start(&f);
	fix_configure(&f, "d/*", keys, 1);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_VISIBLE), 300);
	assert_int_equal(fix_count_dir(&f, "files/d"), 300);
	fix_configure(&f, "d/*", keys, 2);
	assert_int_equal(fix_count_dir(&f, "files/d"), 600);
	fix_assert_opens(&f, "d/f599", NULL, "d/f599", 6);
}

static void
test_network(void **state)
{
	struct entry e = fix_file("d/a", START_NS, "abc", 3, &keys[0]);
	struct ipc_config_begin m = fix_limits();
	struct policy *p;

	fix_put(&f, &e, "abc", 3);
	m.network = bytes_of(keys[2].public_key, 32);
	p = policy_new(&m);
	fix_allow(p, "d/*", keys, 2);
	fix_apply(&f, p);
	assert_false(fix_exists(&f, "files/d/a"));
	assert_int_equal(fix_judge(&f, &e), VERDICT_OTHER_NETWORK);
	e.has_network = true;
	memcpy(e.network, keys[1].public_key, 32);
	fix_sign(&e, &keys[0]);
	assert_int_equal(fix_judge(&f, &e), VERDICT_OTHER_NETWORK);
	memcpy(e.network, keys[2].public_key, 32);
	fix_sign(&e, &keys[0]);
	assert_int_equal(fix_put(&f, &e, "abc", 3), VERDICT_CREATED);
}

/* --- records out of use --- */

/* A limit of two records for each signer. */
static void
configure_two(const char *pattern, size_t n_keys)
{
	struct ipc_config_begin m = fix_limits();
	struct policy *p;

	m.max_records_per_signer = 2;
	p = policy_new(&m);
	fix_allow(p, pattern, keys, n_keys);
	fix_apply(&f, p);
}

/* Names that are gone do not fill the signer's limit; what was deleted stays
 * deleted when they are back. */
static void
test_out_of_use(void **state)
{
	struct entry a = fix_file("d/a", START_NS, "abc", 3, &keys[0]);
	struct entry b = fix_delete("d/b", START_NS, &keys[0]);
	struct entry old = fix_file("d/b", START_NS - 1, "old", 3, &keys[1]);
	struct entry n[3];

	configure_two("d/*", 2);
	assert_int_equal(fix_put(&f, &a, "abc", 3), VERDICT_CREATED);
	assert_int_equal(fix_put(&f, &b, "", 0), VERDICT_OK);
	n[0] = fix_file("d/c", START_NS, "abc", 3, &keys[0]);
	assert_int_equal(fix_put(&f, &n[0], "abc", 3), VERDICT_NO_SPACE);
	configure_two("e/*", 2);
	for (size_t i = 0; i < 3; i++) {
		char name[8];

		snprintf(name, sizeof(name), "e/%zu", i);
		n[i] = fix_file(name, START_NS, "abc", 3, &keys[0]);
		assert_int_equal(fix_put(&f, &n[i], "abc", 3),
		    i < 2 ? VERDICT_CREATED : VERDICT_NO_SPACE);
	}
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_DORMANT), 2);
	fix_die(&f);
	fix_start(&f);
	configure_two("d/*", 2);
	fix_assert_opens(&f, "d/a", NULL, "abc", 3);
	assert_int_equal(fix_put(&f, &old, "old", 3), VERDICT_NOT_NEWER);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_DORMANT), 2);
	assert_int_equal(
	    table_signer_count(f.s.index, VIEW_COMMITTED, keys[0].public_key),
	    2);
}

static void
days_pass(unsigned days)
{
	for (unsigned i = 0; i < 24 * days; i++) {
		fix_pass(3600 * NS_PER_S);
		expire_tick(&f.s);
		reload_tick(&f.s);
		fix_turn(&f);
	}
}

/* They go at last, those of a removed signer and of another network too. */
static void
test_out_of_use_for_good(void **state)
{
	struct entry a = fix_file("d/a", START_NS, "abc", 3, &keys[0]);
	struct entry b = fix_file("d/a", START_NS + 1, "abd", 3, &keys[1]);
	struct entry o = fix_file("d/a", START_NS, "old", 3, &keys[1]);

	fix_put(&f, &a, "abc", 3);
	fix_put(&f, &b, "abd", 3);
	fix_configure(&f, "d/*", keys, 1);
	days_pass(29);
	fix_configure(&f, "d/*", keys, 2);
	fix_assert_opens(&f, "d/a", NULL, "abd", 3);
	fix_configure(&f, "d/*", keys, 1);
	days_pass(29);
	/* a clock that jumps ahead drops nothing at once */
	fix_now += 400 * 86400 * NS_PER_S;
	expire_tick(&f.s);
	f.s.dormant.next_ns = 0;
	reload_tick(&f.s);
	fix_turn(&f);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_RECORDS), 2);
	fix_now -= 400 * 86400 * NS_PER_S;
	expire_tick(&f.s);
	days_pass(2);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_RECORDS), 1);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_DORMANT), 0);
	fix_configure(&f, "d/*", keys, 2);
	fix_assert_opens(&f, "d/a", NULL, "abc", 3);
	/* what is signed after the winner still wins, and only that */
	assert_int_equal(fix_judge(&f, &b), VERDICT_REPLACED);
	assert_int_equal(fix_judge(&f, &o), VERDICT_NOT_NEWER);
}

static void
test_forget(void **state)
{
	struct entry a = fix_file("d/a", START_NS, "abc", 3, &keys[0]);
	struct entry b = fix_file("d/a", START_NS + 1, "abd", 3, &keys[1]);
	struct entry d = fix_delete("d/a", START_NS + 2, &keys[0]);

	assert_int_equal(winner_forget(&f.s, "d/a"), 0);
	fix_turn(&f);
	fix_put(&f, &a, "abc", 3);
	fix_put(&f, &b, "abd", 3);
	memset(f.sent, 0, sizeof(f.sent));
	assert_int_equal(winner_forget(&f.s, "d/a"), 2);
	fix_turn(&f);
	assert_int_equal(f.sent[IPC_RETRACT], 1);
	assert_false(fix_exists(&f, "files/d/a"));
	assert_int_equal(fix_open(&f, "d/a", NULL), VERDICT_NOT_FOUND);
	assert_int_equal(f.s.stats.bytes, 0);
	assert_int_equal(
	    table_signer_count(f.s.index, VIEW_COMMITTED, keys[0].public_key),
	    0);
	/* what peers hold comes back */
	assert_int_equal(fix_fetch(&f, &a, "abc", 3), VERDICT_CREATED);
	fix_put(&f, &d, "", 0);
	assert_int_equal(winner_forget(&f.s, "d/a"), 1);
	fix_turn(&f);
	assert_int_equal(fix_put(&f, &a, "abc", 3), VERDICT_CREATED);
	fix_die(&f);
	fix_start(&f);
	fix_configure(&f, "d/*", keys, 2);
	fix_assert_opens(&f, "d/a", NULL, "abc", 3);
}

/* --- time ------------------------------------------------------------- */

static struct entry
short_lived(
    const char *name, uint64_t at_ns, const char *content, uint64_t valid_for_s)
{
	struct entry e =
	    fix_file(name, at_ns, content, strlen(content), &keys[0]);

	e.valid_for_s = valid_for_s;
	fix_sign(&e, &keys[0]);
	return e;
}

static void
tick(void)
{
	expire_tick(&f.s);
	fix_turn(&f);
}

static void
test_expiry(void **state)
{
	struct entry old = fix_file("d/a", START_NS, "old", 3, &keys[0]);
	struct entry e = short_lived("d/a", START_NS + 1, "abc", 60);
	uint8_t key[16];
	struct ipc_read_entry m = {.id = 1};

	fix_put(&f, &old, "old", 3);
	fix_put(&f, &e, "abc", 3);
	tick();
	fix_assert_content(&f, "d/a", "abc", 3);
	memset(f.sent, 0, sizeof(f.sent));
	fix_pass(61 * NS_PER_S);
	assert_int_equal(fix_open(&f, "d/a", NULL), VERDICT_NOT_FOUND);
	tick();
	assert_false(fix_exists(&f, "files/d/a")); /* and nothing older */
	assert_int_equal(f.sent[IPC_RETRACT], 0);
	assert_int_equal(fix_open(&f, "d/a", NULL), VERDICT_NOT_FOUND);
	assert_int_equal(fix_judge(&f, &old), VERDICT_NOT_NEWER);
	name_key("d/a", key);
	memcpy(m.key, key, 16);
	queries_read_entry(&f.s, &m);
	assert_int_equal(f.opened, VERDICT_OK);
	assert_memory_equal(f.read.sha256, e.sha256, 32);
	fix_die(&f);
	fix_start(&f);
	fix_configure(&f, "d/*", keys, 2);
	tick();
	assert_false(fix_exists(&f, "files/d/a"));
	/* the clock was wrong, by less than a day: it is back */
	fix_now -= 3600 * NS_PER_S;
	tick();
	tick();
	fix_now += 3600 * NS_PER_S;
}

static void
test_clock_goes_back(void **state)
{
	struct entry e = short_lived("d/a", START_NS, "abc", 60);

	fix_put(&f, &e, "abc", 3);
	tick();
	fix_now += 100 * NS_PER_S;
	tick();
	assert_false(fix_exists(&f, "files/d/a"));
	fix_now -= 100 * NS_PER_S;
	tick();
	fix_assert_opens(&f, "d/a", NULL, "abc", 3);
	fix_pass(61 * NS_PER_S);
	tick();
	assert_false(fix_exists(&f, "files/d/a"));
}

static void
test_clock_is_wrong(void **state)
{
	struct entry e = short_lived("d/a", START_NS, "abc", 60);
	char doubt[CLOCK_DOUBT_MAX];

	fix_put(&f, &e, "abc", 3);
	tick();
	assert_string_equal(clock_doubt(&f.s.clock, doubt), "");
	fix_now += 2 * 86400 * NS_PER_S; /* a step, not time */
	tick();
	assert_string_equal(clock_doubt(&f.s.clock, doubt),
	    "the clock stepped by 172800 s: it is trusted again in 61 min if "
	    "it stays steady");
	fix_assert_opens(&f, "d/a", NULL, "abc", 3);
	fix_pass(3601 * NS_PER_S);
	tick();
	tick();
	assert_false(fix_exists(&f, "files/d/a"));
}

static void
test_already_expired(void **state)
{
	struct entry e =
	    short_lived("d/a", START_NS - 100 * NS_PER_S, "abc", 60);

	assert_int_equal(fix_put(&f, &e, "abc", 3), VERDICT_EXPIRED);
	/* a peer's is kept, at once and without content */
	assert_int_equal(fix_judge(&f, &e), VERDICT_CREATED);
	assert_int_equal(fix_winner(&f, "d/a").state, WINNER_HIDDEN);
	assert_int_equal(f.sent[IPC_ENTRY], 1);
	tick();
	e = fix_file("d/a", START_NS - 200 * NS_PER_S, "old", 3, &keys[1]);
	assert_int_equal(fix_judge(&f, &e), VERDICT_NOT_NEWER);
}

/* --- history --- */

static void
test_replaced_is_served(void **state)
{
	struct entry one = fix_file("d/a", START_NS, "one", 3, &keys[0]);
	struct entry two = fix_file("d/a", START_NS + 1, "two", 3, &keys[0]);
	struct ipc_config_begin m = fix_limits();
	struct policy *p;
	uint8_t version[32];

	m.history_size = 0;
	p = policy_new(&m);
	fix_allow(p, "d/*", keys, 2);
	fix_apply(&f, p);
	entry_version(&one, version);
	fix_put(&f, &one, "one", 3);
	fix_put(&f, &two, "two", 3);
	commit_tick(&f.s);
	fix_turn(&f);
	fix_assert_opens(&f, "d/a", version, "one", 3);
	fix_pass(61 * NS_PER_S);
	assert_int_equal(fix_open(&f, "d/a", version), VERDICT_NOT_FOUND);
	commit_tick(&f.s);
	fix_turn(&f);
	assert_int_equal(fix_count_dir(&f, "index/old"), 0);
	assert_int_equal(f.s.stats.old_bytes, 0);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_HISTORY), 0);
}

/* --- what dm-net is told --- */

static void
test_stream_and_list(void **state)
{
	struct ipc_list m = {.id = 7,
	    .prefix = bytes_text("d/f1"),
	    .cursor = bytes_text(""),
	    .limit = 64};
	struct ipc_save_peer peer = {.first = true, .last_success_s = 5};
	char name[32], last[32] = "";
	struct entry e;
	size_t n = 0;

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "d/f%03d", i);
		e = fix_file(name, START_NS, "x", 1, &keys[0]);
		fix_content(&f, fix_begin(&f, &e, 0, true), "x", 1);
	}
	fix_turn(&f);
	e = fix_delete("d/f000", START_NS + 1, &keys[0]);
	fix_judge(&f, &e);
	peer.address = bytes_text("addr");
	/* before it has had the remembered ones it knows no better */
	index_feed_save_peer(&f.s, &peer);
	index_feed_tick(&f.s);
	fix_turn(&f);
	assert_true(index_feed_credit(&f.s, 1));
	fix_turn(&f);
	assert_int_equal(f.n_rows, IPC_INDEX_ROWS_MAX);
	assert_int_equal(f.sent[IPC_INDEX_COMPLETE], 0);
	assert_true(index_feed_credit(&f.s, IPC_INDEX_WINDOW));
	assert_false(index_feed_credit(&f.s, IPC_INDEX_WINDOW + 1));
	fix_turn(&f);
	assert_int_equal(f.n_rows, 1000);
	assert_int_equal(f.sent[IPC_INDEX_COMPLETE], 1);
	assert_int_equal(f.sent[IPC_PEER_HINT], 0);
	for (size_t i = 1; i < f.n_rows; i++)
		assert_true(memcmp(f.rows + (i - 1) * IPC_INDEX_ROW_SIZE,
				f.rows + i * IPC_INDEX_ROW_SIZE, 16) < 0);
	do {
		f.n_listed = 0;
		queries_list(&f.s, &m);
		for (size_t i = 0; i < f.n_listed; i++, n++) {
			assert_true(strcmp(last, f.listed[i].name) < 0);
			strcpy(last, f.listed[i].name);
		}
		m.cursor = bytes_text(last);
	} while (f.has_more);
	assert_int_equal(n, 100); /* d/f100 to d/f199 */
	m.prefix = bytes_text("d/f000");
	m.cursor = bytes_text("");
	f.n_listed = 0;
	queries_list(&f.s, &m);
	assert_int_equal(f.n_listed, 0); /* deleted */
	/* now the peer is remembered, and told over the next link */
	index_feed_save_peer(&f.s, &peer);
	index_feed_settle(&f.s);
	fix_turn(&f);
	index_feed_reset(&f.s);
	assert_true(index_feed_credit(&f.s, IPC_INDEX_WINDOW));
	fix_turn(&f);
	assert_int_equal(f.sent[IPC_PEER_HINT], 1);
	assert_int_equal(f.sent[IPC_INDEX_COMPLETE], 2);
}

/* --- many names: in slices of the loop --- */

#define MANY 900

/* All of the second key; the last of them the greatest. */
static void
fill_many(void)
{
	char name[16];
	struct entry e;

	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "d/%04u", i);
		e = fix_file(name, START_NS + 9, "x", 1, &keys[1]);
		fix_content(&f, fix_begin(&f, &e, 0, true), "x", 1);
	}
	fix_turn(&f);
}

static uint64_t
n_visible(void)
{
	return index_count(f.s.index, VIEW_COMMITTED, INDEX_VISIBLE);
}

/* Begun, and not at its end. */
static void
begin_reload(size_t n_keys)
{
	struct policy *p = fix_policy_begin();

	fix_allow(p, "d/*", keys, n_keys);
	assert_true(policy_seal(p));
	fix_is_applied = false;
	reload_apply(&f.s, p, fix_applied);
	assert_false(fix_is_applied);
}

/* Until it has come to some names, and not to all. */
static void
go_half_way(void)
{
	while (n_visible() == MANY)
		event_base_loop(f.s.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_false(fix_is_applied);
}

static void
end_reload(void)
{
	while (!fix_is_applied)
		event_base_loop(f.s.base, EVLOOP_NONBLOCK);
	fix_turn(&f);
}

struct others {
	struct event *timer;
	unsigned n_turns;
};

static void
count_turn(evutil_socket_t fd, short what, void *arg)
{
	struct others *o = arg;

	(void)fd;
	(void)what;
	o->n_turns++;
	loop_soon(o->timer);
}

/* Others have their turn meanwhile. */
static void
test_slices(void **state)
{
	struct others others = {NULL, 0};
	unsigned n_turns = 0;

	(void)state;
	fill_many();
	assert_int_equal(n_visible(), MANY);
	others.timer = evtimer_new(f.s.base, count_turn, &others);
	loop_soon(others.timer);
	begin_reload(1);
	assert_true(n_visible() > 0);
	for (; !fix_is_applied; n_turns++)
		event_base_loop(f.s.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	event_free(others.timer);
	assert_true(n_turns >= 2 && others.n_turns >= 2);
	assert_int_equal(n_visible(), 0);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_DORMANT), MANY);
	fix_configure(&f, "d/*", keys, 2);
	assert_int_equal(n_visible(), MANY);
	assert_int_equal(
	    index_count(f.s.index, VIEW_COMMITTED, INDEX_DORMANT), 0);
}

/* The old configuration comes back before the new one was through, at once or
 * after a death: what had been done of it is undone. */
static void
test_half_done(void **state)
{
	(void)state;
	fill_many();
	begin_reload(1);
	go_half_way();
	fix_configure(&f, "d/*", keys, 2);
	assert_int_equal(n_visible(), MANY);
	begin_reload(1);
	go_half_way();
	fix_die(&f);
	fix_start(&f);
	fix_configure(&f, "d/*", keys, 2);
	assert_int_equal(n_visible(), MANY);
	assert_int_equal(
	    table_signer_count(f.s.index, VIEW_COMMITTED, keys[1].public_key),
	    MANY);
}

/* A name that it has not come to is judged by the new configuration. */
static void
test_judged_meanwhile(void **state)
{
	struct entry e = fix_file("d/0899", START_NS, "y", 1, &keys[0]);
	struct entry gone = fix_file("d/0899", START_NS + 9, "x", 1, &keys[1]);

	(void)state;
	fill_many();
	assert_int_equal(fix_judge(&f, &e), VERDICT_NOT_NEWER);
	begin_reload(1);
	assert_int_equal(fix_put(&f, &e, "y", 1), VERDICT_CREATED);
	assert_int_equal(fix_judge(&f, &gone), VERDICT_UNKNOWN_SIGNER);
	end_reload();
	assert_int_equal(n_visible(), 1);
	fix_assert_content(&f, "d/0899", "y", 1);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_withdrawal),
	    T(test_withdrawal_without_content), T(test_names_change),
	    T(test_directories), T(test_many_names), T(test_network),
	    T(test_out_of_use), T(test_out_of_use_for_good), T(test_forget),
	    T(test_expiry), T(test_clock_goes_back), T(test_clock_is_wrong),
	    T(test_already_expired), T(test_replaced_is_served),
	    T(test_stream_and_list), T(test_slices), T(test_half_done),
	    T(test_judged_meanwhile)};

	return cmocka_run_group_tests(tests, make_keys, NULL);
}
