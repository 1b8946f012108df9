/* SPDX-License-Identifier: ISC */
/* The decoder of rtnetlink dumps, and what its table says. */
#include "dmd/interfaces.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "tests/unit/dmd/link_table.h"

static bool
owns(const struct interfaces *t, const char *text)
{
	uint8_t bytes[16];
	size_t len = strchr(text, ':') != NULL ? 16 : 4;

	assert_int_equal(
	    inet_pton(len == 4 ? AF_INET : AF_INET6, text, bytes), 1);
	return interfaces_is_own(t, bytes, len);
}

static void
interfaces_are_found_by_all_names(void **state)
{
	struct interfaces *t = table_make();

	assert_int_equal(interfaces_index(t, "eth0"), 2);
	assert_int_equal(interfaces_index(t, "uplink"), 2);
	assert_int_equal(interfaces_index(t, "eth"), 0);
	assert_string_equal(interfaces_name(t, 2), "eth0");
	assert_string_equal(interfaces_name(t, 3), "");
	interfaces_free(t);
}

static void
own_addresses(void **state)
{
	struct interfaces *t = table_make();

	assert_true(owns(t, "192.0.2.5"));
	assert_true(owns(t, "127.9.9.9"));
	assert_false(owns(t, "128.0.0.1"));
	assert_false(owns(t, "192.0.2.6"));
	assert_true(owns(t, "2001:db8::5"));
	assert_false(owns(t, "2001:db8::bbbb"));
	interfaces_free(t);
}

/* Each cut of a dump is refused or is a whole number of messages. */
static void
cut_dumps_are_not_overrun(void **state)
{
	struct dump d = {.len = 0};
	struct interfaces *t;
	uint8_t *exact;

	link_add(&d, 2, "eth0", "uplink");
	address_add(&d, 2, "192.0.2.5", 24, 0);
	for (size_t n = 1; n < d.len; n++) {
		exact = malloc(n);
		memcpy(exact, d.buf, n);
		t = interfaces_new();
		assert_int_not_equal(
		    interfaces_read(t, exact, n), INTERFACES_DONE);
		interfaces_free(t);
		free(exact);
	}
}

static void
lying_lengths_are_refused(void **state)
{
	static const uint8_t tiny[16] = {8}, huge[16] = {255, 255, 255, 255};
	struct interfaces *t = interfaces_new();

	assert_int_equal(interfaces_read(t, tiny, 16), INTERFACES_FAILED);
	assert_int_equal(interfaces_read(t, huge, 16), INTERFACES_FAILED);
	interfaces_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(interfaces_are_found_by_all_names),
	    cmocka_unit_test(own_addresses),
	    cmocka_unit_test(cut_dumps_are_not_overrun),
	    cmocka_unit_test(lying_lengths_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
