/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dm-net/mesh/send_places.h"

#define S NS_PER_S
#define MIB (UINT64_C(1) << 20)

static struct netsource
source(uint8_t last)
{
	const uint8_t address[4] = {192, 0, 2, last};

	return netsource_of_address(address, 4);
}

static struct send_place
place(uint8_t from, uint64_t conn, uint64_t since_ns, uint64_t sent)
{
	return (struct send_place){.source = source(from),
	    .conn = conn,
	    .since_ns = since_ns,
	    .sent = sent,
	    .size = 100 * MIB};
}

static void
put(struct send_places *list, struct send_place *p, size_t n)
{
	LIST_INIT(list);
	for (size_t i = 0; i < n; i++)
		LIST_INSERT_HEAD(list, &p[i], next);
}

static struct send_place *
yields(const struct send_places *list, uint8_t from, uint64_t conn,
    uint64_t now_ns)
{
	struct netsource s = source(from);

	return send_places_yield(list, &s, conn, now_ns);
}

/* One peer with all places; the slowest of its transfers goes, for a peer of
 * another address and for one of the same. */
static void
test_one_peer_has_all_places(void **state)
{
	struct send_places list;
	struct send_place p[4];

	for (size_t i = 0; i < 4; i++)
		p[i] = place(1, 7, S, MIB * (i + 1));
	put(&list, p, 4);
	assert_ptr_equal(yields(&list, 2, 8, 4 * S), &p[0]);
	assert_ptr_equal(yields(&list, 1, 8, 4 * S), &p[0]);
	assert_null(yields(&list, 1, 7, 4 * S)); /* not for itself */
}

/* Many identities of one address count as one. */
static void
test_one_address_has_all_places(void **state)
{
	struct send_places list;
	struct send_place p[4];

	for (size_t i = 0; i < 4; i++)
		p[i] = place(1, 10 + i, S, MIB * (i + 1));
	put(&list, p, 4);
	assert_ptr_equal(yields(&list, 2, 8, 4 * S), &p[0]);
	assert_null(yields(&list, 1, 8, 4 * S)); /* as many as the others */
}

/* Equal shares, and all of them move: the newcomer waits. */
static void
test_equal_shares(void **state)
{
	struct send_places list;
	struct send_place p[4];

	for (uint8_t i = 0; i < 4; i++)
		p[i] = place(i, i, S, 20 * MIB);
	put(&list, p, 4);
	assert_null(yields(&list, 9, 9, 7 * S));
	/* but one that crawls goes, however few it has */
	p[2].sent = 1100 * 6;
	assert_ptr_equal(yields(&list, 9, 9, 7 * S), &p[2]);
	assert_null(yields(&list, 9, 9, 4 * S)); /* not known yet */
}

static void
test_what_ends_soon_is_left_alone(void **state)
{
	struct send_places list;
	struct send_place p[4];

	for (size_t i = 0; i < 4; i++)
		p[i] = place(1, 7, S, 95 * MIB);
	put(&list, p, 4);
	assert_null(yields(&list, 2, 8, 3 * S));
	assert_null(yields(&list, 2, 8, S + S / 2)); /* nor a new one */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_peer_has_all_places),
	    cmocka_unit_test(test_one_address_has_all_places),
	    cmocka_unit_test(test_equal_shares),
	    cmocka_unit_test(test_what_ends_soon_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
