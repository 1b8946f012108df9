/* SPDX-License-Identifier: ISC */
#include "dm-store/table.h"

#include <string.h>

#include "common/log.h"

/* --- winners ---------------------------------------------------------- */

enum index_found
table_winner(struct index *ix, enum index_view view,
    const uint8_t key[static 16], struct winner *w)
{
	uint8_t body[ROW_SMALL_MAX];
	enum index_found found;
	size_t len;

	found = index_get(
	    ix, view, INDEX_WINNERS, key, 16, body, sizeof(body), &len);
	if (found == FOUND && !row_winner_decode(w, body, len))
		found = FOUND_DAMAGED;
	return found;
}

static void
table_expiry_key(uint64_t expires_ns, const uint8_t key[static 16],
    uint8_t out[static EXPIRY_KEY_SIZE])
{
	row_put_u64(out, expires_ns);
	memcpy(out + 8, key, 16);
}

static void
derived_delete(struct index *ix, const char *name, const uint8_t key[static 16],
    const struct winner *w)
{
	uint8_t expiry[EXPIRY_KEY_SIZE];

	if (w == NULL || w->state == WINNER_SHOWN)
		index_delete(ix, INDEX_VISIBLE, name, strlen(name));
	if (w == NULL || w->state == WINNER_WANTED)
		index_delete(ix, INDEX_WANTED, key, 16);
	if (w != NULL && w->expires_ns != 0) {
		table_expiry_key(w->expires_ns, key, expiry);
		index_delete(ix, INDEX_EXPIRY, expiry, sizeof(expiry));
	}
}

static void
derived_put(struct index *ix, const char *name, const uint8_t key[static 16],
    const struct winner *w)
{
	uint8_t expiry[EXPIRY_KEY_SIZE];

	if (w->state == WINNER_SHOWN)
		index_put(ix, INDEX_VISIBLE, name, strlen(name), w->signer,
		    sizeof(w->signer));
	if (w->state == WINNER_WANTED)
		index_put(ix, INDEX_WANTED, key, 16, NULL, 0);
	if (w->expires_ns != 0) {
		table_expiry_key(w->expires_ns, key, expiry);
		index_put(ix, INDEX_EXPIRY, expiry, sizeof(expiry), NULL, 0);
	}
}

void
table_winner_set(struct index *ix, const char *name,
    const uint8_t key[static 16], const struct winner *prev,
    const struct winner *now)
{
	uint8_t body[ROW_SMALL_MAX];

	derived_delete(ix, name, key, prev);
	if (now == NULL) {
		index_delete(ix, INDEX_WINNERS, key, 16);
		return;
	}
	derived_put(ix, name, key, now);
	index_put(
	    ix, INDEX_WINNERS, key, 16, body, row_winner_encode(now, body));
}

bool
table_wanted_mend(
    struct index *ix, const uint8_t key[static 16], const struct winner *w)
{
	uint8_t body[ROW_SMALL_MAX];
	size_t len;

	if (w->state != WINNER_WANTED ||
	    index_get(ix, VIEW_BATCH, INDEX_WANTED, key, 16, body, sizeof(body),
		&len) == FOUND)
		return false;
	index_begin(ix);
	derived_put(ix, w->name, key, w);
	return true;
}

/* --- records ---------------------------------------------------------- */

enum index_found
table_record(struct index *ix, enum index_view view, const char *name,
    const uint8_t signer[static 32], struct record *rec)
{
	uint8_t key[RECORD_KEY_MAX], body[ROW_SMALL_MAX];
	size_t key_len = row_record_key(name, signer, key), len;
	enum index_found found;

	found = index_get(
	    ix, view, INDEX_RECORDS, key, key_len, body, sizeof(body), &len);
	/* a sound row under its key, but what is in it must say the same */
	if (found == FOUND && (!row_record_decode(rec, body, len) ||
				  strcmp(rec->entry.name, name) != 0 ||
				  memcmp(rec->entry.signer, signer, 32) != 0))
		found = FOUND_DAMAGED;
	return found;
}

uint64_t
table_signer_count(
    struct index *ix, enum index_view view, const uint8_t signer[static 32])
{
	uint8_t body[16];
	size_t len;

	if (index_get(ix, view, INDEX_SIGNERS, signer, 32, body, sizeof(body),
		&len) != FOUND ||
	    len != 8)
		return 0;
	return row_get_u64(body);
}

static void
signer_count(struct index *ix, const uint8_t signer[static 32], bool up)
{
	uint64_t n = table_signer_count(ix, VIEW_BATCH, signer);
	uint8_t body[8];

	if (up)
		n++;
	else if (n > 0)
		n--;
	row_put_u64(body, n);
	if (n > 0)
		index_put(ix, INDEX_SIGNERS, signer, 32, body, sizeof(body));
	else
		index_delete(ix, INDEX_SIGNERS, signer, 32);
}

static bool
has_record(struct index *ix, const uint8_t *key, size_t key_len)
{
	uint8_t body[ROW_SMALL_MAX];
	size_t len;

	return index_get(ix, VIEW_BATCH, INDEX_RECORDS, key, key_len, body,
		   sizeof(body), &len) != FOUND_NONE;
}

static bool
is_dormant(struct index *ix, const uint8_t *key, size_t key_len)
{
	uint8_t body[16];
	size_t len;

	return index_get(ix, VIEW_BATCH, INDEX_DORMANT, key, key_len, body,
		   sizeof(body), &len) != FOUND_NONE;
}

void
table_dormant_set(struct index *ix, const char *name,
    const uint8_t signer[static 32], uint64_t since_ns)
{
	uint8_t key[RECORD_KEY_MAX], body[8];
	size_t key_len = row_record_key(name, signer, key);

	if (!has_record(ix, key, key_len) || is_dormant(ix, key, key_len))
		return;
	row_put_u64(body, since_ns);
	index_put(ix, INDEX_DORMANT, key, key_len, body, sizeof(body));
	signer_count(ix, signer, false);
}

void
table_dormant_clear(
    struct index *ix, const char *name, const uint8_t signer[static 32])
{
	uint8_t key[RECORD_KEY_MAX];
	size_t key_len = row_record_key(name, signer, key);

	if (!is_dormant(ix, key, key_len))
		return;
	index_delete(ix, INDEX_DORMANT, key, key_len);
	signer_count(ix, signer, true);
}

void
table_record_set(struct index *ix, const struct record *rec)
{
	uint8_t key[RECORD_KEY_MAX], body[ROW_SMALL_MAX];
	size_t key_len =
	    row_record_key(rec->entry.name, rec->entry.signer, key);

	if (!has_record(ix, key, key_len))
		signer_count(ix, rec->entry.signer, true);
	else
		table_dormant_clear(ix, rec->entry.name, rec->entry.signer);
	index_put(ix, INDEX_RECORDS, key, key_len, body,
	    row_record_encode(rec, body));
}

void
table_record_delete(
    struct index *ix, const char *name, const uint8_t signer[static 32])
{
	uint8_t key[RECORD_KEY_MAX];
	size_t key_len = row_record_key(name, signer, key);

	if (!has_record(ix, key, key_len))
		return;
	if (is_dormant(ix, key, key_len))
		index_delete(ix, INDEX_DORMANT, key, key_len);
	else
		signer_count(ix, signer, false);
	index_delete(ix, INDEX_RECORDS, key, key_len);
}

/* --- redo ------------------------------------------------------------- */

void
table_redo_set(
    struct index *ix, enum index_table t, uint64_t seq, const struct redo *redo)
{
	uint8_t key[8], body[ROW_BODY_MAX];

	row_put_u64(key, seq);
	index_put(ix, t, key, sizeof(key), body, row_redo_encode(redo, body));
}

void
table_redo_delete(struct index *ix, enum index_table t, uint64_t seq)
{
	uint8_t key[8];

	row_put_u64(key, seq);
	index_delete(ix, t, key, sizeof(key));
}

enum index_found
table_redo(struct index *ix, enum index_table t, uint64_t seq,
    struct redo *redo, uint8_t *buf)
{
	enum index_found found;
	uint8_t key[8];
	size_t len;

	row_put_u64(key, seq);
	found = index_get(
	    ix, VIEW_COMMITTED, t, key, sizeof(key), buf, ROW_BODY_MAX, &len);
	if (found == FOUND && !row_redo_decode(redo, buf, len))
		found = FOUND_DAMAGED;
	return found;
}

uint64_t
table_redo_last(struct index *ix)
{
	static const enum index_table tables[] = {INDEX_REDO, INDEX_PENDING};
	uint64_t last = 0;
	uint8_t key[8];

	for (size_t i = 0; i < 2; i++) {
		if (index_last(ix, VIEW_BATCH, tables[i], key, 8) == 8 &&
		    row_get_u64(key) > last)
			last = row_get_u64(key);
	}
	return last;
}

/* --- old content ------------------------------------------------------ */

bool
table_old(struct index *ix, enum index_view view,
    const uint8_t sha256[static 32], uint64_t *when_ns)
{
	uint8_t body[16];
	size_t len;

	if (index_get(ix, view, INDEX_OLD, sha256, 32, body, sizeof(body),
		&len) != FOUND ||
	    len != 8)
		return false;
	*when_ns = row_get_u64(body);
	return true;
}

static void
history_key(
    uint64_t when_ns, const uint8_t sha256[static 32], uint8_t key[static 40])
{
	row_put_u64(key, when_ns);
	memcpy(key + 8, sha256, 32);
}

void
table_old_delete(struct index *ix, const uint8_t sha256[static 32])
{
	uint64_t when_ns;
	uint8_t key[40];

	if (!table_old(ix, VIEW_BATCH, sha256, &when_ns))
		return;
	history_key(when_ns, sha256, key);
	index_delete(ix, INDEX_HISTORY, key, sizeof(key));
	index_delete(ix, INDEX_OLD, sha256, 32);
}

void
table_old_set(struct index *ix, const uint8_t sha256[static 32],
    uint64_t when_ns, const struct history *h)
{
	uint8_t key[40], body[ROW_SMALL_MAX], when[8];

	table_old_delete(ix, sha256);
	history_key(when_ns, sha256, key);
	index_put(ix, INDEX_HISTORY, key, sizeof(key), body,
	    row_history_encode(h, body));
	row_put_u64(when, when_ns);
	index_put(ix, INDEX_OLD, sha256, 32, when, sizeof(when));
}

/* --- meta --- */

bool
table_meta(struct index *ix, const char *name, void *value, size_t len)
{
	uint8_t body[64];
	size_t got;

	if (len > sizeof(body) ||
	    index_get(ix, VIEW_BATCH, INDEX_META, name, strlen(name), body,
		sizeof(body), &got) != FOUND ||
	    got != len)
		return false;
	memcpy(value, body, len);
	return true;
}

void
table_meta_set(
    struct index *ix, const char *name, const void *value, size_t len)
{
	index_put(ix, INDEX_META, name, strlen(name), value, len);
}

size_t
table_walk_after(struct index *ix, enum index_view view, enum index_table t,
    const void *last, size_t last_len, size_t limit, index_row_fn *fn,
    void *ctx)
{
	/* a zero byte after a key: the least that is greater */
	uint8_t from[RECORD_KEY_MAX + 1] = {0};

	if (last_len > RECORD_KEY_MAX)
		fatal("a key of %zu bytes", last_len);
	memcpy(from, last, last_len);
	return index_walk(
	    ix, view, t, from, last_len > 0 ? last_len + 1 : 0, limit, fn, ctx);
}

static bool
on_key(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct table_keys *k = ctx;

	if (key_len == 16)
		memcpy(k->key[k->n++], key, 16);
	return true;
}

void
table_keys_after(struct index *ix, enum index_view view, enum index_table t,
    const uint8_t *last, size_t limit, struct table_keys *k)
{
	k->n = 0;
	table_walk_after(ix, view, t, last != NULL ? last : k->key[0],
	    last != NULL ? 16 : 0,
	    limit < TABLE_KEYS_MAX ? limit : TABLE_KEYS_MAX, on_key, k);
}
