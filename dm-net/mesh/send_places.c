/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/send_places.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool
is_of_source(const struct send_place *p, const struct netsource *source)
{
	return memcmp(&p->source, source, sizeof(*source)) == 0;
}

static size_t
count_source(const struct send_places *list, const struct netsource *source)
{
	const struct send_place *p;
	size_t n = 0;

	LIST_FOREACH(p, list, next)
		n += is_of_source(p, source);
	return n;
}

static size_t
count_conn(const struct send_places *list, uint64_t conn)
{
	const struct send_place *p;
	size_t n = 0;

	LIST_FOREACH(p, list, next)
		n += p->conn == conn;
	return n;
}

/* Bytes a second, at least 1. */
static uint64_t
rate_of(const struct send_place *p, uint64_t now_ns)
{
	uint64_t ms = (now_ns - p->since_ns) / NS_PER_MS;

	return p->sent * 1000 / (ms + 1) + 1;
}

static bool
ends_soon(const struct send_place *p, uint64_t now_ns)
{
	return (p->size - p->sent) / rate_of(p, now_ns) <
	       SEND_PLACE_SOON_NS / NS_PER_S;
}

static bool
crawls(const struct send_place *p, uint64_t now_ns)
{
	return now_ns - p->since_ns >= SEND_PLACE_CRAWL_NS &&
	       rate_of(p, now_ns) < SEND_PLACE_CRAWL_RATE;
}

/* Has it still no less than the newcomer when it gives up this place? */
static bool
has_more(const struct send_places *list, const struct send_place *p,
    const struct netsource *source, uint64_t conn)
{
	if (!is_of_source(p, source))
		return count_source(list, &p->source) >
		       count_source(list, source) + 1;
	return count_conn(list, p->conn) > count_conn(list, conn) + 1;
}

struct send_place *
send_places_yield(const struct send_places *list,
    const struct netsource *source, uint64_t conn, uint64_t now_ns)
{
	struct send_place *p, *slowest = NULL;

	LIST_FOREACH(p, list, next) {
		if (now_ns - p->since_ns < SEND_PLACE_AGE_NS ||
		    ends_soon(p, now_ns) ||
		    (!has_more(list, p, source, conn) && !crawls(p, now_ns)))
			continue;
		if (slowest == NULL ||
		    rate_of(p, now_ns) < rate_of(slowest, now_ns))
			slowest = p;
	}
	return slowest;
}
