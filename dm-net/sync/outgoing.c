/* SPDX-License-Identifier: ISC */
#include "dm-net/sync/outgoing.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/name.h"
#include "dm-net/sync/cache.h"
#include "dm-net/sync/session.h"
#include "dm-net/sync/walk.h"

/* --- entries at hand: the replica has rows only ----------------------- */

void
outgoing_free(struct sync *s)
{
	for (size_t i = 0; i < CACHE_MAX; i++) {
		if (s->cache[i] != NULL)
			cache_drop(s, s->cache[i]->key);
	}
}

/* --- reads ------------------------------------------------------------ */

static void
read_request(struct sync *s, const uint8_t *key)
{
	struct read *spare = NULL;

	for (size_t i = 0; i < READS_MAX; i++) {
		struct read *r = &s->reads[i];

		if (!r->is_used)
			spare = r;
		else if (memcmp(r->key, key, 16) == 0)
			return;
	}
	if (spare == NULL)
		return;
	spare->is_used = true;
	spare->id = core_id_next(s);
	memcpy(spare->key, key, 16);
	s->reading++;
	memcpy(core_act(s, SYNC_READ, spare->id)->key, key, 16);
}

/* To a peer that asked for a key: we do not have it. */
static void
note_missing(struct session *c, const uint8_t *key)
{
	if (c->missing_count == WIRE_KEYS_MAX)
		return;
	memcpy(c->missing + 16 * c->missing_count++, key, 16);
}

static void
unqueue(struct session *c, const uint8_t *key)
{
	struct keyq_item *it = keyq_find(&c->out, key);

	if (it == NULL)
		return;
	if (it->flags & KEYQ_WANTED)
		note_missing(c, key);
	keyq_remove(&c->out, key);
}

void
sync_read_done(struct sync *s, uint64_t id, const struct entry *e)
{
	struct read *r = NULL;
	uint8_t key[16];

	for (size_t i = 0; i < READS_MAX && r == NULL; i++) {
		if (s->reads[i].is_used && s->reads[i].id == id)
			r = &s->reads[i];
	}
	if (r == NULL)
		return;
	r->is_used = false;
	s->reading--;
	if (e != NULL) {
		name_key(e->name, key);
		cache_put(s, e, key, NULL, 0);
	}
	for (size_t i = 0; i < s->session_count; i++) {
		struct session *c = s->sessions[i];

		if (!session_is_live(c))
			continue;
		if (e == NULL)
			unqueue(c, r->key);
		if (c->out.count > 0 || c->missing_count > 0)
			session_want_write(s, c);
	}
}

void
outgoing_lost(struct sync *s)
{
	memset(s->reads, 0, sizeof(s->reads));
	s->reading = 0;
	for (size_t i = 0; i < s->session_count; i++)
		keyq_clear(&s->sessions[i]->out);
}

/* --- queues ----------------------------------------------------------- */

/* Too much for this peer: a walk takes the place of what it did not ask for. */
static void
out_overflow(struct sync *s, struct session *c)
{
	struct keyq_item *it = keyq_first(&c->out), *next;
	uint8_t key[16];

	s->stats.overflows++;
	for (; it != NULL; it = next) {
		next = keyq_next(&c->out, it);
		memcpy(key, it->key, 16);
		if ((it->flags & KEYQ_WANTED) == 0)
			keyq_remove(&c->out, key);
	}
	walk_soon(s, c, WALK_SOON_NS);
}

void
outgoing_to(
    struct sync *s, struct session *c, const uint8_t *key, unsigned flag)
{
	struct keyq_item *it = keyq_add(&c->out, key);

	if (it == NULL) {
		out_overflow(s, c);
		it = keyq_add(&c->out, key);
	}
	if (it == NULL)
		return;
	it->flags |= flag;
	session_want_write(s, c);
}

void
outgoing_entry(struct sync *s, const struct cached *e)
{
	for (size_t i = 0; i < s->session_count; i++) {
		struct session *c = s->sessions[i];

		if (session_is_live(c) && !session_has(c, e->key, &e->rank) &&
		    session_is_interested(c, e->entry.name))
			outgoing_to(s, c, e->key, 0);
	}
}

void
outgoing_want(struct sync *s, struct session *c, const struct wire_want *w)
{
	for (size_t i = 0; i < w->count; i++) {
		const uint8_t *key = w->keys + 16 * i;

		if (trie_get(s->trie, key) != NULL)
			outgoing_to(s, c, key, KEYQ_WANTED);
		else
			note_missing(c, key);
	}
	session_want_write(s, c);
}

/* --- one message ------------------------------------------------------ */

struct batch {
	const struct cached *entries[WIRE_ENTRIES_MAX];
	size_t count, bytes;
};

enum pick { PICK_TAKEN, PICK_DROP, PICK_WAIT, PICK_FULL };

static enum pick
batch_pick(struct sync *s, struct session *c, const struct keyq_item *it,
    struct batch *b, size_t size)
{
	const struct trie_row *row = trie_get(s->trie, it->key);
	const struct cached *e = cache_find(s, it->key);
	size_t bytes;

	if (row == NULL) {
		if (it->flags & KEYQ_WANTED)
			note_missing(c, it->key);
		return PICK_DROP;
	}
	if (e == NULL || memcmp(e->rank.version, row->version, 32) != 0) {
		read_request(s, it->key);
		return PICK_WAIT;
	}
	if (it->flags == 0 && session_has(c, it->key, &e->rank))
		return PICK_DROP;
	if ((it->flags & KEYQ_WANTED) == 0 &&
	    !session_is_interested(c, e->entry.name))
		return PICK_DROP;
	bytes = ENTRY_SIZE_MAX + e->content_len + 8;
	if (b->count == WIRE_ENTRIES_MAX || b->bytes + bytes > size)
		return PICK_FULL;
	b->entries[b->count++] = e;
	b->bytes += bytes;
	session_note_has(c, it->key, e->rank.signed_at_ns, e->rank.version);
	return PICK_TAKEN;
}

static void
batch_fill(struct sync *s, struct session *c, struct batch *b, size_t size)
{
	struct keyq_item *it = keyq_first(&c->out), *next;
	size_t waiting = 0;
	uint8_t key[16];

	for (; it != NULL && waiting < READS_MAX; it = next) {
		enum pick pick = batch_pick(s, c, it, b, size);

		if (pick == PICK_FULL)
			break;
		next = keyq_next(&c->out, it);
		if (pick == PICK_WAIT) {
			waiting++;
			continue;
		}
		memcpy(key, it->key, 16);
		keyq_remove(&c->out, key);
	}
}

size_t
outgoing_pull(struct sync *s, struct session *c, uint8_t *buf, size_t size)
{
	const size_t head = WIRE_KEYS_MAX * 16 + 64;
	struct batch b = {.count = 0};
	uint8_t encoded[ENTRY_SIZE_MAX];
	struct msgput m;

	if (size < head + 2 * ENTRY_SIZE_MAX + IPC_INLINE_MAX)
		return 0;
	size -= head;
	batch_fill(s, c, &b, size < ENTRIES_BYTES ? size : ENTRIES_BYTES);
	if (b.count == 0 && c->missing_count == 0)
		return 0;
	wire_begin(&m, buf, size + head);
	wire_put_entries(&m, b.count);
	for (size_t i = 0; i < b.count; i++) {
		const struct cached *e = b.entries[i];

		wire_put_item(&m, encoded, entry_encode(&e->entry, encoded),
		    e->content, e->content_len);
		if (e->content != NULL)
			served_note(&c->served, core_hash_secret(s), e->key,
			    e->rank.version);
	}
	wire_put_missing(&m, c->missing, c->missing_count);
	c->missing_count = 0;
	s->stats.entries_out += b.count;
	s->stats.messages_out[WIRE_ENTRIES]++;
	return wire_end(&m);
}
