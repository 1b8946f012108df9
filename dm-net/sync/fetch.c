/* SPDX-License-Identifier: ISC */
#include "dm-net/sync/fetch.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-net/sync/session.h"
#include "dm-net/sync/walk.h"
#include "dm-net/sync/wanted.h"

/* --- sources ---------------------------------------------------------- */

static struct source *
source_find(struct want *w, uint64_t conn)
{
	for (size_t i = 0; i < w->source_count; i++) {
		if (w->sources[i].conn == conn)
			return &w->sources[i];
	}
	return NULL;
}

static bool
has_room(const struct session *c, bool is_large)
{
	return is_large ? c->large < LARGE_PER_CONN : c->small < SMALL_PER_CONN;
}

static bool
want_is_large(const struct want *w)
{
	return w->size > SYNC_SMALL_MAX;
}

/* The session of a source that could be asked now; NULL: it cannot. */
static struct session *
source_ready(struct sync *s, const struct want *w, const struct source *src)
{
	struct session *c = session_find(s, src->conn);

	if (c == NULL || !session_is_live(c) ||
	    src->not_before_ns > s->now_ns || !has_room(c, want_is_large(w)))
		return NULL;
	return c;
}

/* The rate that a large fetch may hope for: the best one that is known of
 * those that could be asked, or UINT64_MAX if one of them was never tried. */
static uint64_t
rate_to_hope_for(struct sync *s, const struct want *w, uint64_t except)
{
	uint64_t best = 0;

	for (size_t i = 0; i < w->source_count; i++) {
		const struct session *c = source_ready(s, w, &w->sources[i]);

		if (c == NULL || c->handle == except)
			continue;
		if (c->rate == 0)
			return UINT64_MAX;
		if (c->rate > best)
			best = c->rate;
	}
	return best;
}

/* Whether it goes last: it failed again and again, or it is slow. */
static bool
goes_last(const struct session *c, bool is_large, uint64_t hope)
{
	return c->streak >= FETCH_STREAK_MAX ||
	       (is_large && c->rate > 0 && c->rate < hope / FETCH_FASTER);
}

static bool
is_busier(const struct session *a, const struct session *b)
{
	return a->small + a->large > b->small + b->large;
}

/* The least busy peer that has it, but for `except`; NULL: none now. */
static struct session *
source_pick(struct sync *s, const struct want *w, uint64_t except)
{
	uint64_t hope =
	    want_is_large(w) ? rate_to_hope_for(s, w, except) : UINT64_MAX;
	struct session *best = NULL;
	bool best_is_last = false;
	size_t ties = 0;

	for (size_t i = 0; i < w->source_count; i++) {
		struct session *c = source_ready(s, w, &w->sources[i]);
		bool is_last;

		if (c == NULL || c->handle == except)
			continue;
		is_last = goes_last(c, want_is_large(w), hope);
		if (best == NULL || is_last < best_is_last ||
		    (is_last == best_is_last && is_busier(best, c))) {
			best = c;
			best_is_last = is_last;
			ties = 1;
		} else if (is_last == best_is_last && !is_busier(c, best) &&
			   core_random_below(s, ++ties) == 0) {
			best = c;
		}
	}
	return best;
}

static void
source_back_off(struct sync *s, struct source *src, uint64_t base_ns)
{
	uint64_t span = base_ns << (src->failures < 8 ? src->failures : 8);

	if (span > FETCH_BACKOFF_MAX)
		span = FETCH_BACKOFF_MAX;
	src->failures++;
	src->not_before_ns =
	    s->now_ns + base_ns / 4 + core_random_below(s, span);
}

static void
fetch_retry_later(struct sync *s, struct want *w)
{
	uint64_t span = SECOND << (w->failures < 8 ? w->failures : 8);

	if (span > FETCH_BACKOFF_MAX)
		span = FETCH_BACKOFF_MAX;
	w->failures++;
	w->not_before_ns = s->now_ns + SECOND / 4 + core_random_below(s, span);
}

/* --- transfers -------------------------------------------------------- */

static void
fetch_start(struct sync *s, struct want *w, struct session *c)
{
	struct fetch *f = s->fetches;

	while (f->is_used)
		f++;
	*f = (struct fetch){.is_used = true,
	    .id = core_id_next(s),
	    .want = (uint32_t)(w - s->wants),
	    .conn = c->handle,
	    .is_large = want_is_large(w),
	    .start_ns = s->now_ns,
	    .progress_ns = s->now_ns,
	    .window_ns = s->now_ns};
	s->fetch_count++;
	s->stats.fetches++;
	w->fetching++;
	if (f->is_large)
		c->large++;
	else
		c->small++;
	core_act(s, SYNC_FETCH_START, f->id);
	core_due_at(s, s->now_ns + 50 * MS);
}

/* Notes the rate of a source, from a large fetch that lasted. */
static void
rate_note(struct sync *s, const struct fetch *f, struct session *c)
{
	uint64_t ms = (s->now_ns - f->start_ns) / MS, rate;

	if (!f->is_large || ms < FETCH_WINDOW_NS / 2 / MS)
		return;
	rate = f->bytes * 1000 / ms;
	c->rate = c->rate == 0 ? rate + 1 : (c->rate + rate) / 2 + 1;
}

static void
fetch_end(struct sync *s, struct fetch *f)
{
	struct session *c = session_find(s, f->conn);

	if (c != NULL)
		rate_note(s, f, c);

	if (c != NULL && f->is_large)
		c->large--;
	else if (c != NULL)
		c->small--;
	s->wants[f->want].fetching--;
	s->fetch_count--;
	f->is_used = false;
	s->fetch_due = true;
}

void
fetch_cancel(struct sync *s, struct want *w)
{
	for (size_t i = 0; i < FETCHES_MAX && w->fetching > 0; i++) {
		struct fetch *f = &s->fetches[i];

		if (!f->is_used || &s->wants[f->want] != w)
			continue;
		core_act(s, SYNC_FETCH_CANCEL, f->id);
		fetch_end(s, f);
	}
}

void
fetch_end_all(struct sync *s, uint64_t conn, bool is_told)
{
	for (size_t i = 0; i < FETCHES_MAX && s->fetch_count > 0; i++) {
		struct fetch *f = &s->fetches[i];

		if (!f->is_used || (conn != 0 && f->conn != conn))
			continue;
		if (!is_told)
			core_act(s, SYNC_FETCH_CANCEL, f->id);
		fetch_end(s, f);
	}
}

/* --- which ------------------------------------------------------------ */

/*
 * May it be started now, and by whom? Only one version of a key runs, and
 * none while a greater one can.
 */
static struct session *
may_start(struct sync *s, struct want *w)
{
	if (w->fetching > 0 || w->put_id != 0 || w->not_before_ns > s->now_ns)
		return NULL;
	for (struct want *o = want_first(s, w->key); o != NULL;
	     o = want_next(s, o)) {
		if (o == w)
			continue;
		if (o->fetching > 0 || o->put_id != 0)
			return NULL;
		if (entry_rank_compare(&o->rank, &w->rank) > 0 &&
		    o->not_before_ns <= s->now_ns &&
		    source_pick(s, o, 0) != NULL)
			return NULL;
	}
	return source_pick(s, w, 0);
}

void
fetch_schedule(struct sync *s)
{
	size_t used = s->want_count;

	s->fetch_due = false;
	for (size_t i = 0; i < WANTS_MAX && used > 0; i++) {
		struct want *w = &s->wants[(s->fetch_turn + i) % WANTS_MAX];
		struct session *c;

		if (!w->is_used)
			continue;
		used--;
		if (s->fetch_count == FETCHES_MAX)
			break;
		want_look_for_sources(s, w);
		c = may_start(s, w);
		if (c != NULL)
			fetch_start(s, w, c);
	}
	s->fetch_turn = (s->fetch_turn + 17) % WANTS_MAX;
}

/* --- when to change --------------------------------------------------- */

/*
 * Is there a source that would end it much sooner? How slow is too slow depends
 * on what others can do: a source that is alone is waited for, as long as bytes
 * come.
 */
static bool
is_slower_than_others(struct sync *s, const struct fetch *f)
{
	const struct want *w = &s->wants[f->want];
	uint64_t ms = (s->now_ns - f->window_ns) / MS;
	uint64_t rate = (f->bytes - f->window_bytes) * 1000 / (ms + 1) + 1;
	uint64_t left_ns = (w->size - f->bytes) / rate * SECOND;
	uint64_t hope = rate_to_hope_for(s, w, f->conn);

	if (left_ns < FETCH_LONG_NS)
		return false;
	if (hope == UINT64_MAX)
		return true;
	return hope / FETCH_FASTER > rate &&
	       left_ns > 2 * (w->size / hope) * SECOND;
}

/* Another source for it, as well if it is small, or instead. */
static bool
fetch_change(struct sync *s, struct fetch *f)
{
	struct want *w = &s->wants[f->want];
	struct session *other = source_pick(s, w, f->conn);
	struct source *src = source_find(w, f->conn);

	if (other == NULL || w->fetching > 1)
		return false;
	if (f->is_large) {
		if (src != NULL)
			source_back_off(s, src, SECOND);
		fetch_cancel(s, w);
	}
	if (s->fetch_count < FETCHES_MAX)
		fetch_start(s, w, other);
	return true;
}

/* Nothing more can be expected of this one: it ends, and waits its turn. */
static void
fetch_give_up(struct sync *s, struct fetch *f)
{
	struct want *w = &s->wants[f->want];
	struct source *src = source_find(w, f->conn);

	struct session *c = session_find(s, f->conn);

	s->stats.fetches_failed++;
	if (src != NULL)
		source_back_off(s, src, SECOND);
	if (c != NULL)
		c->streak++;
	core_act(s, SYNC_FETCH_CANCEL, f->id);
	fetch_end(s, f);
	if (w->fetching == 0)
		w->failures++;
}

static void
fetch_watch(struct sync *s, struct fetch *f)
{
	struct session *c = session_find(s, f->conn);
	uint64_t first = 4 * (c == NULL ? 0 : c->rtt_ns);
	uint64_t idle = s->now_ns - f->progress_ns;
	bool is_slow = false;

	/* all of it is with the store: what it waits for now is our own disk,
	 * and there is no peer to blame */
	if (f->bytes > 0 && f->bytes == s->wants[f->want].size)
		return;
	if (first < FETCH_FIRST_NS)
		first = FETCH_FIRST_NS;
	if (s->now_ns - f->window_ns >= FETCH_WINDOW_NS) {
		is_slow = is_slower_than_others(s, f);
		f->window_ns = s->now_ns;
		f->window_bytes = f->bytes;
	}
	if (idle > FETCH_GIVE_UP_NS)
		fetch_give_up(s, f);
	else if (idle > FETCH_IDLE_NS || is_slow ||
		 (f->bytes == 0 && idle > first))
		fetch_change(s, f);
}

void
fetch_tick(struct sync *s)
{
	for (size_t i = 0; i < FETCHES_MAX && s->fetch_count > 0; i++) {
		if (s->fetches[i].is_used)
			fetch_watch(s, &s->fetches[i]);
	}
	if (s->want_count > 0)
		s->fetch_due = true;
}

/* --- events ----------------------------------------------------------- */

static struct fetch *
fetch_find(struct sync *s, uint64_t id)
{
	for (size_t i = 0; i < FETCHES_MAX; i++) {
		if (s->fetches[i].is_used && s->fetches[i].id == id)
			return &s->fetches[i];
	}
	return NULL;
}

void
sync_fetch_progress(struct sync *s, uint64_t id, uint64_t bytes)
{
	struct fetch *f = fetch_find(s, id);

	if (f == NULL || bytes < f->bytes)
		return;
	f->bytes = bytes;
	f->progress_ns = s->now_ns;
}

/* The holder is told, so that it looks at its disk, and then left alone. */
static void
fetch_was_bad(struct sync *s, struct want *w, struct session *c)
{
	struct bad *b;

	want_unsource(w, c->handle);
	if (c->bad_count < BAD_MAX) {
		b = &c->bads[c->bad_count++];
		memcpy(b->key, w->key, 16);
		memcpy(b->version, w->rank.version, 32);
	}
	session_hostile(s, c, "content that does not match its signed hash");
}

/* All bytes went to the store: what it says. */
static void
fetch_was_put(struct sync *s, struct want *w, struct session *c, enum verdict v)
{
	bool is_passing = v == VERDICT_BUSY || v == VERDICT_NO_STORE ||
			  v == VERDICT_NO_SPACE || v == VERDICT_IO_ERROR;

	if (verdict_is_ok(v)) {
		if (c != NULL)
			c->streak = 0;
		want_remove(s, w, false);
		return;
	}
	s->stats.fetches_failed++;
	if (v == VERDICT_BAD_CONTENT) {
		if (c != NULL)
			fetch_was_bad(s, w, c);
	} else if (is_passing) {
		fetch_retry_later(s, w);
	} else {
		want_remove(s, w, true);
		/* the peer is asked for the entry again */
		if (v == VERDICT_TICKET_GONE && c != NULL)
			walk_soon(s, c, SECOND / 4);
	}
}

void
sync_fetch_done(
    struct sync *s, uint64_t id, enum sync_fetch_end end, enum verdict v)
{
	struct fetch *f = fetch_find(s, id);
	struct source *src;
	struct want *w;
	struct session *c;

	if (f == NULL)
		return;
	w = &s->wants[f->want];
	c = session_find(s, f->conn);
	src = source_find(w, f->conn);
	fetch_end(s, f);
	if (end != SYNC_FETCH_PUT) {
		s->stats.fetches_failed++;
		if (c != NULL)
			c->streak++;
	}
	switch (end) {
	case SYNC_FETCH_PUT:
		fetch_was_put(s, w, c, v);
		break;
	case SYNC_FETCH_GONE:
		want_unsource(w, f->conn);
		break;
	case SYNC_FETCH_BUSY:
		if (src != NULL)
			source_back_off(s, src, SECOND / 4);
		break;
	case SYNC_FETCH_BROKEN:
		if (src != NULL)
			source_back_off(s, src, SECOND);
		break;
	case SYNC_FETCH_HOSTILE:
		want_unsource(w, f->conn);
		if (c != NULL)
			session_hostile(s, c, "a malformed answer for a file");
		break;
	}
}
