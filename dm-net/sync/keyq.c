/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-net/sync/keyq.h"

void
keyq_init(struct keyq *q, uint32_t max,
    const uint8_t secret[static SIPHASH_SECRET_BYTES])
{
	*q = (struct keyq){.max = max, .secret = secret};
}

void
keyq_clear(struct keyq *q)
{
	free(q->items);
	free(q->buckets);
	keyq_init(q, q->max, q->secret);
}

size_t
keyq_bytes(const struct keyq *q)
{
	return q->room * (sizeof(*q->items) + sizeof(*q->buckets));
}

/* Keys are hashes, but a peer can say any 16 bytes. */
static uint32_t *
bucket_of(const struct keyq *q, const uint8_t *key)
{
	return &q->buckets[siphash(q->secret, key, 16) & (q->room - 1)];
}

static void
chain_in(struct keyq *q, uint32_t i)
{
	uint32_t *b = bucket_of(q, q->items[i].key);

	q->items[i].chain = *b;
	*b = i;
}

static void
chain_out(struct keyq *q, uint32_t i)
{
	uint32_t *at = bucket_of(q, q->items[i].key);

	while (*at != i)
		at = &q->items[*at].chain;
	*at = q->items[i].chain;
}

static void
order_in(struct keyq *q, uint32_t i)
{
	q->items[i].next = 0;
	q->items[i].prev = q->last;
	if (q->last != 0)
		q->items[q->last].next = i;
	else
		q->first = i;
	q->last = i;
}

static void
order_out(struct keyq *q, uint32_t i)
{
	struct keyq_item *it = &q->items[i];

	if (it->prev != 0)
		q->items[it->prev].next = it->next;
	else
		q->first = it->next;
	if (it->next != 0)
		q->items[it->next].prev = it->prev;
	else
		q->last = it->prev;
}

static void
keyq_grow(struct keyq *q)
{
	uint32_t old = q->room, room = old == 0 ? 16 : old * 2;

	q->items = xrealloc(q->items, room, sizeof(*q->items));
	memset(q->items + old, 0, (room - old) * sizeof(*q->items));
	free(q->buckets);
	q->buckets = xcalloc(room, sizeof(*q->buckets));
	q->room = room;
	for (uint32_t i = q->first; i != 0; i = q->items[i].next)
		chain_in(q, i);
	for (uint32_t i = old == 0 ? 1 : old; i < room; i++) {
		q->items[i].next = q->spare;
		q->spare = i;
	}
}

struct keyq_item *
keyq_find(const struct keyq *q, const uint8_t key[static 16])
{
	if (q->count == 0)
		return NULL;
	for (uint32_t i = *bucket_of(q, key); i != 0; i = q->items[i].chain) {
		if (memcmp(q->items[i].key, key, 16) == 0)
			return &q->items[i];
	}
	return NULL;
}

struct keyq_item *
keyq_add(struct keyq *q, const uint8_t key[static 16])
{
	struct keyq_item *it = keyq_find(q, key);
	uint32_t i;

	if (it != NULL)
		return it;
	if (q->count >= q->max)
		return NULL;
	if (q->spare == 0)
		keyq_grow(q);
	i = q->spare;
	it = &q->items[i];
	q->spare = it->next;
	memset(it, 0, sizeof(*it));
	memcpy(it->key, key, 16);
	chain_in(q, i);
	order_in(q, i);
	q->count++;
	return it;
}

struct keyq_item *
keyq_first(const struct keyq *q)
{
	return q->first == 0 ? NULL : &q->items[q->first];
}

struct keyq_item *
keyq_next(const struct keyq *q, const struct keyq_item *it)
{
	return it->next == 0 ? NULL : &q->items[it->next];
}

bool
keyq_remove(struct keyq *q, const uint8_t key[static 16])
{
	struct keyq_item *it = keyq_find(q, key);
	uint32_t i;

	if (it == NULL)
		return false;
	i = (uint32_t)(it - q->items);
	chain_out(q, i);
	order_out(q, i);
	if (--q->count == 0) {
		keyq_clear(q);
		return true;
	}
	it->next = q->spare;
	q->spare = i;
	return true;
}

void
keyq_rotate(struct keyq *q, struct keyq_item *it)
{
	uint32_t i = (uint32_t)(it - q->items);

	order_out(q, i);
	order_in(q, i);
}
