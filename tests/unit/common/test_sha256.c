/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "common/hex.h"
#include "common/sha256.h"

/* FIPS 180-2, appendix B. */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define LONG_TEXT "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
#define LONG "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"

static void
assert_hash(const uint8_t hash[32], const char *want)
{
	char text[HEX_SIZE(32)];

	assert_string_equal(hex_encode(hash, 32, text), want);
}

static void
test_at_once(void **state)
{
	uint8_t hash[32];

	sha256_hash("abc", 3, hash);
	assert_hash(hash, ABC);
	sha256_hash(LONG_TEXT, strlen(LONG_TEXT), hash);
	assert_hash(hash, LONG);
	sha256_hash("", 0, hash);
	assert_memory_equal(hash, sha256_empty, 32);
}

static void
test_in_pieces(void **state)
{
	struct sha256 *h = sha256_new();
	uint8_t hash[32];

	for (const char *p = LONG_TEXT; *p != '\0'; p++)
		sha256_add(h, p, 1);
	sha256_end(h, hash);
	assert_hash(hash, LONG);

	sha256_begin(h);
	sha256_end(h, hash);
	assert_memory_equal(hash, sha256_empty, 32);

	/* what was under way is forgotten */
	sha256_begin(h);
	sha256_add(h, "xyz", 3);
	sha256_begin(h);
	sha256_add(h, "a", 1);
	sha256_add(h, "", 0);
	sha256_add(h, "bc", 2);
	sha256_end(h, hash);
	assert_hash(hash, ABC);
	sha256_free(h);
	sha256_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
