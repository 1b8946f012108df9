/* SPDX-License-Identifier: ISC */
/* A reader of stderr that stands still: nobody waits, and it learns how many
 * lines it missed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "common/log.h"
#include "common/log_out.h"

#define LINES 2000 /* more than a pipe of 64 KiB takes */

/* A process whose descriptor 2 is given logs LINES lines, says on control_fd
 * that it did, and when told to logs the last, until that is hung up. 77: it
 * cannot have this root. */
static pid_t
talker(int stderr_fd, int *control_fd, const char *root)
{
	int fd[2];
	char byte;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	pid = fork();
	if (pid != 0) {
		close(fd[1]);
		*control_fd = fd[0];
		return pid;
	}
	close(fd[0]);
	alarm(20); /* SIGALRM ends one that waits */
	dup2(stderr_fd, STDERR_FILENO);
	/* root, or a user namespace that may be made */
	if (root != NULL && chroot(root) == -1 &&
	    (unshare(CLONE_NEWUSER) == -1 || chroot(root) == -1))
		_exit(77);
	log_init("x");
	log_set_style(LOG_STYLE_PLAIN);
	log_out_own();
	for (int i = 0; i < LINES; i++)
		log_error("line %d of those that are said", i);
	if (write(fd[1], "d", 1) != 1 || read(fd[1], &byte, 1) != 1)
		_exit(1);
	log_catch_up();
	/* a terminal has room a little after it was read */
	while (recv(fd[1], &byte, 1, MSG_DONTWAIT) == -1) {
		log_error("the last");
		usleep(1000);
	}
	_exit(0);
}

static char all[1 << 20];

/* Adds what comes from fd: until nothing is there, or until this. */
static void
drain(int fd, const char *until)
{
	size_t len = strlen(all);
	ssize_t n;

	fcntl(fd, F_SETFL, until == NULL ? O_NONBLOCK : 0);
	do {
		n = read(fd, all + len, sizeof(all) - 1 - len);
		len += n > 0 ? (size_t)n : 0;
		all[len] = '\0';
	} while (n > 0 && (until == NULL || strstr(all, until) == NULL));
}

/* Lines are whole and in order, but for one that was torn and ended. Each gap
 * is followed by the number of lines that are missing. */
static void
judge(void)
{
	unsigned long next = 0, missing, gaps = 0;
	char *line, *rest = all, want[64];

	while ((line = strsep(&rest, "\n")) != NULL) {
		snprintf(want, sizeof(want),
		    "x: line %lu of those that are said", next);
		if (strcmp(line, want) == 0) {
			next++;
		} else if (sscanf(line, "x: %lu line", &missing) == 1) {
			assert_non_null(strstr(line, " dropped here"));
			next += missing;
			gaps++;
		} else if (strcmp(line, "x: the last") == 0) {
			break;
		} else if (strncmp(line, want, strlen(line)) != 0) {
			fail_msg("neither a line nor a part: %s", line);
		}
	}
	assert_non_null(line);
	assert_true(gaps > 0);
	assert_true(next >= LINES && next < 2 * LINES);
}

/* What is written to write_fd is read from read_fd, but only when all is said.
 * False: there is no such talker here. */
static bool
run(int write_fd, int read_fd, const char *root)
{
	int control_fd, status, flags = fcntl(write_fd, F_GETFL);
	pid_t pid = talker(write_fd, &control_fd, root);
	char byte;

	all[0] = '\0';
	if (read(control_fd, &byte, 1) != 1) {
		assert_int_equal(waitpid(pid, &status, 0), pid);
		close(control_fd);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
			return false;
		fail_msg("it waited (status %d)", status);
	}
	/* our open file is as it was */
	assert_int_equal(fcntl(write_fd, F_GETFL), flags);
	drain(read_fd, NULL);
	assert_int_equal(write(control_fd, "g", 1), 1);
	drain(read_fd, "the last\n");
	close(control_fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	judge();
	return true;
}

static void
test_pipe(void **state)
{
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	assert_true(run(fd[1], fd[0], NULL));
	close(fd[0]);
	close(fd[1]);
}

/* Without /proc the pipe cannot be opened anew. */
static void
test_pipe_without_proc(void **state)
{
	char root[] = "/tmp/log_out.XXXXXX";
	bool was_run;
	int fd[2];

	assert_non_null(mkdtemp(root));
	assert_int_equal(pipe(fd), 0);
	was_run = run(fd[1], fd[0], root);
	close(fd[0]);
	close(fd[1]);
	rmdir(root);
	if (!was_run)
		skip();
}

static void
test_socket(void **state)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_true(run(fd[1], fd[0], NULL));
	close(fd[0]);
	close(fd[1]);
}

/* It takes a part of a line. */
static void
test_terminal(void **state)
{
	struct termios raw;
	int master, slave;

	if (openpty(&master, &slave, NULL, NULL, NULL) == -1)
		skip();
	assert_int_equal(tcgetattr(slave, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
	assert_true(run(slave, master, NULL));
	close(slave);
	close(master);
}

/* A regular file never waits, and its offset is everybody's. */
static void
test_file(void **state)
{
	char path[] = "/tmp/log_out.XXXXXX", text[64];
	int fd = mkstemp(path), status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(write(fd, "before\n", 7), 7);
	pid = fork();
	if (pid == 0) {
		dup2(fd, STDERR_FILENO);
		log_init("x");
		log_set_style(LOG_STYLE_PLAIN);
		log_out_own();
		log_error("here");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(write(fd, "behind\n", 7), 7);
	n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	assert_string_equal(text, "before\nx: here\nbehind\n");
	close(fd);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pipe),
	    cmocka_unit_test(test_pipe_without_proc),
	    cmocka_unit_test(test_socket),
	    cmocka_unit_test(test_terminal),
	    cmocka_unit_test(test_file),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
