/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>

#include "common/xevent.h"
#include "tests/unit/common/forked.h"

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	(*(int *)arg)++;
}

static void
test_a_timer_is_called(void **state)
{
	struct event_base *base = event_base_new();
	const struct timeval now = {0, 0};
	struct event *e;
	int calls = 0;

	assert_non_null(base);
	e = xevent(base, -1, 0, on_event, &calls);
	xevent_add(e, &now);
	assert_int_equal(event_base_dispatch(base), 1);
	assert_int_equal(calls, 1);
	event_free(e);
	event_base_free(base);
}

/* libevent refuses to watch a signal for reading. */
static long
make_bad(void *arg)
{
	xevent(arg, 1, EV_SIGNAL | EV_READ, on_event, NULL);
	return 0;
}

/* epoll(7) refuses a file of a disk. */
static long
add_bad(void *arg)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	xevent_add(xevent(arg, fd, EV_READ, on_event, NULL), NULL);
	return 0;
}

static void
test_failure_ends_the_process(void **state)
{
	struct event_base *base = event_base_new();

	assert_non_null(base);
	assert_int_not_equal(forked(make_bad, base), 0);
	assert_int_not_equal(forked(add_bad, base), 0);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_timer_is_called),
		cmocka_unit_test(test_failure_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
