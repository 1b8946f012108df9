/* SPDX-License-Identifier: ISC */
#include "dm-store/index_feed.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xevent.h"
#include "dm-store/notify.h"
#include "dm-store/queries.h"
#include "dm-store/commit.h"
#include "dm-store/loop.h"
#include "dm-store/ticket.h"
#include "dm-store/unplaced.h"

#define WANTS_PER_TICK 64

struct hint_row {
	uint8_t peer_id[38];
	uint64_t last_success_s;
	size_t len;
	uint8_t address[256];
};

struct index_feed {
	struct event *pump;
	uint64_t credit;
	bool is_started;
	bool is_done;
	bool has_cursor;
	uint8_t cursor[16]; /* the last key that was looked at */
	bool has_want_cursor;
	uint8_t want_cursor[16];
	struct hint_row hint[IPC_PEER_HINTS_MAX]; /* as they come */
	size_t n_hints;
	bool has_new_hints;
};

/* The next key in order; false after the last. */
static bool
key_after(uint8_t key[static 16])
{
	for (int i = 15; i >= 0; i--)
		if (++key[i] != 0)
			return true;
	return false;
}

/* --- the index --- */

struct index_slice {
	struct store *s;
	size_t n;
	uint8_t last[16];
	uint8_t rows[IPC_INDEX_ROWS_MAX * IPC_INDEX_ROW_SIZE];
};

static bool
on_winner(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct index_slice *sl = ctx;
	struct winner w;
	uint8_t *row;

	if (key_len != 16)
		return true;
	memcpy(sl->last, key, 16);
	if (is_damaged || !row_winner_decode(&w, body.data, body.len) ||
	    w.state == WINNER_WANTED || w.state == WINNER_LOST ||
	    unplaced_has(sl->s, key))
		return true;
	row = sl->rows + sl->n++ * IPC_INDEX_ROW_SIZE;
	memcpy(row, key, 16);
	memcpy(row + 16, body.data, WINNER_ROW_SIZE);
	return true;
}

static bool
on_hint(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct store *s = ctx;
	struct ipc_peer_hint m;
	struct hint h;

	if (is_damaged || !row_hint_decode(&h, body.data, body.len))
		return true;
	memcpy(m.peer_id, h.peer_id, sizeof(m.peer_id));
	m.address = h.address;
	m.last_success_s = h.last_success_s;
	s->send(s, IPC_PEER_HINT, &m, -1);
	return true;
}

static void
complete(struct store *s)
{
	const struct ipc_index_complete m = {};

	s->stream->is_done = true;
	index_walk(s->index, VIEW_COMMITTED, INDEX_PEERS, NULL, 0,
	    IPC_PEER_HINTS_MAX, on_hint, s);
	s->send(s, IPC_INDEX_COMPLETE, &m, -1);
	index_feed_tick(s);
}

/* One message, or the end. */
static void
step(struct store *s)
{
	struct index_feed *st = s->stream;
	struct index_slice *sl = xcalloc(1, sizeof(*sl));
	uint8_t from[16];
	struct ipc_index_rows m;
	bool is_last = false;
	size_t seen;

	sl->s = s;
	memcpy(from, st->cursor, 16);
	if (st->has_cursor && !key_after(from)) {
		is_last = true;
	} else {
		seen = index_walk(s->index, VIEW_COMMITTED, INDEX_WINNERS, from,
		    st->has_cursor ? 16 : 0, IPC_INDEX_ROWS_MAX, on_winner, sl);
		is_last = seen < IPC_INDEX_ROWS_MAX;
		memcpy(st->cursor, sl->last, 16);
		st->has_cursor = true;
	}
	if (sl->n > 0) {
		m.rows = bytes_of(sl->rows, sl->n * IPC_INDEX_ROW_SIZE);
		st->credit--;
		s->send(s, IPC_INDEX_ROWS, &m, -1);
	}
	free(sl);
	if (is_last)
		complete(s);
}

static void
on_pump(evutil_socket_t fd, short what, void *arg)
{
	struct store *s = arg;
	struct index_feed *st = s->stream;

	if (!st->is_started || st->is_done || st->credit == 0)
		return;
	step(s);
	/* one message a turn: the loop stays free for others */
	if (!st->is_done && st->credit > 0)
		loop_soon(st->pump);
}

bool
index_feed_credit(struct store *s, uint64_t messages)
{
	struct index_feed *st = s->stream;

	if (messages > IPC_INDEX_WINDOW - st->credit)
		return false;
	st->credit += messages;
	st->is_started = true;
	if (!st->is_done)
		event_active(st->pump, EV_TIMEOUT, 0);
	else
		st->credit = 0; /* nothing will take it */
	return true;
}

/* --- wants --- */

struct wants {
	size_t n;
	uint8_t key[WANTS_PER_TICK][16];
};

static bool
on_wanted(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct wants *w = ctx;

	if (key_len == 16)
		memcpy(w->key[w->n++], key, 16);
	return true;
}

static void
want_key(struct store *s, const uint8_t key[static 16])
{
	struct winner w;
	struct entry e;

	if (table_winner(s->index, VIEW_COMMITTED, key, &w) == FOUND &&
	    w.state == WINNER_WANTED &&
	    ticket_of(s->tickets, w.rank.version) == 0 &&
	    queries_entry(s, &w, &e))
		notify_want(s, &e, w.rank.version);
}

/* Round and round: what has a ticket is passed over. */
static void
send_wants(struct store *s)
{
	struct index_feed *st = s->stream;
	struct wants w = {.n = 0};
	uint8_t from[16];
	bool has_from = st->has_want_cursor;

	if (tickets_wants(s->tickets) >= ANNOUNCE_WANTS_MAX)
		return;
	memcpy(from, st->want_cursor, 16);
	if (has_from && !key_after(from))
		has_from = false;
	index_walk(s->index, VIEW_COMMITTED, INDEX_WANTED, from,
	    has_from ? 16 : 0, WANTS_PER_TICK, on_wanted, &w);
	for (size_t i = 0; i < w.n; i++)
		want_key(s, w.key[i]);
	st->has_want_cursor = w.n == WANTS_PER_TICK;
	if (w.n > 0)
		memcpy(st->want_cursor, w.key[w.n - 1], 16);
}

/* --- hints --- */

void
index_feed_save_peer(struct store *s, const struct ipc_save_peer *m)
{
	struct index_feed *st = s->stream;
	struct hint_row *h;

	/* until it has had the old list, its own is not the better one */
	if (!st->is_done)
		return;
	if (m->first)
		st->n_hints = 0;
	if (st->n_hints == IPC_PEER_HINTS_MAX)
		return;
	h = &st->hint[st->n_hints++];
	memcpy(h->peer_id, m->peer_id, sizeof(h->peer_id));
	h->last_success_s = m->last_success_s;
	h->len = m->address.len;
	if (h->len > 0)
		memcpy(h->address, m->address.data, h->len);
	st->has_new_hints = true;
}

static void
write_hints(struct store *s)
{
	struct index_feed *st = s->stream;
	uint8_t key[8], body[ROW_SMALL_MAX];
	struct hint h;

	index_begin(s->index);
	index_empty(s->index, INDEX_PEERS);
	for (size_t i = 0; i < st->n_hints; i++) {
		memcpy(h.peer_id, st->hint[i].peer_id, sizeof(h.peer_id));
		h.last_success_s = st->hint[i].last_success_s;
		h.address = bytes_of(st->hint[i].address, st->hint[i].len);
		row_put_u64(key, i);
		index_put(s->index, INDEX_PEERS, key, sizeof(key), body,
		    row_hint_encode(&h, body));
	}
	st->has_new_hints = false;
	commit_schedule(s);
}

/* --- life --- */

void
index_feed_settle(struct store *s)
{
	if (s->stream->has_new_hints)
		write_hints(s);
}

void
index_feed_tick(struct store *s)
{
	index_feed_settle(s);
	if (s->stream->is_done)
		send_wants(s);
}

void
index_feed_reset(struct store *s)
{
	struct index_feed *st = s->stream;

	st->credit = 0;
	st->is_started = st->is_done = false;
	st->has_cursor = st->has_want_cursor = false;
}

struct index_feed *
index_feed_new(struct store *s)
{
	struct index_feed *st = xcalloc(1, sizeof(*st));

	st->pump = xevent(s->base, -1, 0, on_pump, s);
	return st;
}

void
index_feed_free(struct index_feed *st)
{
	if (st == NULL)
		return;
	event_free(st->pump);
	free(st);
}
