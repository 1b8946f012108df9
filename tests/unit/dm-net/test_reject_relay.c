/* SPDX-License-Identifier: ISC */
/* What dm-net tells dm-store of its own refusals: counted, bounded, and once a
 * second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "common/limits.h"
#include "dm-net/reject_relay.h"
#include "dm-net/store/store_client.h"

static struct event_base *base;
static struct reject_relay *r;
static unsigned n_told, n_of_flood;
static uint64_t times;
static char name[NAME_LEN_MAX + 1];

/* Instead of the channel's. */
void
store_refused(struct store_client *link, const struct ipc_refused *m)
{
	n_told++;
	n_of_flood += m->from.len == 5 && memcmp(m->from.data, "flood", 5) == 0;
	times = m->times;
	memcpy(name, m->name.data, m->name.len);
	name[m->name.len] = '\0';
}

static int
setup(void **state)
{
	base = event_base_new();
	r = reject_relay_new(base, NULL);
	n_told = n_of_flood = 0;
	return 0;
}

static int
teardown(void **state)
{
	reject_relay_free(r);
	event_base_free(base);
	return 0;
}

/* Until there is nothing to wait for. */
static void
run(void)
{
	event_base_dispatch(base);
}

static void
note(const char *what, const char *from)
{
	struct entry e;

	memset(&e, 0, sizeof(e));
	snprintf(e.name, sizeof(e.name), "%s", what);
	reject_relay_note(r, VERDICT_TOO_LARGE, &e, from);
}

static void
test_counted(void **state)
{
	for (int i = 0; i < 5; i++)
		note("a", "a peer");
	assert_int_equal(n_told, 0);
	run();
	assert_int_equal(n_told, 1);
	assert_int_equal(times, 5);
	assert_string_equal(name, "a");
	note("b", "a peer");
	run();
	assert_int_equal(n_told, 2);
	assert_int_equal(times, 1);
	assert_string_equal(name, "b");
}

static void
test_bounded(void **state)
{
	char text[32];

	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "n%d", i);
		note(text, "flood");
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "peer %d", i);
		note("a", text);
	}
	run();
	assert_int_equal(n_told, NET_REFUSALS_MAX);
	assert_int_equal(n_of_flood, NET_REFUSALS_SOURCE_MAX);
}

/* What says nothing about what was sent is not told; nor is a source that
 * has no room in a message. */
static void
test_left_out(void **state)
{
	char from[100];

	memset(from, 'x', sizeof(from) - 1);
	from[sizeof(from) - 1] = '\0';
	reject_relay_note(r, VERDICT_BUSY, NULL, "a peer");
	reject_relay_note(r, VERDICT_NO_STORE, NULL, "a peer");
	reject_relay_note(r, VERDICT_STARTING, NULL, "a peer");
	reject_relay_note(NULL, VERDICT_TOO_LARGE, NULL, "a peer");
	note("a", from);
	run();
	assert_int_equal(n_told, 0);
	reject_relay_note(r, VERDICT_BAD_NAME, NULL, "a peer");
	run();
	assert_int_equal(n_told, 1);
	assert_string_equal(name, "");
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_counted), T(test_bounded), T(test_left_out)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
