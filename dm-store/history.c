/* SPDX-License-Identifier: ISC */
#include "dm-store/history.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/name.h"

#define BLOCK 4096u   /* a file takes whole blocks */
#define TRIM_MAX 4096 /* rows at a time */
#define RECENT_MAX 1024
/* The bytes that a minute may take beyond the budget. */
#define MINUTE_BYTES_MAX (UINT64_C(256) << 20)

struct recent_row {
	uint8_t key[16];
	uint8_t version[32];
	uint64_t until_ns; /* mono */
	struct entry entry;
};

struct recent {
	size_t next;
	size_t n;
	struct recent_row row[RECENT_MAX];
};

struct recent *
recent_new(void)
{
	return xcalloc(1, sizeof(struct recent));
}

void
recent_free(struct recent *r)
{
	free(r);
}

void
recent_add(struct store *s, const uint8_t key[static 16],
    const uint8_t version[static 32], const struct entry *e)
{
	struct recent *r = s->recent;
	struct recent_row *row = &r->row[r->next];

	r->next = (r->next + 1) % RECENT_MAX;
	if (r->n < RECENT_MAX)
		r->n++;
	memcpy(row->key, key, 16);
	memcpy(row->version, version, 32);
	row->until_ns = s->clock.mono_ns() + HISTORY_SERVED_NS;
	row->entry = *e;
}

const struct entry *
recent_find(const struct store *s, const uint8_t key[static 16],
    const uint8_t version[static 32])
{
	const struct recent *r = s->recent;
	uint64_t now = s->clock.mono_ns();

	for (size_t i = 0; i < r->n; i++) {
		const struct recent_row *row = &r->row[i];

		if (row->until_ns > now && memcmp(row->key, key, 16) == 0 &&
		    memcmp(row->version, version, 32) == 0)
			return &row->entry;
	}
	return NULL;
}

/* --- the budget --- */

static uint64_t
blocks(uint64_t size)
{
	return (size + BLOCK - 1) / BLOCK * BLOCK + BLOCK;
}

/* In the key of what is doomed is the second, not the nanosecond, of its
 * replacement: so it comes before all that is kept. */
#define DOOMED_BEFORE (UINT64_C(1) << 40)

void
history_add(struct store *s, const struct entry *e)
{
	struct history h = {e->size, *e};
	uint64_t now_ns = clock_now_ns(&s->clock), when_ns;

	/* a clock at its beginning must not doom it */
	if (now_ns < DOOMED_BEFORE)
		now_ns = DOOMED_BEFORE;
	if (!table_old(s->index, VIEW_BATCH, e->sha256, &when_ns))
		s->stats.old_bytes += blocks(e->size);
	table_old_set(s->index, e->sha256, now_ns, &h);
}

struct doomed {
	const uint8_t *sha256;
	uint64_t when_ns;
	bool is_found;
	struct history h;
};

static bool
on_doomed(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct doomed *d = ctx;

	d->is_found = key_len == 40 && !is_damaged &&
		      row_get_u64(key) == d->when_ns &&
		      memcmp(key + 8, d->sha256, 32) == 0 &&
		      row_history_decode(&d->h, body.data, body.len);
	return false;
}

bool
history_find(struct store *s, const uint8_t sha256[static 32],
    uint64_t *when_ns, struct history *h)
{
	struct doomed d = {.sha256 = sha256};
	uint8_t key[40];

	if (!table_old(s->index, VIEW_BATCH, sha256, &d.when_ns))
		return false;
	row_put_u64(key, d.when_ns);
	memcpy(key + 8, sha256, 32);
	index_walk(s->index, VIEW_BATCH, INDEX_HISTORY, key, sizeof(key), 1,
	    on_doomed, &d);
	*when_ns = d.when_ns;
	*h = d.h;
	return d.is_found;
}

void
history_drop(struct store *s, const uint8_t sha256[static 32])
{
	uint64_t when_ns, bytes = 0;
	struct history h;

	if (history_find(s, sha256, &when_ns, &h))
		bytes = blocks(h.size);
	table_old_delete(s->index, sha256);
	index_delete(s->index, INDEX_OLD, sha256, 32); /* a damaged one, too */
	s->stats.old_bytes -=
	    bytes < s->stats.old_bytes ? bytes : s->stats.old_bytes;
}

void
history_doom(struct store *s, const struct entry *e)
{
	struct history h;
	struct record rec;
	uint64_t when_ns;

	if (!history_find(s, e->sha256, &when_ns, &h) ||
	    when_ns < DOOMED_BEFORE || entry_compare(&h.entry, e) != 0 ||
	    (table_record(s->index, VIEW_BATCH, e->name, e->signer, &rec) ==
		    FOUND &&
		entry_compare(&rec.entry, e) == 0))
		return;
	table_old_set(s->index, e->sha256, when_ns / NS_PER_S, &h);
	s->has_doomed = true;
}

int
history_open(struct store *s, const struct entry *e)
{
	return files_read_old(&s->files, e->sha256, e->size);
}

struct oldest {
	struct store *s;
	bool is_steady; /* the clock */
	uint64_t now_ns;
	uint64_t over;	 /* bytes to get rid of */
	bool is_pressed; /* even what is young */
	bool has_more;	 /* that is doomed, for another time */
	size_t n;
	struct {
		uint8_t sha256[32];
		uint64_t bytes;
	} row[TRIM_MAX];
};

/* Content of a current version that the clock alone has hidden: if that clock
 * was wrong, it is all there is of it. */
static bool
is_hidden(struct store *s, const struct history *h)
{
	struct winner w;
	uint8_t key[16];

	name_key(h->entry.name, key);
	return table_winner(s->index, VIEW_BATCH, key, &w) == FOUND &&
	       w.state == WINNER_HIDDEN &&
	       memcmp(w.sha256, h->entry.sha256, 32) == 0;
}

static bool
on_oldest(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct oldest *o = ctx;
	struct history h;
	uint64_t when_ns, bytes = 0;
	bool is_doomed, is_sound;

	if (key_len != 40)
		return true;
	when_ns = row_get_u64(key);
	is_doomed = when_ns < DOOMED_BEFORE;
	if (is_doomed)
		when_ns *= NS_PER_S;
	if (!is_doomed && o->over == 0)
		return false;
	if (!o->is_pressed && when_ns <= o->now_ns &&
	    o->now_ns - when_ns < HISTORY_SERVED_NS) {
		o->has_more |= is_doomed;
		return is_doomed;
	}
	if (o->n == TRIM_MAX) {
		o->has_more = true;
		return false;
	}
	is_sound = !is_damaged && row_history_decode(&h, body.data, body.len);
	if (is_sound && !is_doomed && !o->is_steady && is_hidden(o->s, &h))
		return true;
	if (is_sound)
		bytes = blocks(h.size);
	memcpy(o->row[o->n].sha256, key + 8, 32);
	o->row[o->n++].bytes = bytes;
	o->over -= bytes < o->over ? bytes : o->over;
	return true;
}

static void
trim_rows(struct store *s, const struct oldest *o)
{
	for (size_t i = 0; i < o->n; i++) {
		/* the file first: a row without a file does no harm */
		files_old_remove(&s->files, o->row[i].sha256);
		table_old_delete(s->index, o->row[i].sha256);
		s->stats.old_bytes -= o->row[i].bytes < s->stats.old_bytes
					  ? o->row[i].bytes
					  : s->stats.old_bytes;
	}
}

bool
history_trim(struct store *s)
{
	uint64_t budget = s->policy != NULL ? s->policy->history_size : 0;
	struct oldest *o;
	bool is_any;

	if (s->policy == NULL || index_is_read_only(s->index) ||
	    (s->stats.old_bytes <= budget && !s->has_doomed))
		return false;
	o = xcalloc(1, sizeof(*o));
	o->s = s;
	o->is_steady = clock_is_steady(&s->clock);
	o->now_ns = clock_now_ns(&s->clock);
	if (s->stats.old_bytes > budget)
		o->over = s->stats.old_bytes - budget;
	o->is_pressed = o->over > MINUTE_BYTES_MAX;
	/* within a walk only a batch can be asked */
	if (!o->is_steady)
		index_begin(s->index);
	index_walk(s->index, VIEW_BATCH, INDEX_HISTORY, NULL, 0, 2 * TRIM_MAX,
	    on_oldest, o);
	s->has_doomed = o->has_more;
	is_any = o->n > 0 || !o->is_steady;
	if (o->n > 0) {
		index_begin(s->index);
		trim_rows(s, o);
	}
	free(o);
	return is_any;
}

static bool
on_sum(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	uint64_t *sum = ctx;
	struct history h;

	if (!is_damaged && row_history_decode(&h, body.data, body.len))
		*sum += blocks(h.size);
	return true;
}

void
history_load(struct store *s)
{
	s->stats.old_bytes = 0;
	s->has_doomed = true; /* for all that is known */
	index_walk(s->index, VIEW_COMMITTED, INDEX_HISTORY, NULL, 0, SIZE_MAX,
	    on_sum, &s->stats.old_bytes);
}
