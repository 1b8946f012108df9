/* SPDX-License-Identifier: ISC */
/*
 * Tables whose keys a peer chooses: keys that differ only in some of their
 * bytes share no bucket but by chance, whichever bytes these are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/entry.h"
#include "dm-net/sync/cache.h"
#include "dm-net/sync/core.h"
#include "dm-net/sync/peers.h"

#define KEYS 512
#define CHAIN_MAX 16 /* by chance: far less often than once in 2^40 runs */

/* The Nth key of which only the two bytes at `at` differ. */
static void
key_make(uint8_t *key, size_t len, size_t at, unsigned int n)
{
	memset(key, 0, len);
	key[at] = (uint8_t)n;
	key[at + 1] = (uint8_t)(n >> 8);
}

static struct sync *
core_new(void)
{
	struct sync_settings set = {.peers_max = 8};

	memset(set.seed, 7, sizeof(set.seed));
	return sync_new(&set);
}

static void
test_queue(void **state)
{
	static const uint8_t secret[SIPHASH_SECRET_BYTES] = {1, 2, 3};

	(void)state;
	for (size_t at = 0; at < 15; at++) {
		struct keyq q;
		uint8_t key[16];

		keyq_init(&q, KEYS, secret);
		for (unsigned int n = 0; n < KEYS; n++) {
			key_make(key, sizeof(key), at, n);
			assert_non_null(keyq_add(&q, key));
		}
		for (uint32_t b = 0; b < q.room; b++) {
			unsigned int len = 0;

			for (uint32_t i = q.buckets[b]; i != 0;
			     i = q.items[i].chain)
				len++;
			assert_true(len <= CHAIN_MAX);
		}
		keyq_clear(&q);
	}
}

static void
test_entries_at_hand(void **state)
{
	(void)state;
	for (size_t at = 0; at < 15; at++) {
		struct sync *s = core_new();
		struct entry e = {0};
		uint8_t key[16];

		for (unsigned int n = 0; n < CACHE_MAX; n++) {
			key_make(key, sizeof(key), at, n);
			cache_put(s, &e, key, NULL, 0);
		}
		for (size_t b = 0; b < CACHE_BUCKETS; b++) {
			unsigned int len = 0;

			for (uint16_t i = s->cache_buckets[b]; i != 0;
			     i = s->cache[i - 1]->chain)
				len++;
			assert_true(len <= CHAIN_MAX);
		}
		sync_free(s);
	}
}

static void
test_peers(void **state)
{
	struct sync *s = core_new();

	(void)state;
	for (size_t at = 0; at < PEER_ID_BYTES - 1; at++) {
		uint8_t lens[PEER_BUCKETS] = {0};

		for (unsigned int n = 0; n < KEYS; n++) {
			struct peer_id id;

			key_make(id.bytes, sizeof(id.bytes), at, n);
			assert_true(++lens[peer_hash(s, &id) % PEER_BUCKETS] <=
				    CHAIN_MAX);
		}
	}
	sync_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_queue),
	    cmocka_unit_test(test_entries_at_hand),
	    cmocka_unit_test(test_peers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
