/* SPDX-License-Identifier: ISC */
#include "dm-store/redo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-store/store_log.h"

#define BEHIND_BYTES_MAX ((size_t)16 << 20)
#define BEHIND_ROWS_MAX 4096

struct redo_row {
	enum index_table table;
	uint64_t seq;
	bool is_place;
	bool is_kept;  /* what it replaced is in old/ */
	bool is_stuck; /* it cannot be synced: the next start does it again */
	uint8_t kept[32];
	uint8_t key[16];
	uint8_t version[32];
	char name[NAME_LEN_MAX + 1];
};

struct redo_list {
	struct redo_row *row;
	size_t n, cap;
	size_t bytes;
};

struct redo_list *
redo_new(void)
{
	return xcalloc(1, sizeof(struct redo_list));
}

void
redo_free(struct redo_list *r)
{
	if (r == NULL)
		return;
	free(r->row);
	free(r);
}

void
redo_add(struct store *s, const struct change *ch)
{
	struct redo_list *r = s->redo;
	struct redo_row *row;

	if (r->n == r->cap) {
		r->cap = r->cap != 0 ? 2 * r->cap : 16;
		r->row = xrealloc(r->row, r->cap, sizeof(*r->row));
	}
	row = &r->row[r->n++];
	row->table = ch->row;
	row->seq = ch->seq;
	row->is_place = ch->place;
	row->is_kept = ch->keep;
	row->is_stuck = false;
	memcpy(row->kept, ch->prev.sha256, sizeof(row->kept));
	memcpy(row->key, ch->key, sizeof(row->key));
	memcpy(row->version, ch->now.rank.version, sizeof(row->version));
	memcpy(row->name, ch->name, sizeof(row->name));
	r->bytes += ch->row_size;
}

bool
redo_has_any(const struct store *s)
{
	return s->redo->n > 0;
}

bool
redo_is_due(const struct store *s)
{
	return s->redo->bytes >= BEHIND_BYTES_MAX ||
	       s->redo->n >= BEHIND_ROWS_MAX;
}

/* A replaced version needs no sync: its successor has its own row. */
static void
sync_row(struct store *s, struct redo_row *row)
{
	struct winner w;
	bool is_current;

	if (row->table == INDEX_PENDING)
		return; /* was synced before it was answered */
	is_current =
	    row->is_place &&
	    table_winner(s->index, VIEW_COMMITTED, row->key, &w) == FOUND &&
	    memcmp(w.rank.version, row->version, 32) == 0;
	if (!is_current && row->is_place)
		return;
	if (files_sync(&s->files, row->name, is_current) == 0)
		return;
	row->is_stuck = true;
	store_log_unsynced(s, row->name, errno);
}

/* One by one. */
static void
sync_rows(struct store *s)
{
	struct redo_list *r = s->redo;
	bool has_kept = false;

	for (size_t i = 0; i < r->n; i++) {
		sync_row(s, &r->row[i]);
		/* it may not have been there long enough for a sync */
		if (r->row[i].is_kept)
			files_old_sync(&s->files, r->row[i].kept);
		has_kept |= r->row[i].is_kept;
	}
	if (has_kept)
		files_old_sync_names(&s->files);
}

static void
sync_list(struct store *s)
{
	if (s->redo->n < FILES_SYNC_ALL_MIN) {
		sync_rows(s);
		return;
	}
	if (files_sync_all(&s->files) == 0)
		return;
	if (errno != ENOSYS)
		files_sync_failed(&s->files, "files/", errno);
	sync_rows(s);
}

void
redo_clean(struct store *s)
{
	struct redo_list *r = s->redo;

	ipc_flush(s->net); /* this may take long */
	sync_list(s);
	index_begin(s->index);
	for (size_t i = 0; i < r->n; i++)
		if (!r->row[i].is_stuck)
			table_redo_delete(
			    s->index, r->row[i].table, r->row[i].seq);
	r->n = 0;
	r->bytes = 0;
}
