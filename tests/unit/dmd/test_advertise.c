/* SPDX-License-Identifier: ISC */
/* Where peers are told to find this node. */
#include "dmd/advertise.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/dmd/link_table.h"

static const char *
advertises(const char *toml, const struct interfaces *t, char *out, size_t size)
{
	struct multiaddr_raw raw[PEER_RECORD_ADDRS_MAX];
	struct endpoint e[ENDPOINTS_MAX];
	char text[MULTIADDR_TEXT_SIZE];
	struct config *c = config_make(toml);
	size_t n, at = 0, left_out;

	n = endpoints_wanted(c, t, e);
	n = advertise_addresses(c, t, e, n, raw, &left_out);
	out[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		multiaddr_to_text(&raw[i], text);
		at += (size_t)snprintf(out + at, size - at, "%s ", text);
	}
	if (left_out > 0)
		snprintf(out + at, size - at, "and %zu", left_out);
	config_free(c);
	return out;
}

static void
advertised_addresses(void **state)
{
	struct interfaces *t = table_make(), *bare = interfaces_new();
	struct dump d = {.len = 0};
	char out[4096];

	/* not loopback, link-local or temporary ones */
	assert_string_equal(advertises("", t, out, sizeof(out)),
	    "/ip4/192.0.2.5/tcp/7946 /ip6/2001:db8::5/tcp/7946 "
	    "/ip4/10.0.0.9/tcp/7946 ");
	assert_string_equal(
	    advertises("[cluster]\nport = 1\ninterface = \"tun7\"\n"
		       "advertise = [\"/dns/a.test/tcp/5\"]\n",
		t, out, sizeof(out)),
	    "/dns/a.test/tcp/5 /ip4/10.0.0.9/tcp/1 ");
	assert_string_equal(advertises("[cluster]\ninterface = "
				       "\"127.0.0.1\"\n",
				t, out, sizeof(out)),
	    "/ip4/127.0.0.1/tcp/7946 ");
	link_add(&d, 1, "lo", NULL);
	address_add(&d, 1, "127.0.0.1", 8, 0);
	interfaces_read(bare, d.buf, d.len);
	assert_string_equal(
	    advertises("", bare, out, sizeof(out)), "/ip4/127.0.0.1/tcp/7946 ");
	/* whoever reaches it by a link-local address has a loopback too */
	link_add(&d, 2, "eth0", NULL);
	address_add(&d, 2, "fe80::5", 64, 0);
	interfaces_free(bare);
	bare = interfaces_new();
	interfaces_read(bare, d.buf, d.len);
	assert_string_equal(advertises("", bare, out, sizeof(out)), "");
	interfaces_free(bare);
	interfaces_free(t);
}

/* A host of containers: the address that counts is the last one it has. */
static void
bridges_come_last(void **state)
{
	struct interfaces *t = interfaces_new();
	struct dump d = {.len = 0};
	char out[4096], text[32];

	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "br-%d", i);
		link_add_kind(&d, 10 + i, text, "an-alias", "bridge");
		snprintf(text, sizeof(text), "172.%d.0.1", 17 + i);
		address_add(&d, 10 + i, text, 16, 0);
	}
	link_add_kind(&d, 20, "veth1234", NULL, "veth");
	address_add(&d, 20, "203.0.113.1", 24, 0);
	link_add_kind(&d, 30, "wg0", NULL, "wireguard");
	address_add(&d, 30, "10.9.0.1", 24, 0);
	address_add(&d, 30, "169.254.0.1", 16, 0);
	link_add_kind(&d, 40, "eth0", NULL, "veth");
	address_add(&d, 40, "192.168.1.4", 24, 0);
	address_add(&d, 40, "192.168.1.5", 24, 0);
	link_add_kind(&d, 50, "eth1", NULL, NULL);
	address_add(&d, 50, "198.51.100.7", 24, 0);
	route_add(&d, 40, "192.168.1.5");
	interfaces_read(t, d.buf, d.len);
	assert_string_equal(advertises("", t, out, sizeof(out)),
	    "/ip4/192.168.1.5/tcp/7946 /ip4/198.51.100.7/tcp/7946 "
	    "/ip4/192.168.1.4/tcp/7946 /ip4/10.9.0.1/tcp/7946 "
	    "/ip4/169.254.0.1/tcp/7946 /ip4/203.0.113.1/tcp/7946 "
	    "/ip4/172.17.0.1/tcp/7946 /ip4/172.18.0.1/tcp/7946 "
	    "/ip4/172.19.0.1/tcp/7946 ");
	interfaces_free(t);
}

/* The machine's own way out may be a bridge. */
static void
a_bridge_that_is_the_way_out_comes_first(void **state)
{
	struct interfaces *t = interfaces_new();
	struct dump d = {.len = 0};
	char out[4096];

	link_add_kind(&d, 2, "eth1", NULL, NULL);
	address_add(&d, 2, "198.51.100.7", 24, 0);
	link_add_kind(&d, 3, "vmbr0", NULL, "bridge");
	address_add(&d, 3, "10.0.0.5", 24, 0);
	route_add(&d, 3, "10.0.0.5");
	interfaces_read(t, d.buf, d.len);
	assert_string_equal(advertises("", t, out, sizeof(out)),
	    "/ip4/10.0.0.5/tcp/7946 /ip4/198.51.100.7/tcp/7946 ");
	interfaces_free(t);
}

static void
what_is_too_much_is_left_out_from_the_end(void **state)
{
	struct interfaces *t = interfaces_new();
	struct dump d = {.len = 0};
	char out[4096], text[32];

	link_add_kind(&d, 2, "docker0", NULL, "bridge");
	for (int i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "fd00::%d", i + 1);
		address_add(&d, 2, text, 64, 0);
	}
	link_add_kind(&d, 3, "eth0", NULL, NULL);
	address_add(&d, 3, "192.168.1.5", 24, 0);
	interfaces_read(t, d.buf, d.len);
	advertises("", t, out, sizeof(out));
	assert_ptr_equal(strstr(out, "/ip4/192.168.1.5/tcp/7946 "), out);
	assert_non_null(strstr(out, "/ip6/fd00::31/tcp/7946 and 9"));
	interfaces_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(advertised_addresses),
	    cmocka_unit_test(bridges_come_last),
	    cmocka_unit_test(a_bridge_that_is_the_way_out_comes_first),
	    cmocka_unit_test(what_is_too_much_is_left_out_from_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
