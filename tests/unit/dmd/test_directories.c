/* SPDX-License-Identifier: ISC */
/* The directories of paths. */
#include "dmd/directories.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

static void
directories_of_paths(void **state)
{
	static const char *const rows[][2] = {
	    {"/run/dmd/control.sock", "/run/dmd"}, {"/a", "/"}, {"/a/b/", "/a"},
	    {"/a//b", "/a"}, {"/", "/"}};
	char *dir;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		dir = directories_dirname(rows[i][0]);
		assert_string_equal(dir, rows[i][1]);
		free(dir);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(directories_of_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
