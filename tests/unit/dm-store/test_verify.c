/* SPDX-License-Identifier: ISC */
/* Signatures checked in the thread: every question gets its own answer, bad
 * ones are refused, and no more are taken than there is room for. */
#include "fixture.h"

#include "dm-store/verify.h"

#define PUTS 100

static struct key_pair key;
static struct fix f;

static unsigned n_ok, n_bad, n_busy, n_credits;

static void
on_send(struct store *s, enum ipc_message m, const void *msg, int fd)
{
	const struct ipc_put_result *r = msg;
	const struct ipc_verdict *v = msg;
	uint64_t verdict;

	fix_send(s, m, msg, fd);
	n_credits += m == IPC_PUT_CREDIT;
	if (m != IPC_PUT_RESULT && m != IPC_VERDICT)
		return;
	verdict = m == IPC_VERDICT ? v->verdict : r->verdict;
	n_ok +=
	    verdict_is_ok((enum verdict)verdict) || verdict == VERDICT_FETCH;
	n_bad += verdict == VERDICT_BAD_SIGNATURE;
	n_busy += verdict == VERDICT_BUSY;
}

static int
setup(void **state)
{
	key_generate(&key);
	fix_new(&f);
	/* as main() does it */
	f.s.verifier = verifier_new();
	verify_listen(&f.s);
	f.s.send = on_send;
	fix_configure(&f, "d/*", &key, 1);
	n_ok = n_bad = n_busy = n_credits = 0;
	return 0;
}

static int
teardown(void **state)
{
	fix_free(&f);
	return 0;
}

static struct entry
numbered(unsigned i, bool is_good)
{
	char name[32];
	struct entry e;

	snprintf(name, sizeof(name), "d/f%u", i);
	e = fix_file(name, START_NS, "abc", 3, &key);
	if (!is_good)
		e.signature[5] ^= 1;
	return e;
}

static void
ask(const struct entry *e)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct ipc_judge m = {.id = ++f.next_id};

	m.entry = bytes_of(buf, entry_encode(e, buf));
	queries_judge(&f.s, &m);
}

static void
test_mixed(void **state)
{
	unsigned bad = 0;
	struct entry e;

	for (unsigned i = 0; i < PUTS; i++) {
		e = numbered(i, i % 3 != 0);
		bad += i % 3 == 0;
		fix_begin(&f, &e, 0, true);
	}
	while (n_credits + n_bad < PUTS)
		event_base_loop(f.s.base, EVLOOP_ONCE);
	assert_int_equal(n_bad, bad);
	assert_int_equal(n_credits, PUTS - bad);
	f.credit = 3;
	for (uint64_t id = 1; id <= PUTS; id++, f.credit = 3)
		if ((id - 1) % 3 != 0)
			fix_content(&f, id, "abc", 3);
	while (n_ok + n_bad < PUTS)
		event_base_loop(f.s.base, EVLOOP_ONCE);
	assert_int_equal(n_bad, bad);
	fix_assert_content(&f, "d/f1", "abc", 3);
	assert_false(fix_exists(&f, "files/d/f0"));
}

/* The end before there was credit, and content that was not asked for. */
static void
test_impatient(void **state)
{
	struct entry gone = fix_delete("d/a", START_NS, &key);
	struct entry e = numbered(1, true), other = numbered(3, true);
	struct ipc_put_end end;
	struct ipc_put_data data;
	const char *why = NULL;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip(); /* all is done at once */
	fix_begin(&f, &other, 0, true);
	end.id = fix_begin(&f, &gone, 0, true);
	put_on_end(&f.s, &end);
	put_on_end(&f.s, &end);
	while (n_ok == 0)
		event_base_loop(f.s.base, EVLOOP_ONCE);
	assert_int_equal(f.result.id, end.id);
	assert_int_equal(fix_open(&f, "d/a", NULL), VERDICT_DELETED);
	data.id = fix_begin(&f, &e, 0, true);
	data.data = bytes_text("abc");
	assert_false(put_on_data(&f.s, &data, &why));
	assert_non_null(why);
}

/* Given up while it is being verified: nobody is told, nothing is stored. */
static void
test_abort(void **state)
{
	struct entry e = numbered(1, true), other = numbered(3, true);
	struct ipc_put_abort m;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip();
	fix_begin(&f, &other, 0, true);
	assert_int_equal(n_credits, 1); /* it was alone: at once */
	m.id = fix_begin(&f, &e, 0, true);
	put_on_abort(&f.s, &m);
	e = numbered(2, true);
	fix_begin(&f, &e, 0, true);
	while (n_credits == 1)
		event_base_loop(f.s.base, EVLOOP_ONCE);
	assert_int_equal(n_credits, 2);
	assert_int_equal(n_ok + n_bad, 0);
}

static void
test_full(void **state)
{
	const unsigned n = VERIFY_JOBS_MAX + 50;
	struct entry e;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip();
	for (unsigned i = 0; i < n; i++) {
		e = numbered(i, i % 2 == 0);
		ask(&e);
	}
	assert_true(n_busy > 0);
	while (n_ok + n_bad + n_busy < n)
		event_base_loop(f.s.base, EVLOOP_ONCE);
	assert_true(n_ok + n_bad >= VERIFY_JOBS_MAX);
	assert_true(n_bad >= VERIFY_JOBS_MAX / 2);
}

/* The end while there is work. */
static void
test_end(void **state)
{
	struct entry e;

	for (unsigned i = 0; i < 50; i++) {
		e = numbered(i, true);
		ask(&e);
	}
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_mixed), T(test_impatient),
	    T(test_abort), T(test_full), T(test_end)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
