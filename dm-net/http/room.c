/* SPDX-License-Identifier: ISC */
#include "dm-net/http/room.h"

#include "common/clock.h"
#include "dm-net/http/conn_io.h"
#include "dm-net/http/connection.h"
#include "dm-net/http/server.h"

/* A request may take so long before its speed is looked at. */
#define FAIR_NS NS_PER_S

/* The order in which connections go: the first member that differs decides, the
 * lower value goes. */
struct merit {
	enum http_standing standing;
	bool is_young;	 /* a request that had no fair time yet */
	uint64_t speed;	 /* of another: bytes a second */
	uint64_t age_ns; /* the higher value goes */
};

static struct merit
merit_of(const struct http_conn *c, uint64_t now_ns)
{
	struct merit m = {
	    .standing = http_conn_standing(c), .age_ns = now_ns - c->begun_ns};

	if (m.standing != HTTP_STANDING_REQUEST)
		return m;
	m.is_young = m.age_ns < FAIR_NS;
	if (!m.is_young)
		m.speed = c->moved / (m.age_ns / NS_PER_S);
	return m;
}

static bool
is_worse(const struct merit *a, const struct merit *b)
{
	if (a->standing != b->standing)
		return a->standing < b->standing;
	if (a->is_young != b->is_young)
		return b->is_young;
	if (a->speed != b->speed)
		return a->speed < b->speed;
	return a->age_ns > b->age_ns;
}

/* The worst connection of the source; of NULL, of those that are idle or the
 * source that has most. */
static struct http_conn *
worst(struct http_server *s, const struct http_source *source)
{
	uint64_t now_ns = clock_mono_ns();
	struct http_conn *c, *found = NULL;
	struct merit best, m;
	bool is_idle;

	TAILQ_FOREACH(c, &s->conns, all) {
		if (source != NULL && c->source != source)
			continue;
		m = merit_of(c, now_ns);
		is_idle = m.standing == HTTP_STANDING_IDLE;
		if (found != NULL &&
		    is_idle == (best.standing == HTTP_STANDING_IDLE) &&
		    c->source->n_conns != found->source->n_conns) {
			if (c->source->n_conns < found->source->n_conns)
				continue;
		} else if (found != NULL && !is_worse(&m, &best)) {
			continue;
		}
		found = c;
		best = m;
	}
	return found;
}

static void
drop(struct http_conn *c, uint64_t *counter)
{
	/* to be closed between requests is everyday life */
	if (http_conn_standing(c) != HTTP_STANDING_IDLE)
		++*counter;
	http_conn_close(c);
}

void
http_room_make(struct http_server *s, const struct netsource *id)
{
	const struct http_source *source = http_source_find(&s->sources, id);

	if (source != NULL && source->n_conns >= HTTP_PER_ADDRESS_MAX)
		drop(worst(s, source), &s->count.dropped_per_address);
	else if (s->n_conns >= s->backend.connections_max)
		drop(worst(s, NULL), &s->count.dropped_full);
}
