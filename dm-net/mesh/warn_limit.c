/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/warn_limit.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"

/* The warnings of a source in its own minute, which begins with its first
 * line. */
struct warned {
	bool is_used;
	struct warn_limit_source source;
	uint64_t since_ns;
	unsigned told;
	uint64_t untold;
};

struct warn_limit {
	struct warned entries[WARN_LIMIT_SOURCES_MAX];
	struct warned others;
	/* lines of all, besides first ones */
	uint64_t since_ns;
	unsigned told;
	uint64_t total;
};

struct warn_limit *
warn_limit_new(void)
{
	return xcalloc(1, sizeof(struct warn_limit));
}

void
warn_limit_free(struct warn_limit *b)
{
	free(b);
}

void
warn_limit_address(
    struct warn_limit_source *source, const struct netsource *address)
{
	memset(source, 0, sizeof(*source));
	source->address = *address;
}

void
warn_limit_peer(struct warn_limit_source *source, const struct peer_id *peer)
{
	memset(source, 0, sizeof(*source));
	source->is_peer = true;
	source->peer = *peer;
}

static bool
is_over(const struct warned *e, uint64_t now_ns)
{
	return now_ns - e->since_ns >= WARN_LIMIT_MINUTE_NS;
}

/* Its entry, or one that says nothing any more; NULL: the table is full. */
static struct warned *
entry_of(struct warn_limit *b, const struct warn_limit_source *source,
    uint64_t now_ns)
{
	struct warned *room = NULL;

	for (size_t i = 0; i < WARN_LIMIT_SOURCES_MAX; i++) {
		struct warned *e = &b->entries[i];

		if (e->is_used &&
		    memcmp(&e->source, source, sizeof(*source)) == 0)
			return e;
		if (!e->is_used || (is_over(e, now_ns) && e->untold == 0))
			room = e;
	}
	if (room != NULL)
		room->is_used = false;
	return room;
}

/* Within what all sources may say beyond their first lines? */
static bool
is_room(struct warn_limit *b, uint64_t now_ns)
{
	if (now_ns - b->since_ns >= WARN_LIMIT_MINUTE_NS) {
		b->since_ns = now_ns;
		b->told = 0;
	}
	return b->told++ < WARN_LIMIT_LINES;
}

static void
hold(struct warned *e, uint64_t now_ns)
{
	if (!e->is_used) {
		e->is_used = true;
		e->since_ns = now_ns;
	}
	e->untold++;
}

bool
warn_limit_tell(struct warn_limit *b, const struct warn_limit_source *source,
    uint64_t now_ns)
{
	struct warned *e = entry_of(b, source, now_ns);

	b->total++;
	if (e == NULL) {
		hold(&b->others, now_ns);
		return false;
	}
	if (!e->is_used || (is_over(e, now_ns) && e->untold == 0)) {
		*e = (struct warned){.is_used = true,
		    .source = *source,
		    .since_ns = now_ns,
		    .told = 1};
		return true;
	}
	if (!is_over(e, now_ns) && e->told < WARN_LIMIT_LINES_SOURCE &&
	    is_room(b, now_ns)) {
		e->told++;
		return true;
	}
	hold(e, now_ns);
	return false;
}

/* It is told of; its next minute begins when it is heard of again. */
static bool
take(struct warned *e, uint64_t now_ns, struct warn_limit_rest *out)
{
	if (!e->is_used || e->untold == 0 || !is_over(e, now_ns))
		return false;
	out->source = e->source;
	out->count = e->untold;
	e->is_used = false;
	e->untold = 0;
	return true;
}

bool
warn_limit_rest(
    struct warn_limit *b, uint64_t now_ns, struct warn_limit_rest *out)
{
	*out = (struct warn_limit_rest){.is_others = false};
	for (size_t i = 0; i < WARN_LIMIT_SOURCES_MAX; i++)
		if (take(&b->entries[i], now_ns, out))
			return true;
	out->is_others = true;
	return take(&b->others, now_ns, out);
}

const char *
warn_limit_whom(
    const struct warn_limit_rest *rest, char out[static WARN_LIMIT_TEXT_MAX])
{
	if (rest->is_others) {
		strcpy(out, "others");
	} else if (rest->source.is_peer) {
		strcpy(out, "peer=");
		peer_id_format(&rest->source.peer, out + strlen(out));
	} else {
		netsource_text(&rest->source.address, 64, out);
	}
	return out;
}

uint64_t
warn_limit_total(const struct warn_limit *b)
{
	return b->total;
}
