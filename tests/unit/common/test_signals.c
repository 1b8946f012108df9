/* SPDX-License-Identifier: ISC */
/* What is blocked, ignored, held back and lost in each program. */
#include "common/signals.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "tests/unit/common/forked.h"

static volatile sig_atomic_t heard;

static void
on_heard(int signo)
{
	heard++;
}

static void
inherit_the_worst(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (int i = 1; i < 32; i++)
		signal(i, SIG_IGN);
}

static bool
is_ignored(int signo)
{
	struct sigaction now;

	return sigaction(signo, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static bool
is_any_blocked(void)
{
	sigset_t now;

	sigprocmask(SIG_SETMASK, NULL, &now);
	for (int i = 1; i < 32; i++)
		if (sigismember(&now, i) == 1)
			return true;
	return false;
}

static void
expect(bool condition, int code)
{
	if (!condition)
		_exit(code);
}

/* A write beyond the limit, and one into a pipe that nobody reads. */
static void
writes_fail(void)
{
	struct rlimit limit = {.rlim_cur = 0, .rlim_max = RLIM_INFINITY};
	int fds[2], fd = open("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	expect(setrlimit(RLIMIT_FSIZE, &limit) == 0 && fd != -1, 201);
	expect(write(fd, "x", 1) == -1 && errno == EFBIG, 202);
	expect(pipe(fds) == 0 && close(fds[0]) == 0, 203);
	expect(write(fds[1], "x", 1) == -1 && errno == EPIPE, 204);
}

static long
try_hold(void *arg)
{
	static const int handled[] = {SIGHUP, SIGTERM, SIGINT, SIGCHLD};

	inherit_the_worst();
	signals_hold();
	expect(!signals_end_is_asked(), 210);
	for (size_t i = 0; i < 4; i++)
		raise(handled[i]);
	expect(signals_end_is_asked(), 211);
	for (size_t i = 0; i < 4; i++)
		signal(handled[i], on_heard);
	expect(heard == 0, 212);
	signals_release();
	expect(heard == 4, 213);
	expect(!is_any_blocked() && !signals_end_is_asked(), 214);
	writes_fail();
	return 0;
}

/* The command that waits for the background. */
static long
try_default(void *arg)
{
	signals_hold();
	raise(SIGTERM);
	signals_default();
	return 0;
}

static long
try_child(void *arg)
{
	inherit_the_worst();
	signals_child();
	raise(SIGHUP);
	raise(SIGINT);
	raise(SIGTERM);
	raise(SIGUSR1);
	raise(SIGUSR2);
	expect(!is_any_blocked(), 220);
	expect(!is_ignored(SIGCHLD), 221);
	writes_fail();
	return 0;
}

static long
try_command(void *arg)
{
	inherit_the_worst();
	signals_command();
	expect(!is_any_blocked(), 230);
	/* as nohup has it */
	expect(is_ignored(SIGHUP), 231);
	writes_fail();
	signal(SIGPIPE, SIG_DFL);
	signals_command();
	expect(!is_ignored(SIGPIPE), 232);
	return 0;
}

/* Nothing reaches a new process before it has chosen what does. */
static long
try_fork(void *arg)
{
	sigset_t was, now;

	signals_hold();
	signal(SIGTERM, on_heard);
	signals_release();
	signals_block_all(&was);
	raise(SIGTERM);
	expect(heard == 0, 240);
	sigprocmask(SIG_SETMASK, &was, &now);
	expect(sigismember(&now, SIGUSR1) == 1, 241);
	expect(heard == 1, 242);
	return 0;
}

static void
test_hold(void **state)
{
	assert_int_equal(forked(try_hold, NULL), 0);
	assert_int_equal(forked(try_default, NULL), FORKED_SIGNAL + SIGTERM);
}

static void
test_child(void **state)
{
	assert_int_equal(forked(try_child, NULL), 0);
	assert_int_equal(forked(try_fork, NULL), 0);
}

static void
test_command(void **state)
{
	assert_int_equal(forked(try_command, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hold),
	    cmocka_unit_test(test_child),
	    cmocka_unit_test(test_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
