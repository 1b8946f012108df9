/* SPDX-License-Identifier: ISC */
#include "dm-net/sync/requests.h"

#include <string.h>

#include "dm-net/sync/offers.h"
#include "dm-net/sync/session.h"
#include "dm-net/sync/walk.h"
#include "dm-net/sync/wanted.h"

/*
 * Entries that a peer's list showed and we lack: asked for 64 at a time, of
 * one peer at a time, and only while there is room for what comes.
 */

size_t
requests_take_rows(struct sync *s, struct session *c, const struct wire_rows *r)
{
	struct wire_row row;
	struct keyq_item *it;
	size_t found = 0;

	for (size_t i = 0; i < r->count; i++) {
		enum row_fate fate;

		wire_row_at(r, i, &row);
		fate = offers_row(s, c, &row);
		found += fate == ROW_COMING;
		if (fate != ROW_WANTED)
			continue;
		found++;
		it = keyq_add(&c->ask, row.key);
		if (it == NULL) {
			s->stats.overflows++;
			walk_soon(s, c, WALK_SOON_NS);
			break;
		}
		it->signed_at_ns = row.signed_at_ns;
		memcpy(it->version, row.version, 32);
	}
	if (c->ask.count > 0)
		session_want_write(s, c);
	return found;
}

/* True if the first of the queue is to be asked for now. */
static bool
requests_pick(struct sync *s, struct session *c, uint8_t *key)
{
	struct keyq_item *it = keyq_first(&c->ask), *asked;
	struct wire_row row = {.signed_at_ns = it->signed_at_ns};

	memcpy(row.key, it->key, 16);
	memcpy(row.version, it->version, 32);
	if (offers_row(s, c, &row) != ROW_WANTED) {
		keyq_remove(&c->ask, row.key);
		return false;
	}
	if (keyq_find(&s->asked, row.key) != NULL) {
		/* someone else was asked; see what comes of that */
		keyq_rotate(&c->ask, it);
		return false;
	}
	asked = keyq_add(&s->asked, row.key);
	if (asked == NULL || keyq_add(&c->asking, row.key) == NULL) {
		keyq_rotate(&c->ask, it);
		return false;
	}
	memcpy(key, row.key, 16);
	keyq_remove(&c->ask, key);
	return true;
}

size_t
requests_pull(struct sync *s, struct session *c, uint8_t *buf, size_t size)
{
	uint8_t keys[WIRE_KEYS_MAX * 16];
	size_t n = 0, turns = c->ask.count;
	struct msgput m;

	if (c->asking.count > 0 || turns == 0 ||
	    want_count_coming(s) + s->judge_count >= WANTS_ROOM ||
	    s->judge_count + WIRE_KEYS_MAX > JUDGES_MAX || size < 2048)
		return 0;
	for (; turns > 0 && n < WIRE_KEYS_MAX; turns--)
		n += requests_pick(s, c, keys + 16 * n);
	if (n == 0)
		return 0;
	c->asking_ns = s->now_ns;
	wire_begin(&m, buf, size);
	wire_put_want(&m, keys, n);
	s->stats.messages_out[WIRE_WANT]++;
	return wire_end(&m);
}

void
requests_more(struct sync *s)
{
	for (size_t i = 0; i < s->session_count; i++)
		if (s->sessions[i]->ask.count > 0)
			session_want_write(s, s->sessions[i]);
}

bool
requests_answered(struct sync *s, struct session *c, const uint8_t *key)
{
	if (!keyq_remove(&c->asking, key))
		return false;
	keyq_remove(&s->asked, key);
	c->asking_ns = s->now_ns;
	if (c->asking.count == 0)
		session_want_write(s, c);
	return true;
}

static void
asking_drop(struct sync *s, struct session *c)
{
	struct keyq_item *it = keyq_first(&c->asking);

	for (; it != NULL; it = keyq_next(&c->asking, it))
		keyq_remove(&s->asked, it->key);
	keyq_clear(&c->asking);
}

void
requests_drop(struct sync *s, struct session *c)
{
	asking_drop(s, c);
	keyq_clear(&c->ask);
}

void
requests_tick(struct sync *s, struct session *c)
{
	if (c->asking.count > 0 && s->now_ns - c->asking_ns > ASKED_NS) {
		asking_drop(s, c);
		walk_soon(s, c, WALK_SOON_NS);
	}
	if (c->asking.count == 0 && c->ask.count > 0)
		session_want_write(s, c);
}
