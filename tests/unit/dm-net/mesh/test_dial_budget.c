/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "dm-net/mesh/dial_budget.h"

#define S UINT64_C(1000000000)

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static union address
address(const char *text)
{
	union address a = {.in.sin_family = AF_INET};

	if (inet_pton(AF_INET, text, &a.in.sin_addr) == 1)
		return a;
	a.in6.sin6_family = AF_INET6;
	assert_int_equal(inet_pton(AF_INET6, text, &a.in6.sin6_addr), 1);
	return a;
}

/* Dials until it may not. */
static unsigned
dials(struct dial_budget *b, const char *text, uint64_t now_ns)
{
	union address a = address(text);
	unsigned n = 0;

	while (n < 10000 && dial_budget_take(b, &a.sa, now_ns))
		n++;
	return n;
}

static void
test_a_host_is_dialled_a_few_times(void **state)
{
	struct dial_budget *b = dial_budget_new();

	assert_int_equal(dials(b, "8.8.8.8", S), DIAL_BUDGET_HOST_BURST);
	assert_int_equal(dials(b, "8.8.8.8", S + DIAL_BUDGET_HOST_NS), 1);
	/* a port, or IPv4 in the form of IPv6, makes no other host of it */
	assert_int_equal(
	    dials(b, "::ffff:8.8.8.8", S + DIAL_BUDGET_HOST_NS), 0);
	assert_int_equal(dials(b, "8.8.8.8", S + 100 * DIAL_BUDGET_HOST_NS),
	    DIAL_BUDGET_HOST_BURST);
	dial_budget_free(b);
}

static unsigned
dials_of_a_network(struct dial_budget *b, bool is_ip6)
{
	char text[64];
	unsigned n = 0;

	for (int k = 1; k < 200; k++) {
		if (is_ip6)
			snprintf(text, sizeof(text), "2001:4860:1:%d::1", k);
		else
			snprintf(text, sizeof(text), "9.9.9.%d", k);
		n += dials(b, text, S);
	}
	return n;
}

/* The addresses of one network share a budget, in both families. */
static void
test_a_network(void **state)
{
	struct dial_budget *b = dial_budget_new();

	assert_int_equal(
	    dials_of_a_network(b, false), DIAL_BUDGET_NETWORK_BURST);
	assert_int_equal(
	    dials_of_a_network(b, true), DIAL_BUDGET_NETWORK_BURST);
	assert_int_equal(dials(b, "1.2.3.4", S), DIAL_BUDGET_HOST_BURST);
	dial_budget_free(b);
}

/* An IPv6 host has a whole /64. */
static void
test_ipv6_host(void **state)
{
	struct dial_budget *b = dial_budget_new();

	assert_int_equal(dials(b, "2001:4860::1", S), DIAL_BUDGET_HOST_BURST);
	assert_int_equal(dials(b, "2001:4860::2", S), 0);
	dial_budget_free(b);
}

static void
test_near_addresses_have_more(void **state)
{
	struct dial_budget *b = dial_budget_new();

	assert_int_equal(dials(b, "127.0.0.1", S),
	    DIAL_BUDGET_HOST_BURST * DIAL_BUDGET_NEAR);
	assert_int_equal(
	    dials(b, "10.0.0.1", S), DIAL_BUDGET_HOST_BURST * DIAL_BUDGET_NEAR);
	dial_budget_free(b);
}

static void
test_success_costs_nothing(void **state)
{
	struct dial_budget *b = dial_budget_new();
	union address a = address("8.8.4.4");

	for (int i = 0; i < 100; i++) {
		assert_true(dial_budget_take(b, &a.sa, S));
		dial_budget_give_back(b, &a.sa, S);
	}
	assert_int_equal(dials(b, "8.8.4.4", S), DIAL_BUDGET_HOST_BURST);
	dial_budget_free(b);
}

/* Whoever names many hosts does not free the one that he aims at: a table
 * that is full forgets those that owe least. */
static void
test_a_full_table_forgets_those_that_owe_least(void **state)
{
	struct dial_budget *b = dial_budget_new();
	char text[64];

	assert_int_equal(dials(b, "8.8.8.8", S), DIAL_BUDGET_HOST_BURST);
	for (int i = 0; i < 20000; i++) {
		union address a;

		snprintf(text, sizeof(text), "%d.%d.%d.1", 20 + i / 2500,
		    i / 50 % 50, i % 50);
		a = address(text);
		dial_budget_take(b, &a.sa, S);
	}
	assert_int_equal(dials(b, "8.8.8.8", S), 0);
	dial_budget_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_host_is_dialled_a_few_times),
	    cmocka_unit_test(test_a_network),
	    cmocka_unit_test(test_ipv6_host),
	    cmocka_unit_test(test_near_addresses_have_more),
	    cmocka_unit_test(test_success_costs_nothing),
	    cmocka_unit_test(test_a_full_table_forgets_those_that_owe_least),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
