/* SPDX-License-Identifier: ISC */
#include "dmd/background.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/log.h"
#include "common/log_out.h"
#include "common/signals.h"

static void __attribute__((noreturn)) wait_for(int fd, pid_t daemon)
{
	int status;
	char byte;
	ssize_t n;

	do
		n = read(fd, &byte, 1);
	while (n == -1 && errno == EINTR);
	if (n == 1)
		_exit(0);
	while (waitpid(daemon, &status, 0) == -1)
		if (errno != EINTR)
			_exit(EX_SOFTWARE);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE);
}

int
background_start(void)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) == -1 || (pid = fork()) == -1) {
		log_error("cannot go to the background: %s", strerror(errno));
		_exit(EX_OSERR);
	}
	if (pid != 0) {
		close(fds[1]);
		signals_default();
		wait_for(fds[0], pid);
	}
	close(fds[0]);
	setsid();
	return fds[1];
}

void
background_ready(int fd)
{
	char byte = 0;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null != -1) {
		for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
			dup2(null, i);
		close(null);
		log_out_own();
	}
	/* if the command was interrupted, no process waits any more */
	if (write(fd, &byte, 1) == -1)
		log_debug(
		    "the command that started dmd in the background has ended");
	close(fd);
}

void
background_fill(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd != -1 && fd <= STDERR_FILENO);
	if (fd != -1)
		close(fd);
}
