/* SPDX-License-Identifier: ISC */
#include "dmd/delivery.h"

#include <string.h>

bool
delivery_is_due(
    struct delivery *d, const uint8_t digest[static DELIVERY_DIGEST_LEN])
{
	bool is_known =
	    d->has_sent && memcmp(d->digest, digest, sizeof(d->digest)) == 0;

	d->is_owed = !is_known && d->awaited != 0;
	return !is_known && d->awaited == 0;
}

void
delivery_sent(struct delivery *d,
    const uint8_t digest[static DELIVERY_DIGEST_LEN], uint64_t ping)
{
	memcpy(d->digest, digest, sizeof(d->digest));
	d->has_sent = true;
	d->is_owed = false;
	d->awaited = ping;
}

bool
delivery_answered(struct delivery *d, uint64_t ping)
{
	if (d->awaited == 0 || ping != d->awaited)
		return false;
	d->awaited = 0;
	return d->is_owed;
}
