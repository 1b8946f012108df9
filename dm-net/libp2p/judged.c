/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/judged.h"

#include <string.h>

_Static_assert(JUDGED_SETS == 256, "the digest's first byte says which");

bool
judged_has(const struct judged *judged,
    const uint8_t digest[static JUDGED_DIGEST_BYTES])
{
	const struct judged_set *set = &judged->sets[digest[0]];

	for (uint8_t i = 0; i < set->count; i++) {
		if (memcmp(set->digests[i], digest, JUDGED_DIGEST_BYTES) == 0)
			return true;
	}
	return false;
}

void
judged_add(
    struct judged *judged, const uint8_t digest[static JUDGED_DIGEST_BYTES])
{
	struct judged_set *set = &judged->sets[digest[0]];

	if (judged_has(judged, digest))
		return;
	memcpy(set->digests[set->next], digest, JUDGED_DIGEST_BYTES);
	set->next = (uint8_t)((set->next + 1u) % JUDGED_WAYS);
	if (set->count < JUDGED_WAYS)
		set->count++;
}
