/* SPDX-License-Identifier: ISC */
#include "dm-net/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

/* All that comes from one place. */
struct memory_source {
	LIST_ENTRY(memory_source) next;
	LIST_HEAD(, memory_holder) holders;
	struct netsource where;
};

struct memory {
	LIST_HEAD(, memory_source) sources;
	memory_drop_fn *drop;
	size_t bytes_max;
	size_t bytes;
	size_t leaving; /* of those who were dropped and are not gone yet */
	uint64_t dropped;
};

struct memory *
memory_new(size_t bytes_max, memory_drop_fn *drop)
{
	struct memory *m = xcalloc(1, sizeof(*m));

	LIST_INIT(&m->sources);
	m->bytes_max = bytes_max;
	m->drop = drop;
	return m;
}

void
memory_free(struct memory *m)
{
	assert(m == NULL || LIST_EMPTY(&m->sources));
	free(m);
}

/* --- holders and sources ---------------------------------------------- */

static struct memory_source *
source_find(struct memory *m, const struct netsource *where)
{
	struct memory_source *s;

	LIST_FOREACH(s, &m->sources, next)
		if (memcmp(&s->where, where, sizeof(*where)) == 0)
			return s;
	s = xcalloc(1, sizeof(*s));
	s->where = *where;
	LIST_INIT(&s->holders);
	LIST_INSERT_HEAD(&m->sources, s, next);
	return s;
}

static void
holder_link(struct memory_holder *h, struct memory_source *s)
{
	h->source = s;
	LIST_INSERT_HEAD(&s->holders, h, next);
}

static void
holder_unlink(struct memory_holder *h)
{
	struct memory_source *s = h->source;

	LIST_REMOVE(h, next);
	if (!LIST_EMPTY(&s->holders))
		return;
	LIST_REMOVE(s, next);
	free(s);
}

void
memory_join(
    struct memory *m, struct memory_holder *h, const struct netsource *where)
{
	*h = (struct memory_holder){.account = m};
	holder_link(h, source_find(m, where));
}

void
memory_move(
    struct memory_holder *h, const struct netsource *where, bool is_trusted)
{
	struct memory_source *to = source_find(h->account, where);

	h->is_trusted = is_trusted;
	if (to == h->source)
		return;
	holder_unlink(h);
	holder_link(h, to);
}

void
memory_leave(struct memory_holder *h)
{
	if (h->account == NULL)
		return;
	memory_give(h, h->bytes);
	holder_unlink(h);
	*h = (struct memory_holder){0};
}

/* --- who has to go ---------------------------------------------------- */

/* What a source's holders of that trust hold that were not dropped yet. */
static size_t
source_weight(const struct memory_source *s, bool is_trusted)
{
	const struct memory_holder *h;
	size_t n = 0;

	LIST_FOREACH(h, &s->holders, next)
		if (!h->is_dropped && h->is_trusted == is_trusted)
			n += h->bytes;
	return n;
}

static struct memory_holder *
source_greediest(struct memory_source *s, bool is_trusted)
{
	struct memory_holder *h, *most = NULL;

	LIST_FOREACH(h, &s->holders, next)
		if (!h->is_dropped && h->is_trusted == is_trusted &&
		    (most == NULL || h->bytes > most->bytes))
			most = h;
	return most;
}

/* NULL: nobody of that trust holds anything. */
static struct memory_holder *
greediest_of(struct memory *m, bool is_trusted)
{
	struct memory_source *s, *most = NULL;
	size_t n, most_bytes = 0;

	LIST_FOREACH(s, &m->sources, next) {
		n = source_weight(s, is_trusted);
		if (n > most_bytes) {
			most_bytes = n;
			most = s;
		}
	}
	return most != NULL ? source_greediest(most, is_trusted) : NULL;
}

static struct memory_holder *
greediest(struct memory *m)
{
	struct memory_holder *h = greediest_of(m, false);

	return h != NULL ? h : greediest_of(m, true);
}

static void
drop(struct memory *m, struct memory_holder *h)
{
	h->is_dropped = true;
	m->leaving += h->bytes;
	m->dropped++;
	m->drop(h);
}

static bool
has_room(const struct memory *m, size_t bytes)
{
	size_t staying = m->bytes - m->leaving;

	return bytes <= m->bytes_max && staying <= m->bytes_max - bytes;
}

/* With so many bytes more, h would hold less than who holds most. */
static bool
is_modest(const struct memory_holder *h, const struct memory_holder *most,
    size_t bytes)
{
	bool t = most->is_trusted;

	if (h->is_trusted != t)
		return h->is_trusted;
	if (h->source == most->source)
		return h->bytes + bytes < most->bytes;
	return source_weight(h->source, t) + bytes <
	       source_weight(most->source, t);
}

/* --- charging --------------------------------------------------------- */

static void
charge(struct memory_holder *h, size_t bytes)
{
	struct memory *m = h->account;

	h->bytes += bytes;
	m->bytes += bytes;
	if (h->is_dropped)
		m->leaving += bytes;
}

bool
memory_take(struct memory_holder *h, size_t bytes)
{
	struct memory *m = h->account;
	struct memory_holder *most;

	if (m == NULL)
		return true;
	if (h->is_dropped)
		return false;
	while (!has_room(m, bytes)) {
		most = greediest(m);
		if (most == NULL || !is_modest(h, most, bytes))
			return false;
		drop(m, most);
	}
	if (m->bytes + bytes > m->bytes_max)
		return false; /* once those who were dropped are gone */
	charge(h, bytes);
	return true;
}

void
memory_add(struct memory_holder *h, size_t bytes)
{
	struct memory *m = h->account;
	struct memory_holder *most;

	if (m == NULL)
		return;
	charge(h, bytes);
	while (!has_room(m, 0)) {
		most = greediest(m);
		if (most == NULL)
			return;
		drop(m, most);
	}
}

void
memory_give(struct memory_holder *h, size_t bytes)
{
	struct memory *m = h->account;

	if (m == NULL)
		return;
	assert(bytes <= h->bytes);
	h->bytes -= bytes;
	m->bytes -= bytes;
	if (h->is_dropped)
		m->leaving -= bytes;
}

size_t
memory_bytes(const struct memory *m)
{
	return m->bytes;
}

uint64_t
memory_dropped(const struct memory *m)
{
	return m->dropped;
}
