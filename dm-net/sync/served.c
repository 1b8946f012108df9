/* SPDX-License-Identifier: ISC */
#include "dm-net/sync/served.h"

#include <string.h>

/* Never 0, which stands for an empty place. */
static uint64_t
hash_both(const uint8_t *secret, const uint8_t *key, const uint8_t *version)
{
	uint8_t both[16 + 32];

	memcpy(both, key, 16);
	memcpy(both + 16, version, 32);
	return siphash(secret, both, sizeof(both)) | 1;
}

void
served_note(struct served *served,
    const uint8_t secret[static SIPHASH_SECRET_BYTES],
    const uint8_t key[static 16], const uint8_t version[static 32])
{
	served->hashes[served->next] = hash_both(secret, key, version);
	served->next = (served->next + 1) % SERVED_MAX;
}

bool
served_take(struct served *served,
    const uint8_t secret[static SIPHASH_SECRET_BYTES],
    const uint8_t key[static 16], const uint8_t version[static 32])
{
	uint64_t h = hash_both(secret, key, version);

	for (size_t i = 0; i < SERVED_MAX; i++) {
		if (served->hashes[i] != h)
			continue;
		served->hashes[i] = 0;
		return true;
	}
	return false;
}
