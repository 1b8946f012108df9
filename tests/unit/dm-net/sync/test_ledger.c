/* SPDX-License-Identifier: ISC */
/* What others cost is held against where they come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dm-net/sync/ledger.h"

#define START (1000 * NS_PER_S)
#define MS NS_PER_MS

static const uint8_t secret[SIPHASH_SECRET_BYTES] = "a test's secret";

static struct ledger_who
ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	const uint8_t ip[4] = {a, b, c, d};

	return (struct ledger_who){.source = netsource_of_address(ip, 4)};
}

/* 2001:db8:SITE:NET::1 */
static struct ledger_who
ip6(uint16_t site, uint16_t net)
{
	const uint8_t ip[16] = {0x20, 0x01, 0x0d, 0xb8, (uint8_t)(site >> 8),
	    (uint8_t)site, (uint8_t)(net >> 8), (uint8_t)net, [15] = 1};

	return (struct ledger_who){.source = netsource_of_address(ip, 16)};
}

static struct ledger_who
member(uint8_t n, const struct ledger_who *at)
{
	struct ledger_who who = {.source = at->source, .has_account = true};

	memset(who.peer.bytes, n, sizeof(who.peer.bytes));
	return who;
}

/* Times that 10 ms are taken. */
static unsigned
take_all(struct ledger *l, const struct ledger_who *who, uint64_t now_ns)
{
	unsigned n = 0;

	while (ledger_take(l, who, LEDGER_SIGNATURE, 10 * MS, now_ns))
		n++;
	return n;
}

static void
test_share(void **state)
{
	struct ledger *l = ledger_new(secret);
	struct ledger_who who = ip4(192, 0, 2, 1), other = ip4(198, 51, 100, 1);

	assert_int_equal(take_all(l, &who, START), 100);
	assert_false(ledger_has_room(l, &who, MS, START));
	assert_int_equal(ledger_owes(l, &who, START), NS_PER_S);
	/* nobody else pays for it */
	assert_true(ledger_has_room(l, &other, MS, START));
	/* a tenth of a core comes back */
	assert_int_equal(take_all(l, &who, START + NS_PER_S), 10);
	assert_int_equal(take_all(l, &who, START + 3 * NS_PER_S), 20);
	assert_int_equal(take_all(l, &who, START + 60 * NS_PER_S), 100);
	ledger_free(l);
}

static void
test_give_back(void **state)
{
	struct ledger *l = ledger_new(secret);
	struct ledger_who who = ip4(192, 0, 2, 1);

	/* work that is worth it may go on for ever */
	for (unsigned i = 0; i < 10000; i++) {
		assert_true(
		    ledger_take(l, &who, LEDGER_SIGNATURE, 10 * MS, START));
		ledger_give_back(l, &who, LEDGER_SIGNATURE, 10 * MS, START);
	}
	assert_int_equal(ledger_owes(l, &who, START), 0);
	assert_int_equal(ledger_stats(l)->cost_ns[LEDGER_SIGNATURE], 0);
	/* nobody gets credit */
	ledger_give_back(l, &who, LEDGER_SIGNATURE, NS_PER_S, START);
	assert_int_equal(take_all(l, &who, START), 100);
	ledger_free(l);
}

static void
test_measured(void **state)
{
	struct ledger *l = ledger_new(secret);
	struct ledger_who who = ip4(192, 0, 2, 1);

	ledger_charge(l, &who, LEDGER_HANDSHAKE, 3 * NS_PER_S, START);
	assert_false(ledger_has_room(l, &who, 0, START + 19 * NS_PER_S));
	assert_true(ledger_has_room(l, &who, 0, START + 20 * NS_PER_S));
	/* no debt is for ever */
	ledger_charge(l, &who, LEDGER_HANDSHAKE, UINT64_MAX, START);
	assert_true(ledger_has_room(l, &who, 0, START + 50 * NS_PER_S));
	ledger_free(l);
}

static void
test_networks(void **state)
{
	struct ledger *l = ledger_new(secret);
	unsigned n = 0;

	/* many addresses of one network are no more than four */
	for (unsigned i = 1; i < 255; i++) {
		struct ledger_who who = ip4(192, 0, 2, (uint8_t)i);

		n += take_all(l, &who, START);
	}
	assert_int_equal(n, 400);
	n = 0;
	for (unsigned i = 0; i < 256; i++) {
		struct ledger_who who = ip6(7, (uint16_t)i);

		n += take_all(l, &who, START);
	}
	assert_int_equal(n, 200); /* of a /56 */
	for (unsigned i = 256; i < 4096; i++) {
		struct ledger_who who = ip6(7, (uint16_t)i);

		n += take_all(l, &who, START);
	}
	assert_int_equal(n, 400); /* of a /48 */
	ledger_free(l);
}

static void
test_own_account(void **state)
{
	struct ledger *l = ledger_new(secret);
	struct ledger_who stranger = ip4(127, 0, 0, 1);
	struct ledger_who known = member(1, &stranger);
	struct ledger_who other = member(2, &stranger);

	take_all(l, &stranger, START);
	assert_int_equal(take_all(l, &known, START), 100);
	assert_int_equal(take_all(l, &other, START), 100);
	ledger_free(l);
}

/* A debtor whom others, who owe more, push out of the table stays one. */
static void
test_full_table(void **state)
{
	struct ledger *l = ledger_new(secret);
	struct ledger_who debtor = ip4(192, 0, 2, 1);
	uint64_t now_ns = START;

	assert_int_equal(take_all(l, &debtor, now_ns), 100);
	for (unsigned i = 0; i < 20 * LEDGER_SOURCES_MAX; i++) {
		struct ledger_who who = ip4((uint8_t)(1 + i / 65536),
		    (uint8_t)(i / 256), (uint8_t)i, 7);

		ledger_charge(l, &who, LEDGER_HANDSHAKE, 1500 * MS, now_ns);
		if (i % 64 == 0)
			assert_false(ledger_has_room(l, &debtor, MS, now_ns));
	}
	/* also not when it comes back later */
	assert_true(take_all(l, &debtor, now_ns + NS_PER_S) <= 10);
	/* the table empties as time passes */
	assert_int_equal(take_all(l, &debtor, now_ns + 700 * NS_PER_S), 100);
	ledger_free(l);
}

static void
test_shunned(void **state)
{
	struct ledger *l = ledger_new(secret);
	struct ledger_who at = ip4(192, 0, 2, 1), a = member(1, &at),
			  b = member(2, &at);
	struct peer_id many;

	ledger_shun(l, &a.peer, START + 60 * NS_PER_S);
	ledger_shun(l, &a.peer, START + 30 * NS_PER_S);
	assert_true(ledger_is_shunned(l, &a.peer, START + 59 * NS_PER_S));
	assert_false(ledger_is_shunned(l, &a.peer, START + 60 * NS_PER_S));
	assert_false(ledger_is_shunned(l, &b.peer, START));
	/* those of little guilt push nobody of great guilt out */
	for (unsigned i = 0; i < 10 * LEDGER_SHUNNED_MAX; i++) {
		memset(&many, 0, sizeof(many));
		memcpy(many.bytes, &i, sizeof(i));
		ledger_shun(l, &many, START + 30 * NS_PER_S);
		assert_true(ledger_is_shunned(l, &many, START));
	}
	assert_true(ledger_is_shunned(l, &a.peer, START + 59 * NS_PER_S));
	ledger_free(l);
}

static void
test_worst(void **state)
{
	struct ledger *l = ledger_new(secret);
	struct ledger_who a = ip4(192, 0, 2, 1), b = ip4(198, 51, 100, 1);
	struct ledger_worst worst;

	ledger_charge(l, &b, LEDGER_HANDSHAKE, 900 * MS, START);
	assert_false(ledger_worst(l, START, &worst)); /* not limited yet */
	take_all(l, &a, START);
	assert_true(ledger_worst(l, START, &worst));
	assert_memory_equal(&worst.source, &a.source, sizeof(a.source));
	assert_int_equal(worst.bits, 32);
	assert_int_equal(worst.kind, LEDGER_SIGNATURE);
	assert_int_equal(worst.refused, 1);
	assert_int_equal(worst.cost_ns, NS_PER_S);
	assert_string_equal(ledger_kind_name(worst.kind), "signature");
	ledger_charge(l, &b, LEDGER_HANDSHAKE, 300 * MS, START);
	ledger_refused(l, &b, LEDGER_HANDSHAKE, START);
	assert_true(ledger_worst(l, START, &worst));
	assert_memory_equal(&worst.source, &b.source, sizeof(b.source));
	assert_int_equal(ledger_stats(l)->refused[LEDGER_HANDSHAKE], 1);
	/* it is over when nothing is owed */
	assert_false(ledger_worst(l, START + 13 * NS_PER_S, &worst));
	ledger_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_share),
	    cmocka_unit_test(test_give_back),
	    cmocka_unit_test(test_measured),
	    cmocka_unit_test(test_networks),
	    cmocka_unit_test(test_own_account),
	    cmocka_unit_test(test_full_table),
	    cmocka_unit_test(test_shunned),
	    cmocka_unit_test(test_worst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
