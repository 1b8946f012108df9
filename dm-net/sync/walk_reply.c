/* SPDX-License-Identifier: ISC */
#include "dm-net/sync/walk_reply.h"

#include <string.h>

#include "common/log.h"
#include "dm-net/sync/requests.h"
#include "dm-net/sync/session.h"
#include "dm-net/sync/walk.h"

/*
 * The side that answers. All it keeps is the questions themselves, as many as
 * may be under way; answers are made when the stream takes them.
 */

static struct walk_reply *
walk_reply_add(
    struct sync *s, struct session *c, const struct trie_prefix *prefix)
{
	struct walk_reply *r;

	if (!s->is_complete) {
		c->busy_due = true;
		session_want_write(s, c);
		return NULL;
	}
	if (c->reply_count == WALK_OUT_MAX) {
		session_hostile(
		    s, c, "more open questions than the protocol allows");
		return NULL;
	}
	/* of two walks at once, that of the smaller peer id goes on */
	if (prefix->len == 0 && c->walk != NULL &&
	    peer_id_compare(&c->peer->id, &s->set.self) < 0)
		walk_drop(c);
	if (c->replies == NULL)
		c->replies = xcalloc(WALK_OUT_MAX, sizeof(*c->replies));
	r = &c->replies[c->reply_count++];
	*r = (struct walk_reply){.prefix = *prefix};
	session_want_write(s, c);
	return r;
}

void
walk_reply_compare(
    struct sync *s, struct session *c, const struct wire_compare *m)
{
	struct walk_reply *r = walk_reply_add(s, c, &m->prefix);

	if (r == NULL)
		return;
	if (m->prefix.len == 0)
		walk_root_seen(s, c, &m->sum);
	r->sum = m->sum;
	r->has_children = m->has_children;
	if (m->has_children)
		memcpy(r->children, m->children, sizeof(r->children));
	if (m->generation != c->generation) {
		c->generation = m->generation;
		c->walk_backoff = 1;
	}
	/* this walk serves both: ours may wait */
	if (m->prefix.len == 0 && c->walk == NULL &&
	    c->walk_at_ns < s->now_ns + s->config.interval_ns / 2)
		c->walk_at_ns = s->now_ns + s->config.interval_ns * 3 / 4 +
				core_random_below(s, s->config.interval_ns / 2);
}

void
walk_reply_rows(struct sync *s, struct session *c, const struct wire_rows *m)
{
	struct walk_reply *r = walk_reply_add(s, c, &m->prefix);

	if (r == NULL)
		return;
	r->is_rows = true;
	r->is_tell = m->role == WIRE_TELL;
	r->has_cursor = m->has_cursor;
	memcpy(r->cursor, m->cursor, 16);
	if (m->prefix.len == 0 && !m->has_cursor && m->role == WIRE_ASK)
		c->their_root.count = (uint32_t)m->count;
	requests_take_rows(s, c, m);
}

static void
walk_reply_done(struct session *c)
{
	c->reply_count--;
	memmove(
	    c->replies, c->replies + 1, c->reply_count * sizeof(*c->replies));
}

static size_t
write_compare(struct sync *s, const struct trie_prefix *prefix,
    bool has_children, uint8_t *buf, size_t size)
{
	struct wire_compare m = {.prefix = *prefix,
	    .role = WIRE_ANSWER,
	    .generation = s->generation,
	    .has_children = has_children};
	struct msgput out;

	trie_sum(s->trie, prefix, &m.sum);
	if (has_children)
		trie_children(s->trie, prefix, m.children);
	wire_begin(&out, buf, size);
	wire_put_compare(&out, &m);
	s->stats.messages_out[WIRE_COMPARE]++;
	return wire_end(&out);
}

static size_t
write_list(
    struct sync *s, const struct trie_prefix *prefix, uint8_t *buf, size_t size)
{
	struct wire_rows r = {.prefix = *prefix, .role = WIRE_ANSWER};

	return walk_write_rows(s, &r, NULL, buf, size);
}

/* The entries of this node below a prefix: rows if they are few, else its
 * children. */
static size_t
write_below(
    struct sync *s, const struct trie_prefix *prefix, uint8_t *buf, size_t size)
{
	struct trie_sum mine;

	trie_sum(s->trie, prefix, &mine);
	if (mine.count <= TRIE_LEAF_MAX)
		return write_list(s, prefix, buf, size);
	return write_compare(s, prefix, true, buf, size);
}

/* The next message for a compare with children. */
static size_t
answer_children(struct sync *s, struct session *c, uint8_t *buf, size_t size)
{
	struct walk_reply *r = &c->replies[0];
	struct trie_prefix prefix = r->prefix;
	struct trie_sum mine;

	trie_sum(s->trie, &prefix, &mine);
	if (mine.count <= TRIE_LEAF_MAX) {
		walk_reply_done(c);
		return write_list(s, &prefix, buf, size);
	}
	while (r->next < TRIE_FANOUT) {
		unsigned i = r->next++;
		struct trie_prefix below = trie_below(&prefix, i);

		trie_sum(s->trie, &below, &mine);
		if (!trie_sum_equal(&mine, &r->children[i]))
			return write_below(s, &below, buf, size);
	}
	walk_reply_done(c);
	return write_compare(s, &prefix, false, buf, size);
}

static size_t
answer_rows(struct sync *s, struct session *c, uint8_t *buf, size_t size)
{
	struct walk_reply *q = &c->replies[0];
	struct wire_rows r = {.prefix = q->prefix,
	    .role = WIRE_ANSWER,
	    .has_cursor = q->has_cursor};
	bool is_tell = q->is_tell;
	struct msgput m;

	/* a list to learn from is acknowledged when there is room for more */
	if (is_tell && c->ask.count > ASK_LOW)
		return 0;
	memcpy(r.cursor, q->cursor, 16);
	walk_reply_done(c);
	if (!is_tell)
		return walk_write_rows(s, &r, NULL, buf, size);
	wire_begin(&m, buf, size);
	wire_put_rows(&m, &r);
	wire_put_rows_end(&m, &r);
	s->stats.messages_out[WIRE_ROWS]++;
	return wire_end(&m);
}

size_t
walk_reply_pull(struct sync *s, struct session *c, uint8_t *buf, size_t size)
{
	struct trie_prefix prefix;
	struct trie_sum mine;
	struct walk_reply *r;

	if (c->reply_count == 0 || size < 4096)
		return 0;
	r = &c->replies[0];
	if (r->is_rows)
		return answer_rows(s, c, buf, size);
	prefix = r->prefix;
	trie_sum(s->trie, &prefix, &mine);
	if (trie_sum_equal(&mine, &r->sum)) {
		walk_reply_done(c);
		return write_compare(s, &prefix, false, buf, size);
	}
	if (r->has_children)
		return answer_children(s, c, buf, size);
	walk_reply_done(c);
	return write_below(s, &prefix, buf, size);
}
