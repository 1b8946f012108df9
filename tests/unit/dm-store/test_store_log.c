/* SPDX-License-Identifier: ISC */
/* Versions, and what the disk refuses, are told, and not more often than
 * anybody can read. */
#include "fixture.h"

#include <sys/mman.h>

#include "dm-store/store_log.h"

#define TEXT_SIZE 65536

static struct fix f;
static int log_fd, stderr_fd;

static int
setup(void **state)
{
	fix_new(&f);
	log_set_level(LOG_L_ERROR);
	log_fd = memfd_create("log", MFD_CLOEXEC);
	stderr_fd = dup(STDERR_FILENO);
	assert_true(log_fd != -1 && stderr_fd != -1);
	dup2(log_fd, STDERR_FILENO);
	return 0;
}

static int
teardown(void **state)
{
	dup2(stderr_fd, STDERR_FILENO);
	close(stderr_fd);
	close(log_fd);
	fix_free(&f);
	return 0;
}

/* How many lines, and the text of all of them. */
static unsigned
told(char text[static TEXT_SIZE])
{
	ssize_t n = pread(log_fd, text, TEXT_SIZE - 1, 0);
	unsigned lines = 0;

	assert_true(n >= 0);
	text[n] = '\0';
	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	return lines;
}

static void
test_once_per_cause(void **state)
{
	char text[TEXT_SIZE];

	for (int i = 0; i < 100; i++) {
		store_log_failure(
		    &f.s, "cannot write", "index/tmp/put-1", "d/a", "EIO");
		store_log_failure(&f.s, "cannot open", "files/b", "", "EIO");
		store_log_failure(&f.s, "cannot open", "files/b", "", "EMFILE");
	}
	assert_int_equal(told(text), 3);
	assert_non_null(
	    strstr(text, "cannot write index/tmp/put-1 for d/a: EIO\n"));
	assert_non_null(strstr(text, "cannot open files/b: EIO\n"));
	assert_non_null(strstr(text, "cannot open files/b: EMFILE\n"));
	fix_pass(STORE_LOG_CAUSE_NS);
	store_log_failure(
	    &f.s, "cannot write", "index/tmp/put-9", "d/c", "EIO");
	assert_int_equal(told(text), 4);
	assert_non_null(
	    strstr(text, "cannot write index/tmp/put-9 for d/c: EIO (and 99 "
			 "times since the last such line)\n"));
}

/* More causes than are told apart: the one told longest ago is forgotten. */
static void
test_many_causes(void **state)
{
	char text[TEXT_SIZE], why[16];

	for (int i = 0; i < STORE_LOG_CAUSES_MAX + 1; i++) {
		snprintf(why, sizeof(why), "cause %d.", i);
		fix_pass(1);
		store_log_failure(&f.s, "cannot write", "x", "", why);
	}
	assert_int_equal(told(text), STORE_LOG_CAUSES_MAX + 1);
	store_log_failure(&f.s, "cannot write", "x", "", "cause 1.");
	assert_int_equal(told(text), STORE_LOG_CAUSES_MAX + 1);
	store_log_failure(&f.s, "cannot write", "x", "", "cause 0.");
	assert_int_equal(told(text), STORE_LOG_CAUSES_MAX + 2);
}

static void
store(unsigned n)
{
	static struct entry e;

	while (n-- > 0)
		store_log_stored(&f.s, &e, "");
}

static void
expire(unsigned n)
{
	while (n-- > 0)
		store_log_expired(&f.s, "e");
}

/* A burst has its lines, then some come back each second; both kinds of news
 * share them, and what was left out is counted by kind. */
static void
test_many_versions(void **state)
{
	char text[TEXT_SIZE];
	unsigned lines = STORE_LOG_BURST;

	log_set_level(LOG_L_INFO);
	store(STORE_LOG_BURST - 1);
	expire(1 + 7);
	store(100);
	assert_int_equal(told(text), lines);
	store_log_tick(&f.s);
	lines += 2;
	assert_int_equal(told(text), lines);
	assert_non_null(strstr(text, "stored 100 more versions without "));
	assert_non_null(strstr(text, " 7 more files have expired without "));

	store(STORE_LOG_PER_SECOND + 1);
	lines += STORE_LOG_PER_SECOND;
	assert_int_equal(told(text), lines);
	store_log_tick(&f.s);
	lines++;
	assert_int_equal(told(text), lines);
	assert_non_null(strstr(text, "stored 1 more versions "));

	store_log_tick(&f.s); /* nothing was left out: nothing is told */
	assert_int_equal(told(text), lines);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_once_per_cause), T(test_many_causes), T(test_many_versions)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
