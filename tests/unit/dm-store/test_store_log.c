/* SPDX-License-Identifier: ISC */
/* What the disk refuses is told, and not more often than anybody can read. */
#include "fixture.h"

#include <sys/mman.h>

#include "dm-store/store_log.h"

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
told(char text[static 4096])
{
	ssize_t n = pread(log_fd, text, 4095, 0);
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
	char text[4096];

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
	char text[4096], why[16];

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

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_once_per_cause), T(test_many_causes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
