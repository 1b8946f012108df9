/* SPDX-License-Identifier: ISC */
/* Versions that were replaced, and what is remembered of refusals. */
#include "fixture.h"

#include "dm-store/rejects.h"
#include "dm-store/versions.h"

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

static void
configure(uint64_t history_versions)
{
	struct ipc_config_begin m = fix_limits();
	struct policy *p;

	m.history_versions = history_versions;
	p = policy_new(&m);
	fix_allow(p, "d/*", keys, 2);
	fix_apply(&f, p);
}

/* "0", "1", ... of that name, one after the other. */
static struct entry
put_number(const char *name, unsigned n)
{
	char text[16];
	struct entry e;

	snprintf(text, sizeof(text), "%u", n);
	e = fix_file(name, START_NS + n, text, strlen(text), &keys[n % 2]);
	assert_true(verdict_is_ok(fix_put(&f, &e, text, strlen(text))));
	return e;
}

static void
tick(void)
{
	commit_tick(&f.s);
	fix_turn(&f);
}

static uint64_t
versions(void)
{
	return index_count(f.s.index, VIEW_COMMITTED, INDEX_VERSIONS);
}

/* What is kept of a version: its content, or nothing. */
static void
assert_kept(const struct entry *e, const char *content)
{
	int fd = history_open(&f.s, e);
	char buf[32] = "";

	if (content == NULL) {
		assert_int_equal(fd, -1);
		return;
	}
	assert_true(fd != -1);
	assert_int_equal(pread(fd, buf, sizeof(buf), 0), strlen(content));
	assert_string_equal(buf, content);
	close(fd);
}

static void
test_last_versions(void **state)
{
	struct entry e[20], del;
	struct replaced r;

	for (unsigned i = 0; i < 20; i++)
		e[i] = put_number("d/a", i);
	put_number("d/ab", 100);
	put_number("d/ab", 101);
	assert_int_equal(versions(), 8 + 1);
	assert_true(versions_at(&f.s, "d/a", 1, &r));
	assert_int_equal(entry_compare(&r.entry, &e[18]), 0);
	assert_memory_equal(r.by_signer, e[19].signer, 32);
	assert_int_equal(r.by_signed_at_ns, e[19].signed_at_ns);
	assert_int_equal(r.at_ns, fix_now);
	assert_true(versions_at(&f.s, "d/a", 8, &r));
	assert_int_equal(entry_compare(&r.entry, &e[11]), 0);
	assert_false(versions_at(&f.s, "d/a", 9, &r));
	/* replaced less than a minute ago: still served to peers */
	tick();
	assert_kept(&e[0], "0");
	fix_pass(61 * NS_PER_S);
	tick();
	tick();
	assert_kept(&e[0], NULL);
	assert_kept(&e[10], NULL);
	assert_kept(&e[11], "11");
	assert_kept(&e[18], "18");
	/* a deletion and what came after it are versions like any other */
	del = fix_delete("d/a", fix_now, &keys[0]);
	fix_put(&f, &del, "", 0);
	del = fix_file("d/a", fix_now + 1, "new", 3, &keys[0]);
	assert_int_equal(fix_put(&f, &del, "new", 3), VERDICT_CREATED);
	fix_die(&f);
	fix_start(&f);
	configure(8);
	assert_false(versions_at(&f.s, "d/a", 9, &r));
	assert_true(versions_at(&f.s, "d/a", 1, &r));
	assert_int_equal(r.entry.kind, ENTRY_DELETE);
}

/* The number is smaller after a reload, or none at all. */
static void
test_fewer_versions(void **state)
{
	struct entry e[40];
	struct replaced r;

	configure(100);
	for (unsigned i = 0; i < 38; i++)
		e[i] = put_number("d/a", i);
	assert_int_equal(versions(), 37);
	configure(2);
	assert_false(versions_at(&f.s, "d/a", 3, &r));
	for (unsigned i = 38; i < 40; i++)
		e[i] = put_number("d/a", i);
	put_number("d/a", 40);
	assert_int_equal(versions(), 2);
	fix_pass(61 * NS_PER_S);
	tick();
	/* the last of each signer stays: it may win again */
	assert_kept(&e[39], "39");
	assert_kept(&e[30], NULL);
	configure(0);
	put_number("d/b", 1);
	put_number("d/b", 2);
	assert_int_equal(versions(), 2);
}

/* Content that several versions share stays as long as one needs it. */
static void
test_shared_content(void **state)
{
	struct entry a = fix_file("d/a", START_NS, "same", 4, &keys[0]);
	struct entry b = fix_file("d/b", START_NS, "same", 4, &keys[0]);

	configure(1);
	fix_put(&f, &a, "same", 4);
	fix_put(&f, &b, "same", 4);
	put_number("d/a", 1);
	put_number("d/b", 1);
	put_number("d/a", 2);
	fix_pass(61 * NS_PER_S);
	tick();
	assert_kept(&b, "same");
	put_number("d/b", 2);
	fix_pass(61 * NS_PER_S);
	tick();
	assert_kept(&b, NULL);
}

static void
test_forgotten(void **state)
{
	struct entry a = put_number("d/a", 1), b = put_number("d/a", 2);

	winner_forget(&f.s, "d/a");
	fix_turn(&f);
	assert_int_equal(versions(), 0);
	fix_pass(61 * NS_PER_S);
	tick();
	assert_kept(&a, NULL);
	assert_kept(&b, NULL);
	assert_int_equal(f.s.stats.old_bytes, 0);
}

/* Under steady load old/ follows its budget. */
static void
test_budget(void **state)
{
	struct ipc_config_begin m = fix_limits();
	struct policy *p;
	char name[32];

	m.history_size = 64 << 10;
	p = policy_new(&m);
	fix_allow(p, "d/*", keys, 2);
	fix_apply(&f, p);
	for (unsigned i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "d/%u", i);
		put_number(name, 2 * i);
		put_number(name, 2 * i + 1);
	}
	fix_pass(61 * NS_PER_S);
	tick();
	assert_true(f.s.stats.old_bytes <= 64 << 10);
	assert_true(fix_count_dir(&f, "index/old") <= 16);
}

/* --- refusals --- */

static const struct reject *
last_reject(void)
{
	const struct reject *last = NULL, *j;

	for (size_t i = 0; (j = rejects_at(&f.s, i)) != NULL; i++)
		last = j;
	return last;
}

static void
test_refusals(void **state)
{
	struct entry one = fix_file("d/a", START_NS, "one", 3, &keys[0]);
	struct entry two = fix_file("d/a", START_NS + 1, "two", 3, &keys[1]);
	struct entry bad = fix_file("e", START_NS, "e", 1, &keys[1]);
	const struct reject *j;

	fix_put(&f, &one, "one", 3);
	assert_null(last_reject());
	fix_put(&f, &one, "one", 3); /* the same again is no refusal */
	assert_null(last_reject());
	fix_put(&f, &two, "two", 3);
	j = last_reject();
	assert_string_equal(reject_code(j), "conflict");
	assert_memory_equal(j->signer, keys[0].public_key, 32);
	assert_memory_equal(j->by_signer, keys[1].public_key, 32);
	fix_judge(&f, &one);
	fix_judge(&f, &one);
	j = last_reject();
	assert_string_equal(reject_code(j), "not-newer");
	assert_int_equal(j->count, 2);
	assert_int_equal(j->by_signed_at_ns, START_NS + 1);
	fix_put(&f, &bad, "e", 1);
	assert_string_equal(reject_code(last_reject()), "unknown-file");
	bad = fix_file("d/b", START_NS, "b", 1, &keys[0]);
	fix_put(&f, &bad, "c", 1);
	assert_string_equal(reject_code(last_reject()), "bad-content");
	/* a restart does not lose them */
	rejects_tick(&f.s);
	fix_turn(&f);
	fix_die(&f);
	fix_start(&f);
	assert_non_null(rejects_at(&f.s, 3));
	assert_null(rejects_at(&f.s, 4));
	assert_string_equal(reject_code(rejects_at(&f.s, 0)), "conflict");
	assert_int_equal(rejects_at(&f.s, 1)->count, 2);
}

/* So many are told by somebody, of different names. */
static void
flood(const char *from, unsigned n)
{
	char name[32];
	struct entry e;

	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "y%u", i);
		e = fix_file(name, START_NS, "x", 1, &keys[0]);
		rejects_refused(
		    &f.s, &e, VERDICT_UNKNOWN_FILE, bytes_text(from));
		fix_pass(NS_PER_S);
		rejects_tick(&f.s);
		fix_turn(&f);
	}
}

static size_t
count_rejects(const char *from)
{
	const struct reject *j;
	size_t n = 0;

	for (size_t i = 0; (j = rejects_at(&f.s, i)) != NULL; i++)
		n += from == NULL || strcmp(j->from, from) == 0;
	return n;
}

/* Bounded in memory and on disk, and in what one source can push out. */
static void
test_many_refusals(void **state)
{
	char name[32], from[32];
	struct entry e;

	for (unsigned i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "x%u", i);
		e = fix_file(name, START_NS, "x", 1, &keys[0]);
		fix_judge(&f, &e);
	}
	assert_int_equal(count_rejects(NULL), REJECTS_BURST - REJECTS_SPARED);
	assert_int_equal(
	    rejects_dropped(&f.s), 200 + REJECTS_SPARED - REJECTS_BURST);
	/* a conflict is of interest even then */
	e = fix_file("d/a", START_NS, "one", 3, &keys[0]);
	fix_put(&f, &e, "one", 3);
	e = fix_file("d/a", START_NS + 1, "two", 3, &keys[1]);
	fix_put(&f, &e, "two", 3);
	assert_string_equal(reject_code(last_reject()), "conflict");
	/* who sends more than all there is room for pushes out its own */
	flood("somebody", REJECTS_MAX + 100);
	assert_int_equal(count_rejects("somebody"), REJECTS_SOURCE_MAX);
	assert_int_equal(count_rejects(""), 1 + REJECTS_BURST - REJECTS_SPARED);
	for (unsigned i = 0; i < 10; i++) {
		snprintf(from, sizeof(from), "another%u", i);
		flood(from, 100);
	}
	rejects_settle(&f.s);
	fix_turn(&f);
	assert_int_equal(index_count(f.s.index, VIEW_COMMITTED, INDEX_REFUSALS),
	    REJECTS_MAX);
	fix_die(&f);
	fix_start(&f);
	assert_string_equal(last_reject()->name, "y99");
	assert_string_equal(last_reject()->from, "another9");
	assert_null(rejects_at(&f.s, REJECTS_MAX));
}

static bool
relay(enum verdict v, const char *name, const char *from, unsigned times)
{
	const struct ipc_refused m = {.verdict = v,
	    .times = times,
	    .name = bytes_text(name),
	    .from = bytes_text(from)};

	fix_pass(NS_PER_S);
	return rejects_relayed(&f.s, &m);
}

static const struct reject *
reject_of(const char *name, const char *from)
{
	const struct reject *j;

	for (size_t i = 0; (j = rejects_at(&f.s, i)) != NULL; i++)
		if (strcmp(j->name, name) == 0 && strcmp(j->from, from) == 0)
			return j;
	return NULL;
}

/* What dm-net refuses: one row a source, reason and configured name, and
 * nobody pushes out what the store has judged, or another one's. */
static void
test_of_dm_net(void **state)
{
	struct entry one = fix_file("d/a", START_NS, "one", 3, &keys[0]);
	struct entry two = fix_file("d/a", START_NS + 1, "two", 3, &keys[1]);
	const struct reject *j;
	char name[32];

	fix_put(&f, &one, "one", 3);
	fix_put(&f, &two, "two", 3); /* a conflict */
	assert_true(relay(VERDICT_TOO_LARGE, "d/a", "a peer", 1));
	assert_true(relay(VERDICT_BAD_FIELD, "", "::1", 2));
	assert_true(relay(VERDICT_BAD_FIELD, "", "::1", 3));
	j = reject_of("", "::1");
	assert_int_equal(j->count, 5);
	assert_true(j->last_ns > j->first_ns);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "anything%u", i);
		assert_true(relay(VERDICT_UNKNOWN_FILE, name, "a peer", 1));
	}
	assert_int_equal(count_rejects("a peer"), 2);
	assert_int_equal(reject_of("anything999", "a peer")->count, 1000);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "d/%u", i);
		assert_true(relay(VERDICT_TOO_LARGE, name, "a peer", 1));
	}
	assert_int_equal(count_rejects("a peer"), REJECTS_NET_SOURCE_MAX);
	assert_non_null(reject_of("d/999", "a peer"));
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "peer %u", i);
		assert_true(relay(VERDICT_OTHER_NETWORK, "d/a", name, 1));
	}
	assert_int_equal(count_rejects(NULL), 1 + REJECTS_NET_MAX);
	assert_string_equal(reject_code(rejects_at(&f.s, 0)), "conflict");
	/* nor does a flood of these keep others out, within a second */
	for (unsigned i = 0; i < 1000; i++) {
		struct ipc_refused m = {.verdict = VERDICT_BAD_NAME};

		snprintf(name, sizeof(name), "peer %u", i);
		m.times = 1;
		m.from = bytes_text(name);
		assert_true(rejects_relayed(&f.s, &m));
	}
	fix_judge(&f, &one);
	assert_string_equal(reject_code(rejects_at(&f.s, 1)), "not-newer");
	/* what dm-net may not say */
	assert_false(relay(VERDICT_TOO_LARGE, "../x", "a peer", 1));
	assert_false(relay(VERDICT_CREATED, "d/a", "a peer", 1));
	assert_false(relay(VERDICT_TOO_LARGE, "d/a", "a peer", 0));
	/* a restart keeps them, and their places */
	rejects_settle(&f.s);
	fix_turn(&f);
	fix_die(&f);
	fix_start(&f);
	assert_int_equal(count_rejects(NULL), 2 + REJECTS_NET_MAX);
	assert_string_equal(reject_code(rejects_at(&f.s, 0)), "conflict");
	assert_non_null(reject_of("d/a", "peer 999"));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_last_versions),
	    T(test_fewer_versions), T(test_shared_content), T(test_forgotten),
	    T(test_budget), T(test_refusals), T(test_many_refusals),
	    T(test_of_dm_net)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
