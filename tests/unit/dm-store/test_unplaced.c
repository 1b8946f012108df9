/* SPDX-License-Identifier: ISC */
/* The list of names set apart: as many as there are names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/name.h"
#include "dm-store/winner.h"
#include "dm-store/unplaced.h"

#define MANY 5000

static struct store s;

static void
key_of(unsigned i, uint8_t key[static 16])
{
	char name[32];

	snprintf(name, sizeof(name), "d/%u", i);
	name_key(name, key);
}

static void
add(unsigned i, uint64_t seq)
{
	static struct change ch;

	key_of(i, ch.key);
	ch.seq = seq;
	unplaced_add(&s, &ch);
}

static bool
has(unsigned i)
{
	uint8_t key[16];

	key_of(i, key);
	return unplaced_has(&s, key);
}

static bool
take(unsigned i, struct change *out)
{
	uint8_t key[16];

	key_of(i, key);
	return unplaced_take(&s, key, out);
}

static void
test_each_is_found(void **state)
{
	static struct change ch;

	assert_false(has(0));
	assert_false(take(0, NULL));
	for (unsigned i = 0; i < MANY; i++)
		add(i, i);
	assert_int_equal(s.unplaced.n, MANY);
	assert_false(has(MANY));
	/* every third goes: the others are still found */
	for (unsigned i = 0; i < MANY; i += 3) {
		assert_true(take(i, &ch));
		assert_int_equal(ch.seq, i);
	}
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(has(i), i % 3 != 0);
	unplaced_clear(&s);
	assert_int_equal(s.unplaced.n, 0);
	assert_false(has(1));
}

static void
test_the_latest_counts(void **state)
{
	static struct change ch;

	add(7, 1);
	add(7, 2);
	assert_int_equal(s.unplaced.n, 1);
	assert_true(take(7, &ch));
	assert_int_equal(ch.seq, 2);
	assert_false(has(7));
	unplaced_clear(&s);
}

/* Each gets its turn, whatever leaves meanwhile. */
static void
test_turns(void **state)
{
	unsigned seen[100] = {0};
	const struct change *ch;

	assert_null(unplaced_next(&s));
	for (unsigned i = 0; i < 100; i++)
		add(i, i);
	for (unsigned i = 0; i < 300; i++)
		seen[unplaced_next(&s)->seq]++;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(seen[i], 3);
	for (unsigned i = 0; i < 1000 && (ch = unplaced_next(&s)) != NULL; i++)
		assert_true(take((unsigned)ch->seq, NULL));
	assert_int_equal(s.unplaced.n, 0);
	unplaced_clear(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_is_found),
	    cmocka_unit_test(test_the_latest_counts),
	    cmocka_unit_test(test_turns)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
