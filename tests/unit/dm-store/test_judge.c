/* SPDX-License-Identifier: ISC */
/* What is accepted, what is refused and why, and that the order in which
 * versions arrive does not matter for who wins. */
#include "fixture.h"

#include "dm-store/ticket.h"

static struct key_pair keys[4];

static int
make_keys(void **state)
{
	for (size_t i = 0; i < 4; i++)
		key_generate(&keys[i]);
	return 0;
}

static struct fix f;

static int
setup(void **state)
{
	fix_new(&f);
	fix_configure(&f, "a", keys, 3);
	return 0;
}

static int
teardown(void **state)
{
	fix_free(&f);
	return 0;
}

static void
test_verdicts(void **state)
{
	struct entry e = fix_file("a", START_NS, "x", 1, &keys[0]), o;

	o = fix_file("b", START_NS, "x", 1, &keys[0]);
	assert_int_equal(fix_judge(&f, &o), VERDICT_UNKNOWN_FILE);
	o = fix_file("a", START_NS, "x", 1, &keys[3]);
	assert_int_equal(fix_judge(&f, &o), VERDICT_UNKNOWN_SIGNER);
	o = e;
	o.has_network = true;
	fix_sign(&o, &keys[0]);
	assert_int_equal(fix_judge(&f, &o), VERDICT_OTHER_NETWORK);
	o = e;
	o.size = (64 << 20) + 1;
	fix_sign(&o, &keys[0]);
	assert_int_equal(fix_judge(&f, &o), VERDICT_TOO_LARGE);
	o = fix_file("a", START_NS + 301 * NS_PER_S, "x", 1, &keys[0]);
	assert_int_equal(fix_judge(&f, &o), VERDICT_SIGNED_IN_FUTURE);
	o = fix_file("a", START_NS + 299 * NS_PER_S, "x", 1, &keys[0]);
	assert_int_equal(fix_judge(&f, &o), VERDICT_FETCH);
	o = e;
	o.signature[3] ^= 1;
	assert_int_equal(fix_judge(&f, &o), VERDICT_BAD_SIGNATURE);
	assert_int_equal(fix_put(&f, &o, "x", 1), VERDICT_BAD_SIGNATURE);
	assert_false(fix_exists(&f, "files/a"));
	assert_int_equal(fix_put(&f, &e, "x", 1), VERDICT_CREATED);
	assert_int_equal(fix_put(&f, &e, "x", 1), VERDICT_UNCHANGED);
	assert_int_equal(fix_judge(&f, &e), VERDICT_UNCHANGED);
	o = fix_file("a", START_NS - 1, "y", 1, &keys[1]);
	assert_int_equal(fix_put(&f, &o, "y", 1), VERDICT_NOT_NEWER);
	assert_int_equal(f.result.held_signed_at_ns, START_NS);
	o = fix_file("a", START_NS + 1, "y", 1, &keys[1]);
	assert_int_equal(fix_put(&f, &o, "z", 1), VERDICT_BAD_CONTENT);
	assert_int_equal(fix_put(&f, &o, "y", 1), VERDICT_REPLACED);
	fix_assert_content(&f, "a", "y", 1);
	assert_int_equal(fix_count_dir(&f, "index/tmp"), 0);
}

/* Two versions in one turn share a batch; the later answer rests on it. */
static void
test_one_turn(void **state)
{
	struct entry one = fix_file("a", START_NS, "1", 1, &keys[0]);
	struct entry two = fix_file("a", START_NS + 1, "2", 1, &keys[1]);
	uint64_t id, again;

	id = fix_begin(&f, &one, 0, true);
	fix_content(&f, id, "1", 1);
	again = fix_begin(&f, &one, 0, true);
	assert_int_equal(f.sent[IPC_PUT_RESULT], 0);
	id = fix_begin(&f, &two, 0, true);
	fix_content(&f, id, "2", 1);
	assert_false(fix_exists(&f, "files/a"));
	fix_turn(&f);
	/* those that stored something are told first */
	assert_int_equal(f.sent[IPC_PUT_RESULT], 3);
	assert_int_equal(f.result.id, again);
	assert_int_equal(f.result.verdict, VERDICT_UNCHANGED);
	fix_assert_content(&f, "a", "2", 1);
	assert_int_equal(f.sent[IPC_ENTRY], 2);
	assert_true(f.is_origin);
	assert_int_equal(f.inline_len, 1);
}

static void
test_ticket(void **state)
{
	struct entry e = fix_file("a", START_NS, "abc", 3, &keys[0]);
	uint64_t ticket, id;

	assert_int_equal(fix_judge(&f, &e), VERDICT_FETCH);
	ticket = f.verdict.ticket;
	e.signature[0] ^= 1; /* the text is what counts, and it was verified */
	assert_int_equal(fix_judge(&f, &e), VERDICT_FETCH);
	assert_int_equal(f.verdict.ticket, ticket);
	id = fix_begin(&f, NULL, ticket, true);
	fix_content(&f, id, "abd", 3);
	fix_turn(&f);
	assert_int_equal(f.result.verdict, VERDICT_BAD_CONTENT);
	id = fix_begin(&f, NULL, ticket, true);
	fix_content(&f, id, "abc", 3);
	fix_turn(&f);
	assert_int_equal(f.result.verdict, VERDICT_CREATED);
	assert_false(f.is_origin);
	fix_begin(&f, NULL, ticket, true);
	assert_int_equal(f.result.verdict, VERDICT_TICKET_GONE);
	fix_begin(&f, NULL, 999999, true);
	assert_int_equal(f.result.verdict, VERDICT_TICKET_GONE);
}

/* That a version wins here already says nothing of another signature of it. */
static void
test_wanted_and_forged(void **state)
{
	struct entry e = fix_file("a", START_NS, "abc", 3, &keys[0]);
	char path[400];

	assert_int_equal(fix_put(&f, &e, "abc", 3), VERDICT_CREATED);
	fix_path(&f, "files/a", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(fix_open(&f, "a", NULL), VERDICT_WITHDRAWN);
	fix_turn(&f);
	tickets_clear(f.s.tickets);
	e.signature[0] ^= 1;
	assert_int_equal(fix_judge(&f, &e), VERDICT_BAD_SIGNATURE);
	e.signature[0] ^= 1;
	assert_int_equal(fix_judge(&f, &e), VERDICT_FETCH);
	assert_int_not_equal(f.verdict.ticket, 0);
}

static void
test_tombstone(void **state)
{
	struct entry e = fix_file("a", START_NS, "abc", 3, &keys[0]);
	struct entry same = fix_delete("a", START_NS, &keys[1]);
	struct entry later = fix_file("a", START_NS + 1, "abc", 3, &keys[1]);
	uint8_t key[16];
	struct ipc_read_entry m = {.id = 1};

	assert_int_equal(fix_put(&f, &e, "abc", 3), VERDICT_CREATED);
	/* at one instant a delete is above a file */
	assert_int_equal(fix_judge(&f, &same), VERDICT_OK);
	assert_false(fix_exists(&f, "files/a"));
	assert_int_equal(fix_open(&f, "a", NULL), VERDICT_DELETED);
	assert_int_equal(f.opened_entry.kind, ENTRY_DELETE);
	assert_int_equal(f.announced.kind, ENTRY_DELETE);
	name_key("a", key);
	memcpy(m.key, key, 16);
	queries_read_entry(&f.s, &m);
	assert_int_equal(f.read.kind, ENTRY_DELETE);
	assert_int_equal(fix_put(&f, &e, "abc", 3), VERDICT_NOT_NEWER);
	fix_die(&f);
	fix_start(&f);
	fix_configure(&f, "a", keys, 3);
	assert_int_equal(fix_put(&f, &e, "abc", 3), VERDICT_NOT_NEWER);
	assert_int_equal(fix_put(&f, &later, "abc", 3), VERDICT_CREATED);
	fix_assert_content(&f, "a", "abc", 3);
}

/* Content that is here already is not fetched again. */
static void
test_same_content(void **state)
{
	struct entry one = fix_file("a", START_NS, "abc", 3, &keys[0]);
	struct entry two = fix_file("a", START_NS + 1, "abc", 3, &keys[1]);
	uint8_t version[32];

	assert_int_equal(fix_put(&f, &one, "abc", 3), VERDICT_CREATED);
	assert_int_equal(fix_judge(&f, &two), VERDICT_REPLACED);
	fix_assert_opens(&f, "a", NULL, "abc", 3);
	entry_version(&one, version);
	fix_assert_opens(&f, "a", version, "abc", 3);
	assert_memory_equal(f.opened_entry.signature, one.signature, 64);
	assert_int_equal(fix_count_dir(&f, "index/tmp"), 0);
}

/* All orders of arrival: the same winner, whichever way it comes. */
static void
arrive(const struct entry *e, const char *content)
{
	if (e->kind == ENTRY_DELETE)
		fix_judge(&f, e);
	else
		fix_fetch(&f, e, content, e->size);
}

static void
permute(struct entry *e, const char **content, int *order, size_t k, size_t n,
    const uint8_t *best)
{
	struct policy *p;
	int t;

	if (k < n) {
		for (size_t i = k; i < n; i++) {
			t = order[k], order[k] = order[i], order[i] = t;
			permute(e, content, order, k + 1, n, best);
			t = order[k], order[k] = order[i], order[i] = t;
		}
		return;
	}
	for (size_t i = 0; i < n; i++)
		arrive(&e[order[i]], content[order[i]]);
	assert_memory_equal(fix_winner(&f, "a").rank.version, best, 32);
	/* a clean slate for the next order */
	index_begin(f.s.index);
	for (enum index_table t2 = INDEX_RECORDS; t2 < INDEX_TABLES; t2++)
		index_empty(f.s.index, t2);
	commit_flush(&f.s);
	f.s.stats.bytes = 0;
	p = fix_policy_begin();
	fix_allow(p, "a", keys, 3);
	fix_apply(&f, p);
}

static void
test_permutations(void **state)
{
	struct entry e[5];
	const char *content[5] = {"one", "two", "three", "", "five"};
	int order[5] = {0, 1, 2, 3, 4};
	size_t best = 0;
	uint8_t version[32];

	e[0] = fix_file("a", START_NS, "one", 3, &keys[0]);
	e[1] = fix_file("a", START_NS + 5, "two", 3, &keys[1]);
	e[2] = fix_file("a", START_NS + 5, "three", 5, &keys[2]);
	e[3] = fix_delete("a", START_NS + 4, &keys[0]);
	e[4] = fix_file("a", START_NS + 5, "five", 4, &keys[0]);
	for (size_t i = 1; i < 5; i++)
		if (entry_compare(&e[i], &e[best]) > 0)
			best = i;
	entry_version(&e[best], version);
	permute(e, content, order, 0, 5, version);
}

static void
test_limits(void **state)
{
	struct ipc_config_begin m = fix_limits();
	struct entry e;
	struct policy *p;

	m.max_files = 1;
	m.max_total_size = 10;
	m.max_records_per_signer = 2;
	p = policy_new(&m);
	fix_allow(p, "d/*", keys, 2);
	fix_apply(&f, p);
	e = fix_file("d/a", START_NS, "0123456789a", 11, &keys[0]);
	assert_int_equal(fix_put(&f, &e, "0123456789a", 11), VERDICT_NO_SPACE);
	e = fix_file("d/a", START_NS, "0123456789", 10, &keys[0]);
	assert_int_equal(fix_put(&f, &e, "0123456789", 10), VERDICT_CREATED);
	e = fix_file("d/b", START_NS, "", 0, &keys[0]);
	assert_int_equal(fix_put(&f, &e, "", 0), VERDICT_NO_SPACE);
	/* what it replaces makes room; deleting always works */
	e = fix_file("d/a", START_NS + 1, "abcdefghij", 10, &keys[0]);
	assert_int_equal(fix_put(&f, &e, "abcdefghij", 10), VERDICT_REPLACED);
	e = fix_delete("d/a", START_NS + 2, &keys[0]);
	assert_int_equal(fix_put(&f, &e, "", 0), VERDICT_OK);
	e = fix_file("d/b", START_NS, "x", 1, &keys[0]);
	assert_int_equal(fix_put(&f, &e, "x", 1), VERDICT_CREATED);
	e = fix_delete("d/c", START_NS, &keys[0]);
	assert_int_equal(fix_judge(&f, &e), VERDICT_NO_SPACE);
	m.min_free = UINT64_C(1) << 60;
	p = policy_new(&m);
	fix_allow(p, "d/*", keys, 2);
	fix_apply(&f, p);
	e = fix_file("d/b", START_NS + 1, "y", 1, &keys[0]);
	assert_int_equal(fix_put(&f, &e, "y", 1), VERDICT_NO_SPACE);
	fix_assert_content(&f, "d/b", "x", 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_verdicts, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_one_turn, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_ticket, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_wanted_and_forged, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_tombstone, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_same_content, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_permutations, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
	};

	return cmocka_run_group_tests(tests, make_keys, NULL);
}
