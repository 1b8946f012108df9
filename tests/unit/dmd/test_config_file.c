/* SPDX-License-Identifier: ISC */
/* dm.toml as dmd reads it: the checks of libp2p, and who may write it. */
#include "dmd/config_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define PEER "12D3KooWQYV9dGMFoRzNStwpXztXaBUjtPqi6aU76ZgUriHhKust"

static char dir[] = "/tmp/dmd-config-XXXXXX";
static char path[sizeof(dir) + 16];

static int
setup(void **state)
{
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/dm.toml", dir);
	return 0;
}

static int
teardown(void **state)
{
	unlink(path);
	return rmdir(dir);
}

static void
write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0644), 0);
}

/* "" if it is taken, else the first error. */
static const char *
loaded(const char *option, const char *value)
{
	static char why[1024];
	struct config_errors errors;
	struct config *c = NULL;

	snprintf(
	    why, sizeof(why), "[cluster]\n%s = [ \"%s\" ]\n", option, value);
	write_file(why);
	why[0] = '\0';
	if (config_file_load(path, &c, &errors) == -1) {
		assert_true(errors.n > 0);
		snprintf(why, sizeof(why), "%s", errors.text[0]);
	}
	config_errors_clear(&errors);
	config_free(c);
	return why;
}

static void
addresses_of_peers(void **state)
{
	static const struct {
		const char *option, *value, *why; /* NULL: it is taken */
	} rows[] = {
	    {"bootstrap_peers", "/ip4/192.0.2.5/tcp/7946/p2p/" PEER, NULL},
	    {"bootstrap_peers", "/dns/a.test/tcp/7946/p2p/" PEER, NULL},
	    {"bootstrap_peers", "/ip6zone/eth0/ip6/fe80::1/tcp/1/p2p/" PEER,
		NULL},
	    {"bootstrap_peers", "/ip6/fe80::1/tcp/1/p2p/" PEER,
		"needs its interface in front"},
	    {"bootstrap_peers", "/ip4/192.0.2.5/tcp/7946",
		"its peer id is missing"},
	    {"bootstrap_peers", "/ip4/192.0.2.5/udp/7946/quic-v1/p2p/" PEER,
		"only tcp is supported"},
	    {"bootstrap_peers", "/ip4/192.0.2.5/tcp/7946/ws/p2p/" PEER,
		"only tcp is supported"},
	    {"bootstrap_peers", "/ip4/0.0.0.0/tcp/7946/p2p/" PEER,
		"no peer can be reached at this address"},
	    {"bootstrap_peers", "/ip4/192.0.2.5/tcp/7946/p2p/" PEER "x",
		"it is malformed"},
	    {"advertise", "/ip4/192.0.2.5/tcp/7946", NULL},
	    {"advertise", "/ip4/0.0.0.0/tcp/7946",
		"no peer can be reached at this address"},
	    {"allowed_peers", PEER, NULL},
	    {"allowed_peers", PEER "x", "allowed_peers"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = loaded(rows[i].option, rows[i].value);

		if (rows[i].why == NULL)
			assert_string_equal(why, "");
		else if (strstr(why, rows[i].why) == NULL)
			fail_msg("%s: \"%s\"", rows[i].value, why);
	}
}

static void
doubt_of_who_may_write(void **state)
{
	char out[CONFIG_FILE_DOUBT_MAX];

	write_file("");
	assert_null(config_file_doubt(path, out));
	assert_int_equal(chmod(path, 0664), 0); /* its group is trusted */
	assert_null(config_file_doubt(path, out));
	assert_int_equal(chmod(path, 0646), 0);
	assert_non_null(config_file_doubt(path, out));
	assert_non_null(strstr(out, path));
	assert_non_null(strstr(out, "chmod o-w"));
	assert_int_equal(chmod(path, 0644), 0);
	assert_null(config_file_doubt("/nonexistent/dm.toml", out));
}

static void
doubt_of_another_owner(void **state)
{
	char out[CONFIG_FILE_DOUBT_MAX];

	write_file("");
	if (chown(path, 65534, (gid_t)-1) == -1)
		skip(); /* only root gives a file away */
	assert_non_null(config_file_doubt(path, out));
	assert_non_null(strstr(out, "user 65534"));
	assert_non_null(strstr(out, "chown"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_of_peers),
	    cmocka_unit_test(doubt_of_who_may_write),
	    cmocka_unit_test(doubt_of_another_owner),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
