/* SPDX-License-Identifier: ISC */
/* A state directory that cannot be locked: the message says why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/log.h"
#include "dmd/directories.h"

static int lock_errno;

/* In place of the C library's. */
int
flock(int fd, int operation)
{
	errno = lock_errno;
	return lock_errno != 0 ? -1 : 0;
}

/* directories_prepare() where flock(2) fails so; what it logged in text. */
static int
directories_with(int error, char text[static 1024])
{
	char dir[] = "/tmp/lock.XXXXXX", socket_path[64], command[64];
	const struct users users = {.own_uid = geteuid(),
	    .group = getegid(),
	    .store = {geteuid(), getegid()}};
	struct config config = {0};
	struct directories prepared;
	int fd[2], saved = dup(STDERR_FILENO), code;
	ssize_t n;

	assert_non_null(mkdtemp(dir));
	snprintf(socket_path, sizeof(socket_path), "%s/control.sock", dir);
	config.state_dir = dir;
	config.control_socket = socket_path;
	assert_int_equal(pipe(fd), 0);
	dup2(fd[1], STDERR_FILENO);
	close(fd[1]);
	lock_errno = error;
	code = directories_prepare(&config, &users, &prepared);
	if (code == 0)
		directories_clear(&prepared);
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = read(fd[0], text, 1023);
	text[n > 0 ? n : 0] = '\0';
	close(fd[0]);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
	return code;
}

static void
test_taken(void **state)
{
	char text[1024];

	assert_int_equal(directories_with(EWOULDBLOCK, text), EX_TEMPFAIL);
	assert_non_null(strstr(text, "another dmd is running on /tmp/lock."));
}

static void
test_no_locks_here(void **state)
{
	char text[1024];

	assert_int_equal(directories_with(ENOLCK, text), EX_OSERR);
	assert_null(strstr(text, "another dmd"));
	assert_non_null(strstr(text, "cannot lock /tmp/lock."));
	assert_non_null(strstr(text, "/lock: No locks available"));
	assert_non_null(strstr(text, "name a state_dir on another one"));
	assert_int_equal(directories_with(ENOMEM, text), EX_OSERR);
	assert_null(strstr(text, "another dmd"));
	assert_null(strstr(text, "state_dir"));
}

static void
test_taken_by_nobody(void **state)
{
	char text[1024];

	assert_int_equal(directories_with(0, text), 0);
	assert_string_equal(text, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_taken),
	    cmocka_unit_test(test_no_locks_here),
	    cmocka_unit_test(test_taken_by_nobody),
	};

	log_init("test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
