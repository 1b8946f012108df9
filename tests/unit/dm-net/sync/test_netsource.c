/* SPDX-License-Identifier: ISC */
/* The source of an address, and its text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dm-net/sync/netsource.h"

static const char *
text_of(const struct netsource *s, unsigned bits)
{
	static char out[NETSOURCE_TEXT_SIZE];

	return netsource_text(s, bits, out);
}

static void
test_addresses(void **state)
{
	static const uint8_t ip4[4] = {192, 0, 2, 130};
	static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 192, 0, 2, 130};
	uint8_t ip6[16] = {0x20, 1, 0xd, 0xb8, 0, 1, 0x12, 0x34, 5};
	struct netsource a = netsource_of_address(ip4, 4);
	struct netsource b = netsource_of_address(mapped, 16);
	struct netsource c = netsource_of_address(ip6, 16), d;

	assert_memory_equal(&a, &b, sizeof(a));
	assert_string_equal(text_of(&a, 32), "192.0.2.130");
	b = netsource_network(&a, 24);
	assert_string_equal(text_of(&b, 24), "192.0.2.0/24");
	ip6[15] = 7; /* another host of the /64 */
	d = netsource_of_address(ip6, 16);
	assert_memory_equal(&c, &d, sizeof(c));
	assert_string_equal(text_of(&c, 64), "2001:db8:1:1234::/64");
	d = netsource_network(&c, 60);
	assert_string_equal(text_of(&d, 60), "2001:db8:1:1230::/60");
	d = netsource_network(&c, 48);
	assert_string_equal(text_of(&d, 48), "2001:db8:1::/48");
	a = netsource_of_address(ip4, 3);
	assert_string_equal(text_of(&a, 32), "-");
}

static void
test_multiaddrs(void **state)
{
	static const uint8_t ip4[] = {4, 192, 0, 2, 1, 6, 0x1f, 0x0a};
	static const uint8_t zone[] = {42, 4, 'e', 't', 'h', '0', 41, 0xfe,
	    0x80, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 6, 0x1f, 0x0a};
	static const uint8_t dns[] = {53, 1, 'a', 6, 0x1f, 0x0a};
	struct netsource s = netsource_of_multiaddr(ip4, sizeof(ip4));

	assert_string_equal(text_of(&s, 32), "192.0.2.1");
	s = netsource_of_multiaddr(zone, sizeof(zone));
	assert_string_equal(text_of(&s, 64), "fe80::/64");
	s = netsource_of_multiaddr(zone + 6, sizeof(zone) - 6);
	assert_string_equal(text_of(&s, 64), "fe80::/64");
	s = netsource_of_multiaddr(dns, sizeof(dns));
	assert_string_equal(text_of(&s, 64), "-");
	for (size_t len = 0; len < 5; len++) {
		s = netsource_of_multiaddr(ip4, len);
		assert_string_equal(text_of(&s, 32), "-");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_multiaddrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
