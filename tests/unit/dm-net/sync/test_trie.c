/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "dm-net/sync/trie.h"

static const struct trie_prefix all;

static uint64_t
mix(uint64_t *s)
{
	uint64_t z = *s += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Row n; its key starts with as many zero bytes as asked for. */
static struct trie_row
row_of(uint64_t n, size_t zeros)
{
	struct trie_row r = {.signed_at_ns = n + 1, .size = n & 0xffff};
	uint64_t s = n * 7 + 1;

	for (size_t i = 0; i < 16; i++)
		r.key[i] = i < zeros ? 0 : (uint8_t)mix(&s);
	for (size_t i = 0; i < 32; i++)
		r.version[i] = (uint8_t)mix(&s);
	return r;
}

static void
root_of(struct trie *t, uint8_t out[16])
{
	struct trie_sum sum;

	trie_sum(t, &all, &sum);
	assert_int_equal(sum.count, trie_count(t));
	memcpy(out, sum.hash, 16);
}

/* dm-net/sync/1.0.0: a leaf is 00, its count, and (key, version) by key. */
static void
test_leaf_bytes(void **state)
{
	struct trie *t = trie_new();
	struct trie_row a = row_of(1, 0), b = row_of(2, 0);
	const struct trie_row *lo = &a, *hi = &b;
	uint8_t text[5 + 96] = {0, 0, 0, 0, 2}, want[32], got[16];
	static const uint8_t zero[16];

	root_of(t, got);
	assert_memory_equal(got, zero, 16);
	if (memcmp(a.key, b.key, 16) > 0) {
		lo = &b;
		hi = &a;
	}
	memcpy(text + 5, lo->key, 16);
	memcpy(text + 21, lo->version, 32);
	memcpy(text + 53, hi->key, 16);
	memcpy(text + 69, hi->version, 32);
	EVP_Digest(text, sizeof(text), want, NULL, EVP_sha256(), NULL);
	trie_put(t, &a);
	trie_put(t, &b);
	root_of(t, got);
	assert_memory_equal(got, want, 16);
	trie_free(t);
}

/* An inner node is 01 and its 16 children's hashes and counts. */
static void
test_inner_bytes(void **state)
{
	struct trie *t = trie_new();
	uint8_t text[1 + 16 * 20] = {1}, want[32], got[16], *p = text + 1;
	struct trie_sum sums[16];

	for (uint64_t i = 0; i < 100; i++) {
		struct trie_row r = row_of(i, 0);

		trie_put(t, &r);
	}
	trie_children(t, &all, sums);
	for (size_t i = 0; i < 16; i++, p += 20) {
		memcpy(p, sums[i].hash, 16);
		p[16] = p[17] = p[18] = 0;
		p[19] = (uint8_t)sums[i].count;
	}
	EVP_Digest(text, sizeof(text), want, NULL, EVP_sha256(), NULL);
	root_of(t, got);
	assert_memory_equal(got, want, 16);
	trie_free(t);
}

/* The hash is a function of the set, whatever the way to it. */
static void
test_shape(void **state)
{
	uint64_t seed = 5;

	for (size_t round = 0; round < 60; round++) {
		struct trie *a = trie_new(), *b = trie_new();
		size_t n = mix(&seed) % 400, zeros = mix(&seed) % 16;
		uint8_t x[16], y[16];

		for (uint64_t i = 0; i < n; i++) {
			struct trie_row r = row_of(i, zeros);

			trie_put(a, &r);
		}
		/* backwards, with others that go again, and hashes between */
		for (uint64_t i = 2 * n; i-- > 0;) {
			struct trie_row r = row_of(i, zeros);

			trie_put(b, &r);
			if (i % 37 == 0)
				root_of(b, y);
		}
		for (uint64_t i = n; i < 2 * n; i++) {
			struct trie_row r = row_of(i, zeros);

			if (trie_get(a, r.key) == NULL)
				trie_remove(b, r.key);
		}
		if (zeros < 12) {
			root_of(a, x);
			root_of(b, y);
			assert_memory_equal(x, y, 16);
		}
		trie_free(a);
		trie_free(b);
	}
}

static void
test_rows(void **state)
{
	struct trie *t = trie_new();
	struct trie_row page[7], last = {.size = 0};
	uint8_t *after = NULL;
	size_t n, total = 0;
	bool more = true;
	struct trie_prefix below = trie_below(&all, 3);
	struct trie_sum sum;

	for (uint64_t i = 0; i < 5000; i++) {
		struct trie_row r = row_of(i, 0);

		trie_put(t, &r);
		trie_put(t, &r);
	}
	assert_int_equal(trie_count(t), 5000);
	while (more) {
		n = trie_rows(t, &below, after, page, 7, &more);
		for (size_t i = 0; i < n; i++) {
			assert_true(trie_covers(&below, page[i].key));
			assert_true(total == 0 ||
				    memcmp(last.key, page[i].key, 16) < 0);
			last = page[i];
			total++;
		}
		after = last.key;
	}
	trie_sum(t, &below, &sum);
	assert_int_equal(total, sum.count);
	assert_true(total > 200);
	for (uint64_t i = 0; i < 5000; i++) {
		struct trie_row r = row_of(i, 0);

		assert_memory_equal(trie_get(t, r.key)->version, r.version, 32);
		assert_true(trie_remove(t, r.key));
		assert_false(trie_remove(t, r.key));
	}
	assert_int_equal(trie_count(t), 0);
	trie_free(t);
}

/* Keys that share all but their last nibble lie 31 levels deep. */
static void
test_deep(void **state)
{
	struct trie *t = trie_new();
	struct trie_row r = row_of(1, 0);
	struct trie_prefix p = all;
	struct trie_sum sum;

	for (unsigned i = 0; i < 64; i++) {
		r.key[15] = (uint8_t)i;
		trie_put(t, &r);
	}
	for (size_t i = 0; i < 30; i++)
		p = trie_below(
		    &p, i % 2 == 0 ? r.key[i / 2] >> 4 : r.key[i / 2] & 0xf);
	trie_sum(t, &p, &sum);
	assert_int_equal(sum.count, 64);
	p = trie_below(&p, 0);
	trie_sum(t, &p, &sum);
	assert_int_equal(sum.count, 16);
	p = trie_below(&p, 0);
	trie_sum(t, &p, &sum);
	assert_int_equal(sum.count, 1);
	trie_free(t);
}

/* What is counted is what is held: all of it goes with the rows. */
static void
test_memory(void **state)
{
	struct trie *t = trie_new();
	size_t empty = trie_bytes(t);

	for (uint64_t i = 0; i < 5000; i++) {
		struct trie_row r = row_of(i, 0);

		trie_put(t, &r);
	}
	assert_true(trie_bytes(t) >= 5000 * sizeof(struct trie_row));
	assert_true(trie_bytes(t) < 5000 * 4 * sizeof(struct trie_row));
	for (uint64_t i = 0; i < 5000; i++) {
		struct trie_row r = row_of(i, 0);

		assert_true(trie_remove(t, r.key));
	}
	/* a leaf keeps its room */
	assert_true(trie_bytes(t) <=
		    empty + (TRIE_LEAF_MAX + 1) * sizeof(struct trie_row));
	trie_clear(t);
	assert_int_equal(trie_bytes(t), empty);
	trie_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_leaf_bytes),
	    cmocka_unit_test(test_inner_bytes),
	    cmocka_unit_test(test_shape),
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_deep),
	    cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
