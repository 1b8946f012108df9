/* SPDX-License-Identifier: ISC */
/* What dmd listens on, from a configuration and the interfaces. */
#include "dmd/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "tests/unit/dmd/link_table.h"

/* All endpoints as one text, in order. */
static const char *
listens(const char *toml, const struct interfaces *t, char *out, size_t size)
{
	struct endpoint e[ENDPOINTS_MAX];
	char text[ENDPOINT_TEXT_MAX];
	struct config *c = config_make(toml);
	size_t n = endpoints_wanted(c, t, e), at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%s",
		    i > 0 ? ", " : "", endpoint_text(&e[i], text));
	config_free(c);
	return out;
}

static void
endpoints_of_configurations(void **state)
{
	static const struct {
		const char *toml;
		const char *want;
	} rows[] = {
	    {"", "libp2p 0.0.0.0:7946, libp2p [::]:7946, "
		 "http 127.0.0.1:7331, http [::1]:7331"},
	    {"[cluster]\ninterface = \"tun7\"\n",
		"libp2p 10.0.0.9%tun7:7946, libp2p 10.0.0.9%lo:7946, "
		"http 127.0.0.1:7331, http [::1]:7331"},
	    {"[cluster]\ninterface = \"none0\"\n[http]\n"
	     "interface = \"uplink\"\n",
		"http 127.0.0.1:7331, http [::1]:7331, "
		"http 192.0.2.5%eth0:7331, http 192.0.2.5%lo:7331, "
		"http [2001:db8::5%eth0]:7331, "
		"http [2001:db8::aaaa%eth0]:7331, http [fe80::5%eth0]:7331"},
	    /* an address is bound as it is, and covers its interface's */
	    {"[cluster]\ninterfaces = [\"tun7\", \"10.0.0.9\"]\n",
		"libp2p 10.0.0.9:7946, http 127.0.0.1:7331, "
		"http [::1]:7331"},
	    /* a wildcard covers loopback, or the kernel would refuse it */
	    {"[cluster]\ninterface = \"127.0.0.3\"\n[http]\n"
	     "interfaces = [\"0.0.0.0\", \"eth0\"]\n",
		"libp2p 127.0.0.3:7946, http [::1]:7331, http 0.0.0.0:7331, "
		"http [2001:db8::5%eth0]:7331, "
		"http [2001:db8::aaaa%eth0]:7331, http [fe80::5%eth0]:7331"},
	    {"[cluster]\ninterfaces = [\"fe80::5%eth0\", \"fe80::5%lo\", "
	     "\"203.0.113.1\", \"2001:db8::bbbb\"]\n",
		"libp2p [fe80::5%2]:7946, http 127.0.0.1:7331, "
		"http [::1]:7331"},
	    /* in brackets as in a URL */
	    {"[cluster]\ninterfaces = [\"[fe80::5%eth0]\", \"[2001:db8::5]\", "
	     "\"[192.0.2.5]\", \"[\"]\n[http]\ninterface = \"[::]\"\n",
		"libp2p [fe80::5%2]:7946, libp2p [2001:db8::5]:7946, "
		"http 127.0.0.1:7331, http [::]:7331"},
	};
	struct interfaces *t = table_make();
	char out[4096];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(
		    listens(rows[i].toml, t, out, sizeof(out)), rows[i].want);
	interfaces_free(t);
}

static void
items_that_are_not_there(void **state)
{
	struct interfaces *t = table_make();

	assert_true(endpoint_item_is_there(t, "eth0"));
	assert_true(endpoint_item_is_there(t, "uplink"));
	assert_true(endpoint_item_is_there(t, "::"));
	assert_true(endpoint_item_is_there(t, "127.0.0.77"));
	assert_true(endpoint_item_is_there(t, "fe80::5%eth0"));
	assert_false(endpoint_item_is_there(t, "fe80::5%tun7"));
	assert_false(endpoint_item_is_there(t, "eth1"));
	assert_false(endpoint_item_is_there(t, "192.0.2.6"));
	interfaces_free(t);
}

static void
no_ipv6_no_loopback_of_it(void **state)
{
	struct interfaces *t = interfaces_new();
	char out[4096];

	assert_string_equal(listens("", t, out, sizeof(out)),
	    "libp2p 0.0.0.0:7946, libp2p [::]:7946, http 127.0.0.1:7331");
	interfaces_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(endpoints_of_configurations),
	    cmocka_unit_test(items_that_are_not_there),
	    cmocka_unit_test(no_ipv6_no_loopback_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
