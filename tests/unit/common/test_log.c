/* SPDX-License-Identifier: ISC */
/* What a line looks like where it arrives, and what never arrives raw. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"

/* Calls act with stderr going to a pipe; what it wrote, terminated. */
static const char *
captured(void (*act)(void))
{
	static char out[8192];
	int fd[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(fd), 0);
	dup2(fd[1], STDERR_FILENO);
	close(fd[1]);
	act();
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = read(fd[0], out, sizeof(out) - 1);
	close(fd[0]);
	out[n > 0 ? n : 0] = '\0';
	return out;
}

static void
say(void)
{
	errno = EBADF;
	log_warn("%s", "one\ntwo \x1b[31m \xff");
	assert_int_equal(errno, EBADF);
	log_debug("not at this level");
}

static void
test_styles(void **state)
{
	const char *out;

	log_init("dmd[net]");
	log_set_style(LOG_STYLE_PREFIX);
	assert_string_equal(
	    captured(say), "<4>dmd[net]: one\\x0atwo \\x1b[31m \\xff\n");
	log_set_style(LOG_STYLE_PLAIN);
	assert_string_equal(
	    captured(say), "dmd[net]: one\\x0atwo \\x1b[31m \\xff\n");
	log_set_style(LOG_STYLE_TIME);
	out = captured(say);
	assert_non_null(strstr(out, " dmd[net]: warn: one"));
	assert_int_equal(out[4], '-');
	log_set_level(LOG_L_ERROR);
	assert_string_equal(captured(say), "");
}

static void
say_long(void)
{
	char text[5000];

	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_error("%s", text);
}

/* A long line is cut; it stays one line. */
static void
test_long(void **state)
{
	const char *out;

	log_init("x");
	out = captured(say_long);
	assert_true(strlen(out) > 1000 && strlen(out) < 4096);
	assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
}

static void
act_journal(void)
{
	char stream[64];
	struct stat st;

	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu",
	    (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init("x");
	log_info("journal");
	setenv("JOURNAL_STREAM", "1:1", 1);
	log_init("x");
	log_info("other");
	unsetenv("JOURNAL_STREAM");
}

static void
test_journal(void **state)
{
	const char *out = captured(act_journal);

	assert_int_equal(strncmp(out, "<6>x: journal\n", 14), 0);
	assert_null(strstr(out, "<6>x: other"));
}

static void
say_lost(void)
{
	errno = EBADF;
	log_error("lost");
	assert_int_equal(errno, EBADF);
}

static void
test_sink(void **state)
{
	char line[4096];
	int fd[2], fill = 0;
	ssize_t n;

	log_init("dmd");
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), 0);
	log_set_sink(fd[0]);
	log_error("bad\n");
	n = recv(fd[1], line, sizeof(line) - 1, 0);
	assert_true(n > 0);
	line[n] = '\0';
	/* <27>: daemon, error */
	assert_int_equal(strncmp(line, "<27>", 4), 0);
	assert_non_null(strstr(line, " dmd["));
	assert_string_equal(line + n - 10, "]: bad\\x0a");
	/* a reader that does not read stops nobody */
	for (; fill < 10000; fill++)
		log_error("fill");
	assert_false(log_sink_is_lost());
	while (recv(fd[1], line, sizeof(line), MSG_DONTWAIT) > 0)
		continue;
	log_error("after");
	n = recv(fd[1], line, sizeof(line) - 1, 0);
	line[n] = '\0';
	assert_non_null(strstr(line, " dropped) after"));
	/* one that is gone is noticed, and the line is not */
	close(fd[1]);
	assert_non_null(strstr(captured(say_lost), "lost\n"));
	assert_true(log_sink_is_lost());
	log_set_sink(-1);
	assert_false(log_sink_is_lost());
}

static void
test_fatal(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		close(STDERR_FILENO);
		fatal("end");
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 70);
}

static void
test_levels(void **state)
{
	enum log_level level;

	assert_true(log_level_parse("debug", &level));
	assert_int_equal(level, LOG_L_DEBUG);
	assert_false(log_level_parse("Debug", &level));
	assert_false(log_level_parse("", &level));
	assert_string_equal(log_level_name(LOG_L_WARN), "warn");
}

static void
test_escape(void **state)
{
	char out[8];

	assert_string_equal(log_escape("a\0b", 3, out, sizeof(out)), "a\\x00b");
	/* never half an escape */
	assert_string_equal(log_escape("abcd\n", 5, out, sizeof(out)), "abcd");
	assert_string_equal(
	    log_escape("abc\n", 4, out, sizeof(out)), "abc\\x0a");
	assert_string_equal(log_escape("abc", 3, out, 1), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_styles),
	    cmocka_unit_test(test_long),
	    cmocka_unit_test(test_journal),
	    cmocka_unit_test(test_sink),
	    cmocka_unit_test(test_fatal),
	    cmocka_unit_test(test_levels),
	    cmocka_unit_test(test_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
