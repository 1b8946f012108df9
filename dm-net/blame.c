/* SPDX-License-Identifier: ISC */
#include "dm-net/blame.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

/* What a source did in a minute of its own, from its first line on. */
struct blamed {
	bool is_used;
	struct blame_source source;
	uint64_t since_ns;
	unsigned told;
	uint64_t untold;
};

struct blame {
	struct blamed entries[BLAME_SOURCES_MAX];
	struct blamed others;
	/* lines of all, besides first ones */
	uint64_t since_ns;
	unsigned told;
	uint64_t total;
};

struct blame *
blame_new(void)
{
	return xcalloc(1, sizeof(struct blame));
}

void
blame_free(struct blame *b)
{
	free(b);
}

void
blame_address(
    struct blame_source *source, const struct admission_source *address)
{
	memset(source, 0, sizeof(*source));
	source->address = *address;
}

void
blame_peer(struct blame_source *source, const struct peer_id *peer)
{
	memset(source, 0, sizeof(*source));
	source->is_peer = true;
	source->peer = *peer;
}

static bool
is_over(const struct blamed *e, uint64_t now_ns)
{
	return now_ns - e->since_ns >= BLAME_MINUTE_NS;
}

/* Its entry, or one that says nothing any more; NULL: the table is full. */
static struct blamed *
entry_of(struct blame *b, const struct blame_source *source, uint64_t now_ns)
{
	struct blamed *room = NULL;

	for (size_t i = 0; i < BLAME_SOURCES_MAX; i++) {
		struct blamed *e = &b->entries[i];

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
is_room(struct blame *b, uint64_t now_ns)
{
	if (now_ns - b->since_ns >= BLAME_MINUTE_NS) {
		b->since_ns = now_ns;
		b->told = 0;
	}
	return b->told++ < BLAME_LINES;
}

static void
hold(struct blamed *e, uint64_t now_ns)
{
	if (!e->is_used) {
		e->is_used = true;
		e->since_ns = now_ns;
	}
	e->untold++;
}

bool
blame_tell(struct blame *b, const struct blame_source *source, uint64_t now_ns)
{
	struct blamed *e = entry_of(b, source, now_ns);

	b->total++;
	if (e == NULL) {
		hold(&b->others, now_ns);
		return false;
	}
	if (!e->is_used || (is_over(e, now_ns) && e->untold == 0)) {
		*e = (struct blamed){.is_used = true,
		    .source = *source,
		    .since_ns = now_ns,
		    .told = 1};
		return true;
	}
	if (!is_over(e, now_ns) && e->told < BLAME_LINES_SOURCE &&
	    is_room(b, now_ns)) {
		e->told++;
		return true;
	}
	hold(e, now_ns);
	return false;
}

/* It is told of; its next minute begins when it is heard of again. */
static bool
take(struct blamed *e, uint64_t now_ns, struct blame_rest *out)
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
blame_rest(struct blame *b, uint64_t now_ns, struct blame_rest *out)
{
	*out = (struct blame_rest){.is_others = false};
	for (size_t i = 0; i < BLAME_SOURCES_MAX; i++)
		if (take(&b->entries[i], now_ns, out))
			return true;
	out->is_others = true;
	return take(&b->others, now_ns, out);
}

const char *
blame_whom(const struct blame_rest *rest, char out[static BLAME_TEXT_MAX])
{
	const uint8_t *source = rest->source.address.bytes;
	uint8_t ip6[16] = {0};

	if (rest->is_others) {
		strcpy(out, "others");
	} else if (rest->source.is_peer) {
		strcpy(out, "peer=");
		peer_id_format(&rest->source.peer, out + strlen(out));
	} else if (source[0] == 4) {
		inet_ntop(AF_INET, source + 1, out, BLAME_TEXT_MAX);
	} else {
		memcpy(ip6, source + 1, 8);
		inet_ntop(AF_INET6, ip6, out, INET6_ADDRSTRLEN);
		strcat(out, "/64");
	}
	return out;
}

uint64_t
blame_total(const struct blame *b)
{
	return b->total;
}
