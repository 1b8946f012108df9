/* SPDX-License-Identifier: ISC */
#include "common/signals.h"

#include <stddef.h>

/* The signals that the loop of dmd handles. */
static const int handled[] = {SIGHUP, SIGTERM, SIGINT, SIGCHLD};
#define HANDLED_N (sizeof(handled) / sizeof(handled[0]))

static void
handled_set(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < HANDLED_N; i++)
		sigaddset(set, handled[i]);
}

static void
handled_default(void)
{
	for (size_t i = 0; i < HANDLED_N; i++)
		signal(handled[i], SIG_DFL);
}

static void
broken_writes_are_errors(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

void
signals_hold(void)
{
	sigset_t set;

	handled_set(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	/* an ignored SIGCHLD would leave nothing to wait for, and an ignored
	 * signal does not wait until there is a handler */
	handled_default();
	broken_writes_are_errors();
}

void
signals_release(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

bool
signals_end_is_asked(void)
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, SIGTERM) == 1 ||
	       sigismember(&pending, SIGINT) == 1;
}

void
signals_default(void)
{
	handled_default();
	signals_release();
}

void
signals_child(void)
{
	static const int ignored[] = {
	    SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	broken_writes_are_errors();
	signals_release();
}

void
signals_command(void)
{
	signal(SIGXFSZ, SIG_IGN);
	signals_release();
}

void
signals_block_all(sigset_t *was)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, was);
}
