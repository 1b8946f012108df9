/* SPDX-License-Identifier: ISC */
/* Whatever the limit: all shares at their most leave room for the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/descriptors.h"
#include "common/limits.h"

static void
test_shares_fit(void **state)
{
	for (unsigned limit = DESCRIPTORS_MIN; limit <= 65536; limit++) {
		struct descriptors d = descriptors_share(limit);

		assert_true(d.http > 0 && d.files > 0 && d.opens > 0);
		assert_true(d.http < d.sockets);
		assert_true(d.sockets + d.files + d.opens +
				CONTROL_CLIENTS_MAX + 32 <=
			    limit);
	}
}

static void
test_plenty_is_no_less_than_ever(void **state)
{
	struct descriptors d = descriptors_share(65536);

	assert_int_equal(d.http, HTTP_CONNECTIONS_MAX);
	assert_int_equal(d.files, HTTP_FILES_MAX);
	assert_true(d.sockets >= 16384 + HTTP_CONNECTIONS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_shares_fit),
	    cmocka_unit_test(test_plenty_is_no_less_than_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
