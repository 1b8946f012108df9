/* SPDX-License-Identifier: ISC */
/* The start of a child, as dmd starts it and as it must not be started. */
#include "common/child.h"

#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sysexits.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/sandbox/sandbox.h"
#include "tests/unit/common/forked.h"

#define NOBODY "65534"

struct start {
	enum role role;
	const char *unset; /* a variable to leave out */
	const char *set;   /* one to set, and to what */
	const char *to;
	int close_fd;	  /* -1: none */
	bool is_stream;	  /* the channel is of another kind */
	const char *then; /* "confine", "open", "fork", or NULL */
};

static void
environment_make(const struct start *s)
{
	char parent[24];

	clearenv();
	snprintf(parent, sizeof(parent), "%ld", (long)getppid());
	setenv("DMD_PARENT", parent, 1);
	setenv("DMD_LOG", "fatal stderr", 1);
	setenv("DMD_STATE_DIR", "/tmp", 1);
	if (geteuid() == 0) {
		setenv("DMD_UID", NOBODY, 1);
		setenv("DMD_GID", NOBODY, 1);
	}
	if (s->unset != NULL)
		unsetenv(s->unset);
	if (s->set != NULL)
		setenv(s->set, s->to, 1);
}

static void
descriptors_make(const struct start *s)
{
	int fds[2], null = open("/dev/null", O_RDWR);

	if (socketpair(AF_UNIX, s->is_stream ? SOCK_STREAM : SOCK_SEQPACKET, 0,
		fds) == -1)
		_exit(FORKED_BROKEN);
	/* a stray one, that a child must not have */
	dup2(null, 40);
	dup2(fds[0], 41);
	dup2(41, CHILD_FD);
	/* what it says is not for the test's output */
	dup2(null, STDERR_FILENO);
	if (s->close_fd != -1)
		close(s->close_fd);
}

static void
expect(bool condition, int code)
{
	if (!condition)
		_exit(code);
}

static void
check_begun(const struct start *s, const struct child_settings *settings)
{
	expect(fcntl(40, F_GETFD) == -1, 201);
	expect(fcntl(CHILD_FD, F_GETFD) == FD_CLOEXEC, 202);
	expect(getenv("DMD_LOG") == NULL && getenv("DMD_PARENT") == NULL, 203);
	expect(settings->parent == getppid(), 204);
	expect(settings->as_root == (geteuid() == 0), 205);
	expect(!settings->as_root || settings->uid == 65534, 206);
	expect(strcmp(settings->state_dir, "/tmp") == 0, 207);
	expect(log_get_level() == LOG_L_FATAL, 208);
	/* neither a terminal nor a service manager ends it */
	raise(SIGTERM);
	raise(SIGINT);
	raise(SIGHUP);
	raise(SIGPIPE);
}

static long
start_try(void *arg)
{
	const struct start *s = arg;
	struct child_settings settings;
	struct event_base *base;
	uint32_t layers;

	environment_make(s);
	descriptors_make(s);
	child_begin(s->role, &settings);
	check_begun(s, &settings);
	if (s->then == NULL)
		return 0;
	layers = child_confine(s->role, &settings, NULL, 0);
	expect((layers & SANDBOX_SECCOMP) != 0, 210);
	expect(((layers & SANDBOX_USER) != 0) == settings.as_root, 211);
	/* what every child goes on with */
	base = event_base_new();
	expect(base != NULL, 212);
	expect(event_base_loop(base, EVLOOP_NONBLOCK) != -1, 213);
	event_base_free(base);
	log_error("a line of the log");
	if (strcmp(s->then, "open") == 0)
		return open("/etc/hosts", O_RDWR | O_CLOEXEC);
	if (strcmp(s->then, "fork") == 0)
		return fork() == 0 ? -1 : 0;
	return 0;
}

static int
outcome(struct start s)
{
	return forked(start_try, &s);
}

static void
test_begin(void **state)
{
	for (enum role role = ROLE_NET; role <= ROLE_RESOLVER; role++)
		assert_int_equal(
		    outcome((struct start){.role = role, .close_fd = -1}), 0);
}

static void
test_by_hand(void **state)
{
	static const struct start wrong[] = {
	    {.unset = "DMD_PARENT", .close_fd = -1},
	    {.unset = "DMD_LOG", .close_fd = -1},
	    {.unset = "DMD_STATE_DIR", .close_fd = -1},
	    {.set = "DMD_PARENT", .to = "1x", .close_fd = -1},
	    {.set = "DMD_PARENT", .to = "1", .close_fd = -1},
	    {.set = "DMD_PARENT", .to = "-5", .close_fd = -1},
	    {.set = "DMD_LOG", .to = "info", .close_fd = -1},
	    {.set = "DMD_LOG", .to = "info nowhere", .close_fd = -1},
	    {.set = "DMD_LOG", .to = "loud stderr", .close_fd = -1},
	    {.set = "DMD_UID", .to = "0", .close_fd = -1},
	    {.set = "DMD_UID", .to = "4294967295", .close_fd = -1},
	    {.set = "DMD_UID", .to = "", .close_fd = -1},
	    {.set = "DMD_GID", .to = "0", .close_fd = -1},
	    {.close_fd = CHILD_FD},
	    {.close_fd = 0},
	    {.close_fd = 1},
	    {.is_stream = true, .close_fd = -1},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct start s = wrong[i];

		s.role = ROLE_STORE;
		assert_int_equal(outcome(s), EX_USAGE);
	}
	if (geteuid() == 0)
		assert_int_equal(
		    outcome((struct start){
			.role = ROLE_NET, .unset = "DMD_UID", .close_fd = -1}),
		    EX_USAGE);
	else
		assert_int_equal(outcome((struct start){.role = ROLE_NET,
				     .set = "DMD_ROOT",
				     .to = "/",
				     .close_fd = -1}),
		    EX_USAGE);
}

/* The whole of it: channel, loop and log still work afterwards. */
static void
test_confine(void **state)
{
	struct start s = {.close_fd = -1, .then = "confine"};

	for (enum role role = ROLE_NET; role <= ROLE_RESOLVER; role++) {
		s.role = role;
		s.then = "confine";
		assert_int_equal(outcome(s), 0);
#ifndef DMD_SANITIZER
		s.then = "fork";
		assert_int_equal(outcome(s), FORKED_KILLED);
#endif
	}
#ifndef DMD_SANITIZER
	s.then = "open";
	s.role = ROLE_NET;
	assert_int_equal(outcome(s), FORKED_KILLED);
	s.role = ROLE_RESOLVER;
	assert_int_equal(outcome(s), FORKED_KILLED);
#endif
	s.then = "open";
	s.role = ROLE_STORE;
	assert_int_equal(outcome(s), EACCES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_begin),
	    cmocka_unit_test(test_by_hand),
	    cmocka_unit_test(test_confine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
