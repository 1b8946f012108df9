/* SPDX-License-Identifier: ISC */
#include "dm-net/sync/replica.h"

#include <string.h>

#include "common/name.h"
#include "dm-net/sync/cache.h"
#include "dm-net/sync/offers.h"
#include "dm-net/sync/outgoing.h"
#include "dm-net/sync/session.h"
#include "dm-net/sync/walk.h"
#include "dm-net/sync/wanted.h"

void
replica_rank(const struct trie_row *row, struct entry_rank *rank)
{
	rank->signed_at_ns = row->signed_at_ns;
	rank->kind = row->is_delete ? ENTRY_DELETE : ENTRY_FILE;
	memcpy(rank->version, row->version, 32);
}

/* A replaced version is served for a minute more. */
static void
replaced_note(struct sync *s, const struct trie_row *row)
{
	struct replaced *r;

	if (row->is_delete)
		return;
	r = &s->replaced[s->replaced_next];
	s->replaced_next = (s->replaced_next + 1) % REPLACED_MAX;
	memcpy(r->key, row->key, 16);
	memcpy(r->version, row->version, 32);
	r->size = row->size;
	r->at_ns = s->now_ns;
}

/* False if what is there is as great or greater. */
static bool
replica_put(struct sync *s, const uint8_t *key, const struct entry_rank *rank,
    uint64_t size)
{
	const struct trie_row *held = trie_get(s->trie, key);
	struct trie_row row = {.signed_at_ns = rank->signed_at_ns,
	    .size = size & (UINT64_MAX >> 1),
	    .is_delete = rank->kind == ENTRY_DELETE};
	struct entry_rank held_rank;

	if (held != NULL) {
		replica_rank(held, &held_rank);
		if (entry_rank_compare(rank, &held_rank) <= 0)
			return false;
		replaced_note(s, held);
	}
	memcpy(row.key, key, 16);
	memcpy(row.version, rank->version, 32);
	trie_put(s->trie, &row);
	return true;
}

void
sync_index_begin(struct sync *s)
{
	trie_clear(s->trie);
	s->is_complete = false;
	for (size_t i = 0; i < CACHE_MAX; i++) {
		if (s->cache[i] != NULL)
			cache_drop(s, s->cache[i]->key);
	}
}

void
sync_index_row(struct sync *s, const uint8_t key[static 16],
    const struct entry_rank *rank, uint64_t size)
{
	replica_put(s, key, rank, size);
}

void
sync_index_complete(struct sync *s)
{
	s->is_complete = true;
	walk_all_soon(s);
	core_due_at(s, s->now_ns);
}

void
sync_store_lost(struct sync *s)
{
	s->is_complete = false;
	offers_lost(s);
	want_lost(s);
	outgoing_lost(s);
}

void
sync_store_entry(struct sync *s, const struct entry *e, bool is_origin,
    const uint8_t *content, size_t len)
{
	struct entry_rank rank;
	uint8_t key[16];

	entry_rank(e, &rank);
	name_key(e->name, key);
	if (!replica_put(s, key, &rank, e->size))
		return;
	want_prune(s, key);
	cache_put(s, e, key, is_origin ? content : NULL, len);
	outgoing_entry(s, cache_find(s, key));
	walk_after_change(s);
}

void
sync_store_retract(struct sync *s, const uint8_t key[static 16])
{
	trie_remove(s->trie, key);
	cache_drop(s, key);
	walk_after_change(s);
}

enum file_status
sync_serve(struct sync *s, const uint8_t key[static 16],
    const uint8_t version[static 32], uint64_t offset, uint64_t *size)
{
	const struct trie_row *row = trie_get(s->trie, key);
	bool found = row != NULL && !row->is_delete &&
		     memcmp(row->version, version, 32) == 0;

	if (found)
		*size = row->size;
	for (size_t i = 0; i < REPLACED_MAX && !found; i++) {
		const struct replaced *r = &s->replaced[i];

		if (r->at_ns == 0 || s->now_ns - r->at_ns > REPLACED_NS ||
		    memcmp(r->key, key, 16) != 0 ||
		    memcmp(r->version, version, 32) != 0)
			continue;
		*size = r->size;
		found = true;
	}
	if (!found)
		return FILE_GONE;
	if (offset > *size)
		return FILE_BAD_OFFSET;
	if (*size > SYNC_SMALL_MAX) {
		if (s->serving >= SERVE_LARGE_MAX)
			return FILE_BUSY;
		s->serving++;
	}
	return FILE_OK;
}

void
sync_serve_done(struct sync *s, uint64_t size)
{
	if (size > SYNC_SMALL_MAX && s->serving > 0)
		s->serving--;
}

void
sync_served(struct sync *s, uint64_t conn, const uint8_t key[static 16],
    const uint8_t version[static 32])
{
	struct session *c = session_find(s, conn);

	if (c != NULL)
		served_note(&c->served, core_hash_secret(s), key, version);
}

bool
sync_lookup(
    const struct sync *s, const uint8_t key[static 16], struct sync_row *out)
{
	const struct trie_row *row = trie_get(s->trie, key);

	if (row == NULL)
		return false;
	memcpy(out->key, key, 16);
	replica_rank(row, &out->rank);
	out->size = row->size;
	return true;
}

bool
sync_index_is_complete(const struct sync *s)
{
	return s->is_complete;
}

size_t
sync_index_count(const struct sync *s)
{
	return trie_count(s->trie);
}

size_t
sync_index_bytes(const struct sync *s)
{
	return trie_bytes(s->trie);
}
