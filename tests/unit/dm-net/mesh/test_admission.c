/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>

#include "dm-net/mesh/admission.h"

#define S NS_PER_S
#define MS NS_PER_MS
#define FOES_MAX 1024

/* A connection as its owner has it. */
struct guest {
	struct admission_place place; /* first */
	bool is_dropped;
	enum admission_answer answer;
};

static struct admission *a;
static struct guest foes[FOES_MAX];
static int n_foes;

static int
setup(void **state)
{
	a = admission_new();
	n_foes = 0;
	return 0;
}

static int
teardown(void **state)
{
	admission_free(a);
	return 0;
}

static struct netsource
source(uint8_t net, uint8_t host)
{
	const uint8_t address[4] = {192, 0, net, host};

	return netsource_of_address(address, 4);
}

static void
on_drop(struct admission_place *place)
{
	struct guest *g = (void *)place;

	assert_false(g->is_dropped);
	g->is_dropped = true;
}

static enum admission_answer
arrive(struct guest *g, struct netsource s, uint64_t now_ns)
{
	memset(g, 0, sizeof(*g));
	g->place.drop = on_drop;
	g->answer = admission_arrive(a, &g->place, &s, true, now_ns);
	return g->answer;
}

/* So many that say nothing more than that; they come at once. */
static void
silent_foes(int n, struct netsource s, uint64_t now_ns)
{
	while (n-- > 0) {
		assert_true(n_foes < FOES_MAX);
		arrive(&foes[n_foes++], s, now_ns);
	}
}

/* Comes, speaks within a millisecond, and asks again like the owner does: how
 * long until it was let in? Those that are dropped meanwhile come again. */
static uint64_t
wait_of(struct netsource s, struct netsource foe, uint64_t now_ns)
{
	static struct guest good;
	uint64_t passed_ns = 0;

	arrive(&good, s, now_ns);
	while (good.answer == ADMISSION_PARK && passed_ns < 60 * S) {
		admission_spoke(&good.place);
		passed_ns += 20 * MS;
		if (admission_unpark(a, &good.place, true, now_ns + passed_ns))
			good.answer = ADMISSION_ADMIT;
		for (int i = 0; i < n_foes; i++)
			if (foes[i].is_dropped ||
			    foes[i].answer == ADMISSION_REFUSE)
				arrive(&foes[i], foe, now_ns + passed_ns);
			else if (foes[i].answer == ADMISSION_PARK &&
				 admission_unpark(a, &foes[i].place, true,
				     now_ns + passed_ns))
				foes[i].answer = ADMISSION_ADMIT;
		assert_false(good.is_dropped);
	}
	assert_int_equal(good.answer, ADMISSION_ADMIT);
	admission_leave(a, &good.place);
	return passed_ns;
}

/* One address opens as fast as it can: a burst, then parking; those that have
 * spoken hold their place in that queue. A second later it has tokens again. */
static void
test_rate(void **state)
{
	static struct guest g, parked[ADMISSION_PARKED_SOURCE_MAX];
	struct netsource s = source(2, 1);

	for (int i = 0; i < ADMISSION_BURST; i++) {
		assert_int_equal(arrive(&g, s, S), ADMISSION_ADMIT);
		admission_leave(a, &g.place);
	}
	for (int i = 0; i < ADMISSION_PARKED_SOURCE_MAX; i++) {
		assert_int_equal(arrive(&parked[i], s, S), ADMISSION_PARK);
		admission_spoke(&parked[i].place);
	}
	assert_int_equal(arrive(&g, s, S), ADMISSION_REFUSE);
	assert_int_equal(admission_stats(a)->refused, 1);
	assert_false(admission_unpark(a, &parked[0].place, true, S));
	for (int i = 0; i < ADMISSION_PARKED_SOURCE_MAX; i++) {
		assert_false(parked[i].is_dropped);
		assert_true(admission_unpark(a, &parked[i].place, true, 2 * S));
		admission_leave(a, &parked[i].place);
	}
	for (int i = ADMISSION_PARKED_SOURCE_MAX; i < ADMISSION_RATE_PER_S;
	     i++) {
		assert_int_equal(arrive(&g, s, 2 * S), ADMISSION_ADMIT);
		admission_leave(a, &g.place);
	}
	assert_int_equal(arrive(&g, s, 2 * S), ADMISSION_PARK);
}

/* What its source owes leaves no room: it waits. */
static void
test_debt(void **state)
{
	static struct guest g = {.place.drop = on_drop};
	struct netsource s = source(2, 1);

	assert_int_equal(
	    admission_arrive(a, &g.place, &s, false, S), ADMISSION_PARK);
	assert_false(admission_unpark(a, &g.place, false, 2 * S));
	assert_true(admission_unpark(a, &g.place, true, 2 * S));
}

/* 200 that say nothing, and come again whenever they are dropped, lock out
 * nobody at their own address, nor anybody else. */
static void
test_silent_ones_of_one_address(void **state)
{
	struct netsource foe = source(2, 1);

	silent_foes(200, foe, S);
	assert_int_equal(wait_of(source(3, 1), foe, S), 0);
	assert_true(wait_of(foe, foe, S) <= 1100 * MS);
	for (int i = 0; i < 20; i++)
		assert_true(
		    wait_of(foe, foe, (10 + (uint64_t)i) * S) <= 1100 * MS);
}

/* Nobody loses its place before a handshake can be over, if its source holds
 * no more than others. */
static void
test_fair_time(void **state)
{
	static struct guest good[ADMISSION_HALF_OPEN_SOURCE_MAX], late, last;
	struct netsource s = source(2, 1);

	for (int i = 0; i < ADMISSION_HALF_OPEN_SOURCE_MAX; i++) {
		assert_int_equal(arrive(&good[i], s, S), ADMISSION_ADMIT);
		if (i != 5)
			admission_spoke(&good[i].place);
	}
	assert_int_equal(arrive(&late, s, S + 900 * MS), ADMISSION_PARK);
	admission_spoke(&late.place);
	assert_false(admission_unpark(a, &late.place, true, S + 900 * MS));
	assert_true(admission_unpark(a, &late.place, true, S + 1000 * MS));
	for (int i = 0; i < ADMISSION_HALF_OPEN_SOURCE_MAX; i++)
		assert_int_equal(good[i].is_dropped, i == 5);
	assert_int_equal(arrive(&last, s, S + 2900 * MS), ADMISSION_PARK);
	admission_spoke(&last.place);
	assert_false(admission_unpark(a, &last.place, true, S + 2900 * MS));
	assert_true(admission_unpark(a, &last.place, true, 4 * S));
	assert_true(good[0].is_dropped);
	assert_int_equal(admission_stats(a)->dropped_of_source, 2);
}

/* 16 addresses take all places. Whoever comes from another gets in at once, and
 * whoever was there alone at its address stays. */
static void
test_many_of_few_addresses(void **state)
{
	static struct guest good;
	struct netsource foe = source(2, 1);

	arrive(&good, source(3, 1), 0);
	for (int i = 0; i < 16; i++)
		silent_foes(24, source((uint8_t)(10 + i), 1), S);
	for (int i = 0; i < 40; i++)
		assert_int_equal(
		    wait_of(source((uint8_t)(100 + i), 1), foe, S), 0);
	assert_false(good.is_dropped);
	assert_true(admission_stats(a)->dropped_of_all >= 40);
}

/* All addresses of one network, each with one place: the network pays. */
static void
test_one_network(void **state)
{
	static struct guest good[3], late;

	/* three behind one address hold no more than the network may */
	for (int i = 0; i < 3; i++)
		arrive(&good[i], source(3, 1), 0);
	for (int i = 0; i < 250; i++)
		silent_foes(1, source(10, (uint8_t)i), S);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(
		    arrive(&late, source((uint8_t)(100 + i), 1), S),
		    ADMISSION_ADMIT);
		admission_leave(a, &late.place);
	}
	for (int i = 0; i < 3; i++)
		assert_false(good[i].is_dropped);
}

/* The same of IPv6: a /48 pays for all its /64. */
static void
test_one_network_ip6(void **state)
{
	uint8_t ip[16] = {0x20, 1, 0xd, 0xb8, 0, 1};
	static struct guest good, late;
	uint8_t other[16] = {0x20, 1, 0xd, 0xb8, 0, 2};

	arrive(&good, netsource_of_address(other, 16), 0);
	for (int i = 0; i < 250; i++) {
		ip[6] = (uint8_t)i; /* another /56 each */
		silent_foes(1, netsource_of_address(ip, 16), S);
	}
	other[5] = 3;
	assert_int_equal(
	    arrive(&late, netsource_of_address(other, 16), S), ADMISSION_ADMIT);
	assert_false(good.is_dropped);
}

/* As many addresses of different networks as there are places: those that say
 * nothing go when their time is over. */
static void
test_as_many_networks_as_places(void **state)
{
	static struct guest good, late;

	for (int i = 0; i < ADMISSION_HALF_OPEN_MAX; i++)
		silent_foes(1, source((uint8_t)i, 1), S);
	assert_int_equal(arrive(&good, source(200, 1), S), ADMISSION_PARK);
	admission_spoke(&good.place);
	assert_true(admission_unpark(a, &good.place, true, 2 * S));
	assert_int_equal(arrive(&late, source(201, 1), 2 * S), ADMISSION_ADMIT);
	assert_false(good.is_dropped);
	assert_true(foes[0].is_dropped && foes[1].is_dropped);
	assert_false(foes[2].is_dropped);
}

/* Those that wait and have said nothing make room, too; and are let in when
 * places are free, but drop nobody for it. */
static void
test_parked(void **state)
{
	static struct guest good;
	struct netsource s = source(2, 1);

	silent_foes(
	    ADMISSION_HALF_OPEN_SOURCE_MAX + ADMISSION_PARKED_SOURCE_MAX, s, S);
	assert_int_equal(arrive(&good, s, S), ADMISSION_PARK);
	assert_true(foes[ADMISSION_HALF_OPEN_SOURCE_MAX].is_dropped);
	assert_false(admission_unpark(
	    a, &foes[ADMISSION_HALF_OPEN_SOURCE_MAX + 1].place, true, 9 * S));
	admission_leave(a, &foes[0].place);
	assert_true(admission_unpark(
	    a, &foes[ADMISSION_HALF_OPEN_SOURCE_MAX + 1].place, true, 9 * S));
}

/* A source from which a good peer is known has places, and a rate, of its own,
 * whatever others do, also at its address. */
static void
test_known(void **state)
{
	struct netsource s = source(2, 1);
	static struct guest good, other;

	admission_know(a, &s);
	for (int i = 0; i < ADMISSION_HALF_OPEN_MAX; i++) {
		arrive(&foes[i], source((uint8_t)(10 + i), 1), S);
		admission_spoke(&foes[i].place);
	}
	assert_int_equal(arrive(&other, source(3, 1), S), ADMISSION_PARK);
	assert_int_equal(arrive(&good, s, S), ADMISSION_ADMIT);
	admission_leave(a, &good.place);
	/* nor does it matter what its neighbours owe */
	assert_int_equal(
	    admission_arrive(a, &good.place, &s, false, S), ADMISSION_ADMIT);
	admission_leave(a, &good.place);
	for (int i = 2; i < ADMISSION_KNOWN_BURST; i++) {
		assert_int_equal(arrive(&good, s, S), ADMISSION_ADMIT);
		admission_leave(a, &good.place);
	}
	assert_int_equal(arrive(&good, s, S), ADMISSION_PARK);
}

/* A /64 is one source, an IPv4-mapped address is its IPv4 address. */
static void
test_sources(void **state)
{
	const uint8_t a6[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 9, 9, 9, 9};
	const uint8_t b6[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 7};
	const uint8_t mapped[16] = {
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
	struct netsource x, y;

	x = netsource_of_address(a6, 16);
	y = netsource_of_address(b6, 16);
	assert_memory_equal(&x, &y, sizeof(x));
	x = netsource_of_address(mapped, 16);
	y = source(2, 1);
	assert_memory_equal(&x, &y, sizeof(x));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    T(test_rate),
	    T(test_debt),
	    T(test_silent_ones_of_one_address),
	    T(test_fair_time),
	    T(test_many_of_few_addresses),
	    T(test_one_network),
	    T(test_one_network_ip6),
	    T(test_as_many_networks_as_places),
	    T(test_parked),
	    T(test_known),
	    T(test_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
