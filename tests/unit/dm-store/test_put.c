/* SPDX-License-Identifier: ISC */
/* Content on its way in: both paths byte for byte, credit, broken rules, what
 * stays behind (nothing), and how the files look on disk. */
#include "fixture.h"

#include <sys/mman.h>

static struct key_pair key;
static struct fix f;
static uint8_t content[CONTENT_CAP];

static int
setup(void **state)
{
	key_generate(&key);
	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(i * 31 + i / 251);
	fix_new(&f);
	fix_configure(&f, "d/e/*", &key, 1);
	return 0;
}

static int
teardown(void **state)
{
	fix_free(&f);
	return 0;
}

static void
test_sizes(void **state)
{
	static const size_t sizes[] = {0, 1, 2048, 49152, 49153, 65535, 65536,
	    65537, 262144, 262145, CONTENT_CAP};
	char name[32];
	struct entry e;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(name, sizeof(name), "d/e/f%zu", i);
		e = fix_file(name, START_NS, content, sizes[i], &key);
		assert_int_equal(
		    fix_put(&f, &e, content, sizes[i]), VERDICT_CREATED);
		fix_assert_content(&f, name, content, sizes[i]);
		fix_assert_opens(&f, name, NULL, content, sizes[i]);
		/* and over it, without a hash beforehand */
		e = fix_file(
		    name, START_NS + 1, content + 1, sizes[i] / 2, &key);
		memset(e.sha256, 0, 32);
		fix_content(
		    &f, fix_begin(&f, &e, 0, false), content + 1, sizes[i] / 2);
		fix_turn(&f);
		assert_int_equal(f.result.verdict, VERDICT_REPLACED);
		fix_assert_content(&f, name, content + 1, sizes[i] / 2);
	}
	assert_int_equal(fix_count_dir(&f, "index/tmp"), 0);
	assert_true(f.s.stats.bytes > 0);
}

static void
test_modes(void **state)
{
	struct entry e = fix_file("d/e/small", START_NS, content, 10, &key);
	struct entry l = fix_file("d/e/large", START_NS, content, 70000, &key);
	static const struct {
		const char *path;
		mode_t mode;
	} rows[] = {{"files", 02750}, {"files/d", 02750}, {"files/d/e", 02750},
	    {"files/d/e/small", 0640}, {"files/d/e/large", 0640},
	    {"index", 0700}, {"index/old", 0700}, {"index/tmp", 0700},
	    {"quarantine", 0700}};
	char path[400];
	struct stat st;

	fix_put(&f, &e, content, 10);
	fix_put(&f, &l, content, 70000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fix_path(&f, rows[i].path, path);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, rows[i].mode);
	}
}

static void
test_unknown_hash(void **state)
{
	struct entry e = fix_file("d/e/a", START_NS, content, 10, &key), o;
	uint64_t one, two;

	o = e;
	memset(o.sha256, 0, 32);
	o.size = ACCEPT_UNKNOWN_MAX + 1;
	fix_begin(&f, &o, 0, false);
	assert_int_equal(f.result.verdict, VERDICT_SHA256_REQUIRED);
	o.size = 10;
	one = fix_begin(&f, &o, 0, false);
	two = fix_begin(&f, &o, 0, false);
	fix_begin(&f, &o, 0, false);
	assert_int_equal(f.result.verdict, VERDICT_BUSY);
	f.credit = 100;
	fix_content(&f, one, content + 5, 10); /* not what was signed */
	fix_turn(&f);
	assert_int_equal(f.result.verdict, VERDICT_BAD_SIGNATURE);
	f.credit = 100;
	fix_content(&f, two, content, 10);
	fix_turn(&f);
	assert_int_equal(f.result.verdict, VERDICT_CREATED);
	/* older is known to be older without the hash */
	o.signed_at_ns = START_NS - 1;
	fix_begin(&f, &o, 0, false);
	assert_int_equal(f.result.verdict, VERDICT_NOT_NEWER);
	assert_int_equal(f.result.held_signed_at_ns, START_NS);
}

/* All of one in a message: the same rules, in the same order. */
static void
test_whole(void **state)
{
	struct entry e = fix_file("d/e/a", START_NS, content, 10, &key);
	uint8_t buf[ENTRY_SIZE_MAX];
	struct ipc_put_whole m = {.id = 1000};
	struct ipc_put_data more = {.id = 1001, .data = bytes_of(content, 1)};
	const char *why = NULL;
	struct entry got;

	m.entry = bytes_of(buf, entry_encode(&e, buf));
	m.content = bytes_of(content, 9); /* less than was signed */
	assert_true(put_on_whole(&f.s, &m, &why));
	assert_int_equal(f.result.verdict, VERDICT_BAD_CONTENT);
	m.content = bytes_of(content + 1, 10); /* not what was signed */
	assert_true(put_on_whole(&f.s, &m, &why));
	fix_turn(&f);
	assert_int_equal(f.result.verdict, VERDICT_BAD_CONTENT);
	got = e;
	got.signature[5] ^= 1;
	m.entry = bytes_of(buf, entry_encode(&got, buf));
	m.content = bytes_of(content, 10);
	assert_true(put_on_whole(&f.s, &m, &why));
	fix_turn(&f);
	assert_int_equal(f.result.verdict, VERDICT_BAD_SIGNATURE);
	assert_int_equal(fix_count_dir(&f, "index/tmp"), 0);
	m.entry = bytes_of(buf, entry_encode(&e, buf));
	m.id = more.id;
	f.credit = 0;
	memset(&f.result, 0, sizeof(f.result));
	assert_true(put_on_whole(&f.s, &m, &why));
	/* durable first, and nothing more is taken */
	assert_int_equal(f.result.id, 0);
	fix_turn(&f);
	assert_int_equal(f.result.id, m.id);
	assert_int_equal(f.result.verdict, VERDICT_CREATED);
	assert_int_equal(f.credit, 0);
	assert_true(put_on_data(&f.s, &more, &why)); /* over: ignored */
	m.ticket = 77;				     /* never given */
	assert_true(put_on_whole(&f.s, &m, &why));
	assert_int_equal(f.result.verdict, VERDICT_TICKET_GONE);
}

static void
test_rules(void **state)
{
	struct entry e = fix_file("d/e/a", START_NS, content, 300000, &key);
	struct entry s = fix_file("d/e/b", START_NS, content, 4, &key);
	struct ipc_put_data m = {.data = bytes_of(content, 40000)};
	struct ipc_put_begin again = {0};
	struct ipc_put_abort abort_m;
	const char *why = NULL;

	e.size = 10 << 20;
	fix_sign(&e, &key);
	m.id = fix_begin(&f, &e, 0, true);
	assert_int_equal(f.credit, IPC_PUT_WINDOW);
	again.id = m.id;
	assert_false(put_on_begin(&f.s, &again, &why));
	assert_true(put_on_data(&f.s, &m, &why));
	assert_int_equal(f.credit, IPC_PUT_WINDOW); /* not yet a step's worth */
	assert_true(put_on_data(&f.s, &m, &why));
	assert_true(f.credit > IPC_PUT_WINDOW);
	abort_m.id = m.id;
	put_on_abort(&f.s, &abort_m);
	assert_true(put_on_data(&f.s, &m, &why)); /* was under way: ignored */
	assert_int_equal(fix_count_dir(&f, "index/tmp"), 0);
	m.id = fix_begin(&f, &s, 0, true);
	m.data = bytes_of(content, 5); /* more than was signed */
	assert_true(put_on_data(&f.s, &m, &why));
	assert_int_equal(f.result.verdict, VERDICT_BAD_CONTENT);
}

static void
test_short(void **state)
{
	struct entry e = fix_file("d/e/a", START_NS, content, 100000, &key);
	uint64_t id = fix_begin(&f, &e, 0, true);

	fix_content(&f, id, content, 99999);
	assert_int_equal(f.result.verdict, VERDICT_BAD_CONTENT);
	id = fix_begin(&f, &e, 0, true);
	puts_drop_link(&f.s);
	f.s.link++;
	fix_content(&f, id, content, 100000);
	fix_turn(&f);
	assert_false(fix_exists(&f, "files/d/e/a"));
	assert_int_equal(fix_count_dir(&f, "index/tmp"), 0);
	assert_int_equal(puts_reserved(&f.s), 0);
}

/* dmctl's way: a sealed memfd. */
static int
make_memfd(size_t len, bool is_sealed)
{
	int fd = memfd_create("content", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(write(fd, content, len), len);
	if (is_sealed)
		assert_int_equal(
		    fcntl(fd, F_ADD_SEALS,
			F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW),
		    0);
	return fd;
}

static void
test_memfd(void **state)
{
	const struct reply nobody = {REPLY_NOBODY, 0, 0, NULL};
	static const size_t sizes[] = {0, 5, 65536, 300000};
	struct entry e;
	char name[32];

	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "d/e/m%zu", i);
		e = fix_file(name, START_NS, content, sizes[i], &key);
		put_memfd(&f.s, &e, make_memfd(sizes[i], false), &nobody);
		fix_turn(&f);
		assert_int_equal(fix_winner(&f, name).name[0], '\0');
		put_memfd(&f.s, &e, make_memfd(sizes[i], true), &nobody);
		fix_turn(&f);
		fix_assert_content(&f, name, content, sizes[i]);
	}
	e = fix_delete("d/e/m1", START_NS + 1, &key);
	put_memfd(&f.s, &e, -1, &nobody);
	fix_turn(&f);
	assert_false(fix_exists(&f, "files/d/e/m1"));
}

/* It is read a piece at a time: others have their turns in between. */
static void
test_memfd_in_pieces(void **state)
{
	const struct reply nobody = {REPLY_NOBODY, 0, 0, NULL};
	struct entry large, small;
	unsigned turns = 0;

	large = fix_file("d/e/l", START_NS, content, CONTENT_CAP, &key);
	small = fix_file("d/e/s", START_NS, content, 10, &key);
	put_memfd(&f.s, &large, make_memfd(CONTENT_CAP, true), &nobody);
	put_memfd(&f.s, &small, make_memfd(10, true), &nobody);
	while (!fix_exists(&f, "files/d/e/l")) {
		event_base_loop(f.s.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
		turns++;
		if (turns == 2)
			assert_true(fix_exists(&f, "files/d/e/s"));
	}
	assert_true(turns >= 3); /* two pieces, and their end */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_unknown_hash, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_rules, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_short, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_memfd, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_memfd_in_pieces, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
