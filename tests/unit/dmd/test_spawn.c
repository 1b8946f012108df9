/* SPDX-License-Identifier: ISC */
/* Where the programs of the children lie. */
#include "dmd/spawn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *
scratch(const char *name)
{
	static char dir[] = "/tmp/dmd-unit-XXXXXX";
	static bool is_made;
	char *path;

	if (!is_made && mkdtemp(dir) == NULL)
		fail_msg("mkdtemp");
	is_made = true;
	if (asprintf(&path, "%s/%s", dir, name) == -1)
		fail_msg("asprintf");
	return path;
}

static void
children_lie_beside_a_build_else_in_libexec(void **state)
{
	char *beside = scratch("dm-net"), *own = scratch("dmd"), *dir;
	FILE *f;

	dir = spawn_directory(own);
	assert_string_equal(dir, DMD_LIBEXECDIR);
	free(dir);
	f = fopen(beside, "w");
	assert_non_null(f);
	fchmod(fileno(f), 0755);
	fclose(f);
	dir = spawn_directory(own);
	assert_memory_equal(own, dir, strlen(dir));
	assert_int_equal(own[strlen(dir)], '/');
	free(dir);
	unlink(beside);
	free(beside);
	free(own);
}

static int
tidy(void **state)
{
	char *path = scratch("");

	rmdir(path);
	free(path);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(children_lie_beside_a_build_else_in_libexec),
	};

	return cmocka_run_group_tests(tests, NULL, tidy);
}
