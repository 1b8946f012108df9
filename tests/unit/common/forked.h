/* SPDX-License-Identifier: ISC */
/*
 * An attempt in a process of its own, for the tests of what a process gives
 * up for good. What it tried ends as an errno (0: it worked) or as a signal.
 */
#ifndef TESTS_UNIT_COMMON_FORKED_H
#define TESTS_UNIT_COMMON_FORKED_H

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define FORKED_SIGNAL 1000 /* + the number */
#define FORKED_KILLED (FORKED_SIGNAL + SIGSYS)
#define FORKED_BROKEN 250 /* could not even be set up */

/* attempt() returns 0 or more, or -1 with errno. */
static inline int
forked(long (*attempt)(void *), void *arg)
{
	int status;
	pid_t pid = fork();

	if (pid == -1)
		abort();
	if (pid == 0) {
		if (attempt(arg) >= 0)
			_exit(0);
		_exit(errno);
	}
	if (waitpid(pid, &status, 0) != pid)
		abort();
	return WIFSIGNALED(status) ? FORKED_SIGNAL + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

#endif
