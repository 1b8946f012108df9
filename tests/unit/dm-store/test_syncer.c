/* SPDX-License-Identifier: ISC */
/* A large file on its way to a slow disk: others do not wait for it, and
 * whatever becomes of its sender, it is stored whole or not at all. */
#include "fixture.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "dm-store/syncer.h"

#define LARGE ((size_t)200 << 10)

static struct key_pair key;
static struct fix f;
static uint8_t large[LARGE];

/* The disk: syncs of the thread wait as long as it is held. */
static struct {
	pthread_t loop;
	bool is_held;
	int error; /* of syncs in the thread */
	unsigned n_begun, n_wrong;
	pthread_mutex_t lock;
	pthread_cond_t let_go;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER,
    .let_go = PTHREAD_COND_INITIALIZER};

/* In front of the C library's. */
int
fsync(int fd)
{
	struct stat st;
	int error;

	if (pthread_equal(pthread_self(), disk.loop)) {
		if (fstat(fd, &st) == 0 && (size_t)st.st_size == LARGE)
			disk.n_wrong++;
		return (int)syscall(SYS_fsync, fd);
	}
	pthread_mutex_lock(&disk.lock);
	disk.n_begun++;
	while (disk.is_held)
		pthread_cond_wait(&disk.let_go, &disk.lock);
	error = disk.error;
	pthread_mutex_unlock(&disk.lock);
	if (error == 0)
		return (int)syscall(SYS_fsync, fd);
	errno = error;
	return -1;
}

static void
hold(bool is_held)
{
	pthread_mutex_lock(&disk.lock);
	disk.is_held = is_held;
	pthread_cond_signal(&disk.let_go);
	pthread_mutex_unlock(&disk.lock);
}

static int
setup(void **state)
{
	key_generate(&key);
	for (size_t i = 0; i < LARGE; i++)
		large[i] = (uint8_t)(i * 7 + i / 251);
	disk.loop = pthread_self();
	disk.n_begun = disk.n_wrong = 0;
	disk.error = 0;
	fix_new(&f);
	/* as main() does it */
	f.s.syncer = syncer_new();
	syncer_listen(&f.s);
	fix_configure(&f, "d/*", &key, 1);
	hold(true);
	return 0;
}

static int
teardown(void **state)
{
	hold(false);
	fix_free(&f);
	return 0;
}

/* A put of which all has come; its number. The disk is held: else the result
 * may come before this returns. */
static uint64_t
put_large(const char *name, uint64_t at_ns)
{
	struct entry e = fix_file(name, at_ns, large, LARGE, &key);
	uint64_t id = fix_begin(&f, &e, 0, true);

	fix_content(&f, id, large, LARGE);
	fix_turn(&f);
	assert_int_not_equal(f.result.id, id);
	return id;
}

static void
wait_result(uint64_t id)
{
	while (f.result.id != id)
		event_base_loop(f.s.base, EVLOOP_ONCE);
}

static void
test_others_go_on(void **state)
{
	struct entry e = fix_file("d/small", START_NS, "abc", 3, &key);
	uint64_t id = put_large("d/large", START_NS);

	assert_int_equal(fix_put(&f, &e, "abc", 3), VERDICT_CREATED);
	assert_false(fix_exists(&f, "files/d/large"));
	hold(false);
	wait_result(id);
	assert_int_equal(f.result.verdict, VERDICT_CREATED);
	fix_assert_opens(&f, "d/large", NULL, large, LARGE);
	assert_int_equal(disk.n_wrong, 0);
}

/* A greater version comes meanwhile. */
static void
test_overtaken(void **state)
{
	struct entry e = fix_file("d/a", START_NS + 5, "abc", 3, &key);
	uint64_t id = put_large("d/a", START_NS);

	assert_int_equal(fix_put(&f, &e, "abc", 3), VERDICT_CREATED);
	hold(false);
	wait_result(id);
	assert_int_equal(f.result.verdict, VERDICT_NOT_NEWER);
	fix_assert_opens(&f, "d/a", NULL, "abc", 3);
	assert_int_equal(fix_count_dir(&f, "index/tmp"), 0);
}

static void
assert_nothing_comes(uint64_t id)
{
	assert_int_equal(fix_count_dir(&f, "index/tmp"), 0);
	/* jobs end in their order */
	id = put_large("d/other", START_NS);
	hold(false);
	wait_result(id);
	assert_int_equal(f.result.verdict, VERDICT_CREATED);
	assert_int_equal(f.sent[IPC_PUT_RESULT], 1);
	assert_false(fix_exists(&f, "files/d/a"));
	assert_int_equal(fix_count_dir(&f, "index/tmp"), 0);
}

static void
test_abort(void **state)
{
	struct ipc_put_abort m = {.id = put_large("d/a", START_NS)};

	put_on_abort(&f.s, &m);
	assert_nothing_comes(m.id);
}

static void
test_link_is_lost(void **state)
{
	uint64_t id = put_large("d/a", START_NS);

	puts_drop_link(&f.s);
	assert_nothing_comes(id);
}

/* More of the content, or the end, once more. */
static void
test_chatter(void **state)
{
	struct ipc_put_end end = {.id = put_large("d/a", START_NS)};

	put_on_end(&f.s, &end);
	hold(false);
	wait_result(end.id);
	assert_int_equal(f.result.verdict, VERDICT_CREATED);
	fix_turn(&f);
	assert_int_equal(f.sent[IPC_PUT_RESULT], 1);
	assert_int_equal(disk.n_begun, 1);
}

/* The process ends while much is under way. */
static void
test_end(void **state)
{
	char name[16];

	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "d/%d", i);
		put_large(name, START_NS);
	}
}

/* A disk that fails: the process says so and ends, with nothing stored. */
static void
test_failing_disk(void **state)
{
	uint64_t id;
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		/* threads do not come along */
		f.s.syncer = syncer_new();
		syncer_listen(&f.s);
		disk.loop = pthread_self();
		disk.error = EIO;
		id = put_large("d/a", START_NS);
		hold(false);
		wait_result(id);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
	assert_false(fix_exists(&f, "files/d/a"));
	assert_false(fix_exists(&f, "index/opening"));
}

/* A file system that says so late that it is full. */
static void
test_no_room(void **state)
{
	uint64_t id = put_large("d/a", START_NS);

	disk.error = EDQUOT;
	hold(false);
	wait_result(id);
	assert_int_equal(f.result.verdict, VERDICT_NO_SPACE);
	assert_int_equal(fix_count_dir(&f, "index/tmp"), 0);
	disk.error = 0;
	hold(true);
	id = put_large("d/a", START_NS);
	hold(false);
	wait_result(id);
	assert_int_equal(f.result.verdict, VERDICT_CREATED);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_others_go_on), T(test_overtaken), T(test_abort),
	    T(test_link_is_lost), T(test_chatter), T(test_end),
	    T(test_failing_disk), T(test_no_room)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
