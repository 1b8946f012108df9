/* SPDX-License-Identifier: ISC */
/* Signatures of several keys, checked one after the other by one who keeps
 * what was made of the last key. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/keys/key_check.h"
#include "common/keys/keys.h"

static const uint8_t text[] = "what was signed";

static struct key_check *check;
static struct key_pair pairs[3];
static uint8_t signatures[3][64];

static int
set_up(void **state)
{
	check = key_check_new();
	for (size_t i = 0; i < 3; i++) {
		key_generate(&pairs[i]);
		key_sign(&pairs[i], text, sizeof(text), signatures[i]);
	}
	return 0;
}

static int
tear_down(void **state)
{
	key_check_free(check);
	return 0;
}

/* Whether the signature of one is taken for that of another. */
static bool
is_of(size_t signer, size_t key)
{
	return key_check_signature(check, pairs[key].public_key, text,
	    sizeof(text), signatures[signer]);
}

static void
test_each_key_by_itself(void **state)
{
	for (size_t round = 0; round < 3; round++)
		for (size_t key = 0; key < 3; key++)
			for (size_t signer = 0; signer < 3; signer++)
				assert_int_equal(
				    is_of(signer, key), signer == key);
}

static void
test_bad_then_good(void **state)
{
	uint8_t bent[64];

	for (size_t i = 0; i < 64; i++) {
		memcpy(bent, signatures[0], 64);
		bent[i] ^= 1;
		assert_false(key_check_signature(
		    check, pairs[0].public_key, text, sizeof(text), bent));
		assert_true(is_of(0, 0));
	}
	assert_false(key_check_signature(
	    check, pairs[0].public_key, text, sizeof(text) - 1, signatures[0]));
	assert_true(is_of(0, 0));
}

static void
test_no_point_of_the_curve(void **state)
{
	/* y = 2 */
	static const uint8_t none[32] = {2};

	assert_true(is_of(0, 0));
	assert_false(key_check_signature(
	    check, none, text, sizeof(text), signatures[0]));
	assert_true(is_of(0, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_key_by_itself),
	    cmocka_unit_test(test_bad_then_good),
	    cmocka_unit_test(test_no_point_of_the_curve),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
