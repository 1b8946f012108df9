/* SPDX-License-Identifier: ISC */
#include "dm-net/sync/core.h"

#include <string.h>

#include "common/log.h"

/* splitmix64: replayable, and nothing here needs more of it. */
static uint64_t
random_next(struct sync *s)
{
	uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t
core_random_below(struct sync *s, uint64_t bound)
{
	return bound == 0 ? 0 : random_next(s) % bound;
}

/* The seed's second half; the first starts the random numbers. */
const uint8_t *
core_hash_secret(const struct sync *s)
{
	return s->set.seed + sizeof(s->set.seed) - SIPHASH_SECRET_BYTES;
}

uint64_t
core_hash(const struct sync *s, const void *data, size_t len)
{
	return siphash(core_hash_secret(s), data, len);
}

uint64_t
core_id_next(struct sync *s)
{
	return ++s->ids;
}

void
core_due_at(struct sync *s, uint64_t at_ns)
{
	if (at_ns < s->deadline_ns)
		s->deadline_ns = at_ns;
}

bool
core_bucket_take(
    struct sync *s, struct bucket *b, uint64_t burst, uint64_t per_s)
{
	uint64_t cost = SECOND / per_s, passed = s->now_ns - b->at_ns;

	b->used_ns -= passed < b->used_ns ? passed : b->used_ns;
	b->at_ns = s->now_ns;
	if (b->used_ns + cost > burst * cost)
		return false;
	b->used_ns += cost;
	return true;
}

struct act *
core_act(struct sync *s, enum sync_action_type type, uint64_t id)
{
	if (s->act_first + s->act_count == s->act_room) {
		if (s->act_first > 0) {
			memmove(s->acts, s->acts + s->act_first,
			    s->act_count * sizeof(*s->acts));
			s->act_first = 0;
		} else {
			s->act_room = s->act_room == 0 ? 64 : s->act_room * 2;
			s->acts =
			    xrealloc(s->acts, s->act_room, sizeof(*s->acts));
		}
	}
	struct act *a = &s->acts[s->act_first + s->act_count++];

	*a = (struct act){.type = type, .id = id};
	return a;
}
