/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "dm-net/mesh/warn_limit.h"

#define S UINT64_C(1000000000)

static struct warn_limit_source
source(unsigned i)
{
	const uint8_t address[4] = {
	    10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
	struct netsource from;
	struct warn_limit_source s;

	from = netsource_of_address(address, 4);
	warn_limit_address(&s, &from);
	return s;
}

static bool
tell(struct warn_limit *b, unsigned i, uint64_t now_ns)
{
	struct warn_limit_source s = source(i);

	return warn_limit_tell(b, &s, now_ns);
}

static bool
is_of(const struct warn_limit_rest *rest, unsigned i)
{
	struct warn_limit_source s = source(i);

	return !rest->is_others && memcmp(&rest->source, &s, sizeof(s)) == 0;
}

/* 50 a second from one address: a few lines, and a sum a minute later; one who
 * comes meanwhile is named at once. */
static void
test_one_source(void **state)
{
	struct warn_limit *b = warn_limit_new();
	struct warn_limit_rest rest;
	unsigned told = 0;

	assert_true(tell(b, 1, S));
	for (unsigned i = 1; i < 3000; i++)
		told += tell(b, 1, S + i * S / 50);
	assert_int_equal(told, WARN_LIMIT_LINES_SOURCE - 1);
	assert_true(tell(b, 2, 59 * S));
	assert_false(warn_limit_rest(b, 60 * S, &rest));
	assert_true(warn_limit_rest(b, 61 * S, &rest));
	assert_true(is_of(&rest, 1));
	assert_int_equal(rest.count, 3000 - WARN_LIMIT_LINES_SOURCE);
	assert_false(warn_limit_rest(b, 61 * S, &rest));
	assert_int_equal(warn_limit_total(b), 3001);
	/* and anew */
	assert_true(tell(b, 1, 61 * S));
	assert_true(tell(b, 1, 62 * S));
	warn_limit_free(b);
}

/* What comes between the end of a minute and its sum is in the sum. */
static void
test_nothing_is_lost(void **state)
{
	struct warn_limit *b = warn_limit_new();
	struct warn_limit_rest rest;
	uint64_t told = 0, summed = 0;

	for (unsigned i = 0; i < 5000; i++) {
		uint64_t now_ns = S + i * S / 10;

		told += tell(b, i % 3, now_ns);
		if (i % 100 == 0)
			while (warn_limit_rest(b, now_ns, &rest))
				summed += rest.count;
	}
	while (warn_limit_rest(b, 1000 * S, &rest))
		summed += rest.count;
	assert_int_equal(told + summed, 5000);
	assert_int_equal(warn_limit_total(b), 5000);
	/* 500 s of 3 sources */
	assert_true(told <= 9 * 3 * WARN_LIMIT_LINES_SOURCE);
	warn_limit_free(b);
}

/* One line a minute, each minute: nothing is left out, nothing is summed. */
static void
test_rare(void **state)
{
	struct warn_limit *b = warn_limit_new();
	struct warn_limit_rest rest;

	for (unsigned i = 1; i < 100; i++) {
		assert_true(tell(b, 1, i * 60 * S));
		assert_false(warn_limit_rest(b, i * 60 * S + S, &rest));
	}
	warn_limit_free(b);
}

/* Each of many is named, but not twice; strangers beyond what fits are
 * counted together. */
static void
test_many_sources(void **state)
{
	struct warn_limit *b = warn_limit_new();
	struct warn_limit_rest rest;
	unsigned again = 0, sums = 0;
	uint64_t count = 0;
	char text[WARN_LIMIT_TEXT_MAX];

	for (unsigned i = 0; i < WARN_LIMIT_SOURCES_MAX; i++)
		assert_true(tell(b, i, S));
	for (unsigned i = 0; i < 2 * WARN_LIMIT_SOURCES_MAX; i++)
		again += tell(b, i % WARN_LIMIT_SOURCES_MAX, 2 * S);
	assert_int_equal(again, WARN_LIMIT_LINES);
	for (unsigned i = 0; i < 1000; i++)
		assert_false(tell(b, WARN_LIMIT_SOURCES_MAX + i, 3 * S));
	while (warn_limit_rest(b, 63 * S, &rest) && !rest.is_others) {
		count += rest.count;
		sums++;
		assert_string_not_equal(warn_limit_whom(&rest, text), "others");
	}
	assert_int_equal(count, 2 * WARN_LIMIT_SOURCES_MAX - WARN_LIMIT_LINES);
	assert_true(sums <= WARN_LIMIT_SOURCES_MAX);
	assert_true(rest.is_others);
	assert_string_equal(warn_limit_whom(&rest, text), "others");
	assert_int_equal(rest.count, 1000);
	assert_false(warn_limit_rest(b, 63 * S, &rest));
	/* room again */
	assert_true(tell(b, 5000, 64 * S));
	warn_limit_free(b);
}

/* Who has no room is not forgotten for the sake of one who is quiet now. */
static void
test_untold_keep_their_place(void **state)
{
	struct warn_limit *b = warn_limit_new();
	struct warn_limit_rest rest;

	for (unsigned i = 0; i < 10; i++)
		tell(b, 7, S);
	for (unsigned i = 0; i < 10 * WARN_LIMIT_SOURCES_MAX; i++)
		tell(b, 100 + i, 70 * S);
	assert_true(warn_limit_rest(b, 70 * S, &rest));
	assert_true(is_of(&rest, 7));
	assert_int_equal(rest.count, 10 - WARN_LIMIT_LINES_SOURCE);
	warn_limit_free(b);
}

/* As the log names them: IPv6 by what one subscriber has. */
static void
test_whom(void **state)
{
	static const uint8_t ip4[4] = {192, 0, 2, 1};
	static const uint8_t ip6[16] = {
	    0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10};
	static const uint8_t mapped[16] = {
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
	static const uint8_t key[32] = {1, 1};
	struct warn_limit_rest rest = {.is_others = false};
	struct netsource from;
	struct peer_id peer;
	char text[WARN_LIMIT_TEXT_MAX], id[PEER_ID_TEXT_SIZE];

	from = netsource_of_address(ip4, 4);
	warn_limit_address(&rest.source, &from);
	assert_string_equal(warn_limit_whom(&rest, text), "192.0.2.1");
	from = netsource_of_address(ip6, 16);
	warn_limit_address(&rest.source, &from);
	assert_string_equal(warn_limit_whom(&rest, text), "2001:db8:1:2::/64");
	from = netsource_of_address(mapped, 16);
	warn_limit_address(&rest.source, &from);
	assert_string_equal(warn_limit_whom(&rest, text), "192.0.2.1");
	assert_true(peer_id_from_key(&peer, key));
	peer_id_format(&peer, id);
	warn_limit_peer(&rest.source, &peer);
	assert_memory_equal(warn_limit_whom(&rest, text), "peer=", 5);
	assert_string_equal(text + 5, id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_source),
	    cmocka_unit_test(test_nothing_is_lost),
	    cmocka_unit_test(test_rare),
	    cmocka_unit_test(test_many_sources),
	    cmocka_unit_test(test_untold_keep_their_place),
	    cmocka_unit_test(test_whom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
