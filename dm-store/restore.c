/* SPDX-License-Identifier: ISC */
#include "dm-store/restore.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xevent.h"
#include "dm-store/commit.h"
#include "dm-store/hashing.h"
#include "dm-store/history.h"
#include "dm-store/loop.h"
#include "dm-store/quarantine.h"

#define READ_BYTES ((size_t)1 << 20) /* hashed a turn */

struct restore {
	struct event *turn;
	bool has_key;
	uint8_t key[16];     /* the last one, or the one that is read */
	struct hashing file; /* of old/ */
	struct entry entry;  /* whose content that is */
	uint8_t version[32];
	uint64_t when_ns; /* of its row */
};

/* --- what is wanted ------------------------------------------------------- */

/* Its winner, if that has no content. */
static bool
find_wanted(struct store *s, const uint8_t key[static 16], struct winner *w)
{
	return table_winner(s->index, VIEW_BATCH, key, w) == FOUND &&
	       w->state == WINNER_WANTED;
}

/* Hashes what old/ has of it, if it has it. */
static void
begin(struct store *s, const struct winner *w)
{
	struct restore *k = s->seek;
	struct record rec;
	int fd;

	if (!table_old(s->index, VIEW_BATCH, w->sha256, &k->when_ns) ||
	    table_record(s->index, VIEW_BATCH, w->name, w->signer, &rec) !=
		FOUND)
		return;
	fd = files_read_old(&s->files, w->sha256, w->size);
	if (fd == -1)
		return; /* the scrub says why */
	k->entry = rec.entry;
	memcpy(k->version, w->rank.version, sizeof(k->version));
	hashing_begin(&k->file, fd);
}

/* A row of the table that no winner has put there: its key has rotted. It
 * would be counted as wanted for good. */
static void
drop_astray(struct store *s, const uint8_t key[static 16])
{
	index_begin(s->index);
	index_delete(s->index, INDEX_WANTED, key, 16);
	commit_schedule(s);
	s->stats.is_changed = true;
}

static void
look_at(struct store *s, const uint8_t key[static 16])
{
	struct winner w;
	enum index_found found = table_winner(s->index, VIEW_BATCH, key, &w);

	if (found == FOUND && w.state == WINNER_WANTED)
		begin(s, &w);
	else if (found != FOUND_DAMAGED)
		drop_astray(s, key);
}

static void
look(struct store *s)
{
	struct restore *k = s->seek;
	struct table_keys keys;

	table_keys_after(s->index, VIEW_BATCH, INDEX_WANTED,
	    k->has_key ? k->key : NULL, TABLE_KEYS_MAX, &keys);
	for (size_t i = 0; i < keys.n && k->file.fd == -1; i++) {
		memcpy(k->key, keys.key[i], 16);
		look_at(s, k->key);
	}
	k->has_key = keys.n > 0;
	if (!k->has_key)
		restore_passed(s);
}

/* --- content -------------------------------------------------------------- */

/* Nothing counts on it any more; peers may have it. */
static void
drop_damaged(struct store *s, const struct entry *e)
{
	log_error("index/old/: the kept version of %s that is wanted again "
		  "does not match its signed hash: moved to quarantine/",
	    e->name);
	quarantine_old(&s->files, e->sha256);
	index_begin(s->index);
	history_drop(s, e->sha256);
	commit_schedule(s);
	s->stats.damaged++;
	s->stats.is_changed = true;
}

/* The winner or what is in old/ may be another one meanwhile. */
static void
end(struct store *s)
{
	const struct stage stage = {.is_synced = true};
	struct restore *k = s->seek;
	struct winner w;
	uint8_t sha256[32];
	uint64_t when_ns;

	hashing_end(&k->file, sha256);
	if (!find_wanted(s, k->key, &w) ||
	    memcmp(w.rank.version, k->version, sizeof(k->version)) != 0 ||
	    !table_old(s->index, VIEW_BATCH, w.sha256, &when_ns) ||
	    when_ns != k->when_ns)
		return;
	if (k->file.got != w.size || memcmp(sha256, w.sha256, 32) != 0)
		drop_damaged(s, &k->entry);
	else if (files_stage_link(
		     &s->files, k->version, NULL, w.sha256, w.size) == -1)
		log_warn("index/old/: cannot use the kept version of %s that "
			 "is wanted again: %s: peers send it",
		    w.name, strerror(errno));
	else
		winner_replace(s, &k->entry, &stage);
}

static void
read_some(struct store *s)
{
	uint8_t *buf = xmalloc(READ_BYTES);

	/* EIO is damage too */
	if (hashing_step(&s->seek->file, buf, READ_BYTES) < READ_BYTES)
		end(s);
	free(buf);
}

static void
on_turn(evutil_socket_t unused, short what, void *arg)
{
	struct store *s = arg;
	struct restore *k = s->seek;

	/* what is wanted is durable before it is found */
	commit_flush(s);
	if (k->file.fd != -1)
		read_some(s);
	else
		look(s);
	if (restore_is_busy(s))
		loop_soon(k->turn);
}

/* --- life ------------------------------------------------------------- */

struct restore *
restore_new(struct store *s)
{
	struct restore *k = xcalloc(1, sizeof(*k));

	hashing_init(&k->file);
	k->turn = xevent(s->base, -1, 0, on_turn, s);
	s->restore_due.turn = k->turn;
	return k;
}

void
restore_free(struct restore *k)
{
	if (k == NULL)
		return;
	event_free(k->turn);
	hashing_clear(&k->file);
	free(k);
}
