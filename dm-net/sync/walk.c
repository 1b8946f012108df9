/* SPDX-License-Identifier: ISC */
#include "dm-net/sync/walk.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-net/sync/outgoing.h"
#include "dm-net/sync/requests.h"
#include "dm-net/sync/session.h"
#include "dm-net/sync/wanted.h"

/*
 * The side that asks. A question is about a prefix: "this is what I have below
 * it". The answer to a compare with children is one message for each child that
 * differs and then the compare itself, without children; all other questions
 * have one answer. The questions that wait are a stack, so that the walk goes
 * into the depth first.
 */

static void
pending_add(struct sync *s, struct walk *w, const struct question *q)
{
	if (w->pending_count == WALK_PENDING_MAX) {
		s->stats.overflows++;
		w->is_broken = true;
		return;
	}
	if (w->pending_count == w->pending_room) {
		w->pending_room =
		    w->pending_room == 0 ? 16 : w->pending_room * 2;
		w->pending =
		    xrealloc(w->pending, w->pending_room, sizeof(*w->pending));
	}
	w->pending[w->pending_count++] = *q;
}

static void
pending_prefix(struct sync *s, struct walk *w, enum question_type type,
    const struct trie_prefix *prefix, uint32_t expect)
{
	struct question q = {.type = type, .prefix = *prefix};

	q.expect = expect;
	pending_add(s, w, &q);
}

void
walk_drop(struct session *c)
{
	if (c->walk == NULL)
		return;
	free(c->walk->pending);
	free(c->walk);
	c->walk = NULL;
}

static void
walk_start(struct sync *s, struct session *c, enum question_type type)
{
	static const struct trie_prefix all;
	struct trie_sum sum;

	if (c->walk != NULL || !s->is_complete)
		return;
	c->walk = xcalloc(1, sizeof(*c->walk));
	c->walk->progress_ns = s->now_ns;
	c->was_ahead = false;
	trie_sum(s->trie, &all, &sum);
	memcpy(c->walk->root, sum.hash, 16);
	pending_prefix(s, c->walk, type, &all, c->their_root.count);
	s->stats.walks++;
	session_want_write(s, c);
}

/* --- when ------------------------------------------------------------- */

void
walk_soon(struct sync *s, struct session *c, uint64_t in_ns)
{
	uint64_t at = s->now_ns + in_ns;

	c->walk_backoff = 1;
	if (at < c->walk_at_ns)
		c->walk_at_ns = at;
	core_due_at(s, at);
}

void
walk_all_soon(struct sync *s)
{
	for (size_t i = 0; i < s->session_count; i++) {
		if (session_is_live(s->sessions[i]))
			walk_soon(
			    s, s->sessions[i], core_random_below(s, SECOND));
	}
}

/* Sets the time of the next one; `is_idle`: the last changed nothing. */
static void
walk_next(struct sync *s, struct session *c, bool is_idle)
{
	uint64_t wait;

	c->walk_backoff =
	    is_idle && c->walk_backoff > 0 ? c->walk_backoff * 2 : 1;
	if (c->walk_backoff > WALK_BACKOFF_MAX)
		c->walk_backoff = WALK_BACKOFF_MAX;
	wait = s->config.interval_ns * c->walk_backoff;
	c->walk_at_ns =
	    s->now_ns + wait * 3 / 4 + core_random_below(s, wait / 2);
}

void
walk_after_change(struct sync *s)
{
	uint64_t at = s->now_ns + s->config.interval_ns;

	for (size_t i = 0; i < s->session_count; i++) {
		struct session *c = s->sessions[i];

		if (c->walk_at_ns > at && session_is_live(c))
			c->walk_at_ns = at - core_random_below(
						 s, s->config.interval_ns / 2);
	}
}

void
walk_root_seen(struct sync *s, struct session *c, const struct trie_sum *sum)
{
	static const struct trie_prefix all;
	struct trie_sum mine;

	c->their_root = *sum;
	trie_sum(s->trie, &all, &mine);
	if (s->is_complete && trie_sum_equal(&mine, sum)) {
		c->is_synced = true;
		c->is_ahead = false;
	}
}

/*
 * A walk found something: another one looks soon whether all is equal now,
 * once what was found is here. So people see it, and what got lost is found.
 */
static void
walk_check_soon(struct sync *s, struct session *c)
{
	walk_next(s, c, false);
	if (c->walk_checks == WALK_CHECKS_MAX)
		return;
	c->walk_checks++;
	c->is_check = true;
	walk_soon(
	    s, c, WALK_SOON_NS / 2 + core_random_below(s, WALK_SOON_NS / 2));
}

/* The entries that the last walk found are still on their way. */
static bool
is_on_its_way(const struct sync *s, const struct session *c)
{
	return want_count_coming(s) > 0 || s->judge_count > 0 ||
	       c->ask.count > 0 || c->asking.count > 0 || c->out.count > 0;
}

static void
walk_due(struct sync *s, struct session *c)
{
	bool is_check = c->is_check;

	c->is_check = false;
	if (is_check && is_on_its_way(s, c))
		walk_check_soon(s, c);
	else
		walk_start(s, c, Q_START);
}

void
walk_hello(struct sync *s, struct session *c)
{
	static const struct trie_prefix all;
	struct trie_sum sum;

	c->walk_backoff = 0;
	walk_next(s, c, false);
	if (!s->is_complete)
		return;
	trie_sum(s->trie, &all, &sum);
	if (trie_sum_equal(&sum, &c->their_root))
		c->is_synced = true;
	else if (peer_id_compare(&s->set.self, &c->peer->id) < 0)
		walk_start(s, c, Q_COMPARE);
}

void
walk_tick(struct sync *s, struct session *c)
{
	struct walk *w = c->walk;

	if (w == NULL) {
		if (s->now_ns >= c->walk_at_ns && !c->is_draining)
			walk_due(s, c);
	} else if (w->out_count > 0 &&
		   s->now_ns - w->progress_ns > WALK_SILENT_NS) {
		walk_drop(c);
		walk_next(s, c, false);
	} else if (w->pending_count > 0) {
		/* it waits for room among what is to be asked for */
		w->progress_ns = s->now_ns;
		session_want_write(s, c);
	}
}

/* --- the end ---------------------------------------------------------- */

/*
 * A walk that found what the last one found, with nothing changed on either
 * side, has found what configurations differ in.
 */
static void
walk_check_end(struct sync *s, struct session *c)
{
	struct walk *w = c->walk;
	bool is_same, is_idle;

	if (w->pending_count > 0 || w->out_count > 0)
		return;
	is_same = c->has_last && c->last_digest == w->digest &&
		  memcmp(c->last_root, w->root, 16) == 0;
	is_idle = !w->is_broken && w->found == 0 && (is_same || w->pushed == 0);
	c->has_last = true;
	c->last_digest = w->digest;
	memcpy(c->last_root, w->root, 16);
	c->is_synced = is_idle;
	c->is_ahead = c->was_ahead;
	s->stats.walks_idle += is_idle;
	walk_drop(c);
	if (is_idle) {
		c->walk_checks = 0;
		/* a clock may be set at any time */
		walk_next(s, c, !c->is_ahead);
	} else {
		walk_check_soon(s, c);
	}
}

void
walk_busy(struct sync *s, struct session *c)
{
	if (c->walk == NULL)
		return;
	walk_drop(c);
	walk_soon(s, c, WALK_SOON_NS + core_random_below(s, WALK_SOON_NS));
}

/* --- asking ----------------------------------------------------------- */

size_t
walk_write_rows(struct sync *s, struct wire_rows *r, uint8_t *last,
    uint8_t *buf, size_t size)
{
	static const size_t head = 128;
	struct trie_row *rows;
	struct msgput m;
	size_t max = (size - head) / WIRE_ROW_BYTES;

	if (max > WIRE_ROWS_MAX)
		max = WIRE_ROWS_MAX;
	rows = xcalloc(max + 1, sizeof(*rows));
	r->count = trie_rows(s->trie, &r->prefix,
	    r->has_cursor ? r->cursor : NULL, rows, max, &r->more);
	if (r->count > 0 && last != NULL)
		memcpy(last, rows[r->count - 1].key, 16);
	wire_begin(&m, buf, size);
	wire_put_rows(&m, r);
	for (size_t i = 0; i < r->count; i++)
		wire_put_row(&m, &rows[i]);
	wire_put_rows_end(&m, r);
	free(rows);
	s->stats.messages_out[WIRE_ROWS]++;
	return wire_end(&m);
}

static size_t
requests_list(struct sync *s, struct question *q, uint8_t *buf, size_t size)
{
	struct wire_rows r = {.prefix = q->prefix, .role = WIRE_ASK};
	struct msgput m;

	q->is_first = !q->has_cursor;
	if (q->is_first)
		return walk_write_rows(s, &r, NULL, buf, size);
	r.has_cursor = true;
	memcpy(r.cursor, q->cursor, 16);
	wire_begin(&m, buf, size);
	wire_put_rows(&m, &r);
	wire_put_rows_end(&m, &r);
	s->stats.messages_out[WIRE_ROWS]++;
	return wire_end(&m);
}

static size_t
requests_tell(struct sync *s, struct question *q, uint8_t *buf, size_t size)
{
	struct wire_rows r = {.prefix = q->prefix,
	    .role = WIRE_TELL,
	    .has_cursor = q->has_cursor};
	size_t n;

	memcpy(r.cursor, q->cursor, 16);
	n = walk_write_rows(s, &r, q->last, buf, size);
	q->more = r.more;
	return n;
}

static size_t
requests_compare(struct sync *s, struct question *q, uint8_t *buf, size_t size)
{
	struct wire_compare cmp = {
	    .prefix = q->prefix, .role = WIRE_ASK, .generation = s->generation};
	struct msgput m;

	trie_sum(s->trie, &q->prefix, &cmp.sum);
	if (q->type == Q_COMPARE) {
		if (cmp.sum.count <= TRIE_LEAF_MAX) {
			q->type = Q_LIST;
			return requests_list(s, q, buf, size);
		}
		cmp.has_children = true;
		trie_children(s->trie, &q->prefix, cmp.children);
	}
	wire_begin(&m, buf, size);
	wire_put_compare(&m, &cmp);
	s->stats.messages_out[WIRE_COMPARE]++;
	return wire_end(&m);
}

/*
 * The rows that a question brings at most. Where we have many, the peer sends
 * its children's hashes instead, or rows where they have few below each.
 */
static uint32_t
rows_expected(struct sync *s, const struct question *q)
{
	struct trie_sum mine;

	if (q->type == Q_START || q->type == Q_COMPARE) {
		trie_sum(s->trie, &q->prefix, &mine);
		if (mine.count > TRIE_LEAF_MAX &&
		    q->expect > TRIE_FANOUT * TRIE_LEAF_MAX)
			return 0;
	}
	return q->expect < WIRE_ROWS_MAX ? q->expect : WIRE_ROWS_MAX;
}

/* True if the next question may be sent: there must be room for its results. */
static bool
may_ask(struct sync *s, const struct session *c)
{
	struct walk *w = c->walk;
	struct question *next;
	uint32_t rows = 0;

	if (w == NULL || w->pending_count == 0 ||
	    w->out_count == WALK_OUT_MAX || c->ask.count > ASK_LOW)
		return false;
	next = &w->pending[w->pending_count - 1];
	for (size_t i = 0; i < w->out_count; i++)
		rows += w->out[i].moves;
	next->moves = rows_expected(s, next);
	return rows == 0 || rows + next->moves <= WALK_ROWS_MAX;
}

size_t
walk_pull(struct sync *s, struct session *c, uint8_t *buf, size_t size)
{
	struct walk *w = c->walk;
	struct question *q;

	if (size < 4096 || !may_ask(s, c))
		return 0;
	q = &w->out[w->out_count++];
	*q = w->pending[--w->pending_count];
	w->progress_ns = s->now_ns;
	switch (q->type) {
	case Q_START:
	case Q_COMPARE:
		return requests_compare(s, q, buf, size);
	case Q_LIST:
		return requests_list(s, q, buf, size);
	case Q_TELL:
		break;
	}
	return requests_tell(s, q, buf, size);
}

/* --- answers ---------------------------------------------------------- */

static void
digest_add(struct walk *w, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	w->digest += h;
}

/* Is `below` one nibble longer than prefix? */
static bool
is_child(const struct trie_prefix *below, const struct trie_prefix *prefix)
{
	return below->len == prefix->len + 1 &&
	       memcmp(below->nibbles, prefix->nibbles, prefix->len) == 0;
}

static void
question_done(struct walk *w, struct question *q)
{
	*q = w->out[--w->out_count];
}

/* The peer lacks or has older versions of these rows of ours. If it saw them
 * in our list it asks by itself. */
static void
push_rows(struct sync *s, struct session *c, const struct trie_prefix *prefix,
    const struct trie_row *rows, size_t count, bool is_told)
{
	struct walk *w = c->walk;
	bool fits = w->pushed + count <= WALK_PUSH_MAX;

	w->pushed += count;
	if (is_told)
		return;
	if (!fits)
		pending_prefix(s, w, Q_TELL, prefix, WIRE_ROWS_MAX);
	for (size_t i = 0; fits && i < count; i++)
		outgoing_to(s, c, rows[i].key, KEYQ_PUSHED);
}

/* Tells of what we have below a prefix and the peer's list r does not. */
static void
push_beyond(struct sync *s, struct session *c, const struct trie_prefix *prefix,
    const struct wire_rows *r, bool is_told)
{
	struct trie_row rows[TRIE_LEAF_MAX + WALK_PUSH_MAX];
	size_t n, at = 0, behind = 0;
	struct wire_row theirs;
	bool more;

	n = trie_rows(
	    s->trie, prefix, NULL, rows, sizeof(rows) / sizeof(rows[0]), &more);
	if (more) {
		push_rows(s, c, prefix, rows, WALK_PUSH_MAX + 1, is_told);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		int cmp = -1;

		for (; r != NULL && at < r->count; at++) {
			wire_row_at(r, at, &theirs);
			cmp = memcmp(rows[i].key, theirs.key, 16);
			if (cmp <= 0)
				break;
			cmp = -1;
		}
		if (cmp != 0 ||
		    (theirs.signed_at_ns <= rows[i].signed_at_ns &&
			memcmp(theirs.version, rows[i].version, 32) != 0))
			rows[behind++] = rows[i];
	}
	if (behind > 0)
		push_rows(s, c, prefix, rows, behind, is_told);
}

static void
compare_children(
    struct sync *s, struct session *c, const struct wire_compare *m)
{
	for (unsigned i = 0; i < TRIE_FANOUT; i++) {
		struct trie_prefix below = trie_below(&m->prefix, i);
		struct trie_sum mine;

		trie_sum(s->trie, &below, &mine);
		if (trie_sum_equal(&mine, &m->children[i]))
			continue;
		if (m->children[i].count == 0)
			push_beyond(s, c, &below, NULL, false);
		else
			pending_prefix(s, c->walk, Q_COMPARE, &below,
			    m->children[i].count);
	}
}

void
walk_compare(struct sync *s, struct session *c, const struct wire_compare *m)
{
	struct walk *w = c->walk;
	struct question *q = NULL;
	struct trie_sum mine;
	bool is_exact = false;

	for (size_t i = 0; w != NULL && i < w->out_count && q == NULL; i++) {
		struct question *o = &w->out[i];

		is_exact = trie_prefix_equal(&o->prefix, &m->prefix);
		if ((o->type == Q_START && is_exact) ||
		    (o->type == Q_COMPARE &&
			(is_exact || is_child(&m->prefix, &o->prefix))))
			q = o;
	}
	if (q == NULL)
		return;
	w->progress_ns = s->now_ns;
	digest_add(w, &m->sum, sizeof(m->sum.hash));
	if (is_exact) {
		trie_sum(s->trie, &m->prefix, &mine);
		s->stats.walks_equal +=
		    q->type == Q_START && trie_sum_equal(&mine, &m->sum);
		question_done(w, q);
		if (m->prefix.len == 0)
			walk_root_seen(s, c, &m->sum);
	}
	if (m->has_children)
		compare_children(s, c, m);
	walk_check_end(s, c);
	session_want_write(s, c);
}

static bool
cursor_equal(const struct question *q, const struct wire_rows *r)
{
	return q->has_cursor == r->has_cursor &&
	       (!q->has_cursor || memcmp(q->cursor, r->cursor, 16) == 0);
}

/* The question that a list answers; NULL: none. */
static struct question *
rows_question(struct walk *w, const struct wire_rows *r)
{
	for (size_t i = 0; w != NULL && i < w->out_count; i++) {
		struct question *q = &w->out[i];
		bool is_exact = trie_prefix_equal(&q->prefix, &r->prefix);
		bool is_below =
		    q->type == Q_COMPARE && is_child(&r->prefix, &q->prefix);
		bool is_page = q->type == Q_LIST || q->type == Q_TELL;

		if (is_below || (is_exact && !is_page) ||
		    (is_exact && is_page && cursor_equal(q, r)))
			return q;
	}
	return NULL;
}

void
walk_rows(struct sync *s, struct session *c, const struct wire_rows *r)
{
	struct walk *w = c->walk;
	struct question *q = rows_question(w, r), next;

	if (q == NULL)
		return;
	w->progress_ns = s->now_ns;
	digest_add(w, r->rows, r->count * WIRE_ROW_BYTES);
	next = *q;
	if (next.type != Q_TELL && r->prefix.len == 0 && !r->has_cursor &&
	    !r->more)
		c->their_root.count = (uint32_t)r->count;
	w->found += requests_take_rows(s, c, r);
	if (trie_prefix_equal(&q->prefix, &r->prefix))
		question_done(w, q);
	if (next.type == Q_LIST && r->more) {
		next.has_cursor = true;
		memcpy(
		    next.cursor, r->rows + (r->count - 1) * WIRE_ROW_BYTES, 16);
		pending_add(s, w, &next);
	} else if (next.type == Q_TELL && next.more) {
		next.has_cursor = true;
		memcpy(next.cursor, next.last, 16);
		pending_add(s, w, &next);
	} else if (next.type != Q_TELL && !r->has_cursor) {
		push_beyond(s, c, &r->prefix, r, next.type == Q_LIST);
	}
	walk_check_end(s, c);
	session_want_write(s, c);
}
