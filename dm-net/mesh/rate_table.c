/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/rate_table.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"

#define WAYS 8
#define SETS (RATE_TABLE_SOURCES / WAYS)

/* The bucket as a time: it was, or will be, full then. A token taken moves it
 * by the interval. */
struct rate_bucket {
	uint64_t full_at_ns; /* 0: nobody's */
	struct netsource id;
};

struct rate_table {
	uint8_t secret[SIPHASH_SECRET_BYTES];
	uint64_t interval_ns, burst_ns;
	struct rate_bucket sets[SETS][WAYS];
};

struct rate_table *
rate_table_new(const uint8_t secret[SIPHASH_SECRET_BYTES], unsigned burst,
    uint64_t interval_ns)
{
	struct rate_table *t = xcalloc(1, sizeof(*t));

	memcpy(t->secret, secret, sizeof(t->secret));
	t->interval_ns = interval_ns;
	t->burst_ns = burst * interval_ns;
	return t;
}

void
rate_table_free(struct rate_table *t)
{
	free(t);
}

static struct rate_bucket *
find_or_replace(struct rate_table *t, const struct netsource *id)
{
	uint64_t h = siphash(t->secret, id->bytes, sizeof(id->bytes));
	struct rate_bucket *set = t->sets[h % SETS], *fullest = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].full_at_ns != 0 &&
		    memcmp(&set[i].id, id, sizeof(*id)) == 0)
			return &set[i];
		if (set[i].full_at_ns < fullest->full_at_ns)
			fullest = &set[i];
	}
	fullest->id = *id;
	fullest->full_at_ns = 0;
	return fullest;
}

bool
rate_table_take(
    struct rate_table *t, const struct netsource *id, uint64_t now_ns)
{
	struct rate_bucket *b = find_or_replace(t, id);

	if (b->full_at_ns < now_ns)
		b->full_at_ns = now_ns;
	if (b->full_at_ns + t->interval_ns > now_ns + t->burst_ns)
		return false;
	b->full_at_ns += t->interval_ns;
	return true;
}
