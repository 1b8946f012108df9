/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/name.h"
#include "dm-net/sync/core.h"

/* A message and its length. */
#define KEEP_MAX (SYNC_MESSAGE_MAX + WIRE_HEAD_MAX)

static void
take_entries(struct sync *s, struct conn *c, struct wire_entries *e)
{
	struct entry entry;
	const uint8_t *content, *missing = e->missing;
	uint8_t key[16];
	size_t len;
	int got;

	while ((got = wire_entry_next(e, &entry, &content, &len)) > 0) {
		s->stats.entries_in++;
		name_key(entry.name, key);
		accept_entry(
		    s, c, &entry, content, len, ask_answered(s, c, key));
		if (!conn_is_live(c))
			return;
	}
	if (got < 0) {
		conn_hostile(s, c, "malformed entry");
		return;
	}
	for (size_t i = 0; i < e->missing_count; i++)
		ask_answered(s, c, missing + 16 * i);
}

/* It makes dm-store read the file anew: believed for what it was sent. */
static void
take_bad(struct sync *s, struct conn *c, const struct wire_message *m)
{
	const struct trie_row *row = trie_get(s->trie, m->bad.key);
	struct act *a;

	if (row == NULL || memcmp(row->version, m->bad.version, 32) != 0 ||
	    !served_take(
		&c->served, hash_secret(s), m->bad.key, m->bad.version) ||
	    !bucket_take(s, &c->peer->bad, SERVED_BAD_BURST, 1))
		return;
	a = act_add(s, SYNC_SCRUB, 0);
	memcpy(a->key, m->bad.key, 16);
	memcpy(a->version, m->bad.version, 32);
}

/* A message of a peer that is up and stays. */
static void
take_live(struct sync *s, struct conn *c, struct wire_message *m)
{
	switch (m->type) {
	case WIRE_ENTRIES:
		take_entries(s, c, &m->entries);
		break;
	case WIRE_COMPARE:
		if (m->compare.role == WIRE_ASK)
			reply_compare(s, c, &m->compare);
		else
			walk_compare(s, c, &m->compare);
		break;
	case WIRE_ROWS:
		if (m->rows.role == WIRE_ANSWER)
			walk_rows(s, c, &m->rows);
		else
			reply_rows(s, c, &m->rows);
		break;
	case WIRE_WANT:
		announce_want(s, c, &m->want);
		break;
	case WIRE_BAD_CONTENT:
		take_bad(s, c, m);
		break;
	case WIRE_BUSY:
		walk_busy(s, c);
		break;
	case WIRE_HELLO:
	case WIRE_RECORDS:
	case WIRE_BYE:
	case WIRE_TYPES:
		break;
	}
}

static void
take_message(struct sync *s, struct conn *c, const uint8_t *bytes, size_t len)
{
	struct wire_message m;
	enum wire_result result = wire_decode(&m, bytes, len);

	if (result == WIRE_MALFORMED) {
		conn_hostile(s, c, "malformed message");
		return;
	}
	if (c->state == CONN_GREETING &&
	    (result == WIRE_UNKNOWN ||
		(m.type != WIRE_HELLO && m.type != WIRE_BYE))) {
		conn_hostile(s, c, "no hello first");
		return;
	}
	if (result == WIRE_UNKNOWN)
		return;
	s->stats.messages_in[m.type]++;
	if (m.type == WIRE_HELLO)
		conn_on_hello(s, c, &m.hello);
	else if (m.type == WIRE_BYE)
		conn_on_bye(s, c, m.bye);
	else if (m.type == WIRE_RECORDS)
		conn_on_records(s, c, &m.records);
	else if (conn_is_live(c))
		take_live(s, c, &m);
}

/* Takes all whole messages; returns the bytes they were. */
static size_t
take_whole(struct sync *s, struct conn *c, const uint8_t *bytes, size_t len)
{
	size_t at = 0, size;
	int head;

	while (c->state == CONN_GREETING || c->state == CONN_UP) {
		head = wire_length(bytes + at, len - at, &size);
		if (head < 0) {
			conn_hostile(s, c, "message of a forbidden length");
			break;
		}
		if (head == 0 || len - at - (size_t)head < size)
			return at;
		take_message(s, c, bytes + at + head, size);
		at += (size_t)head + size;
	}
	return len;
}

/* Keeps what is no whole message yet; with what was kept it is no more than
 * one. */
static void
keep_rest(struct conn *c, const uint8_t *bytes, size_t len)
{
	if (c->in_len + len > c->in_room) {
		c->in_room = (c->in_len + len) * 2;
		if (c->in_room > KEEP_MAX)
			c->in_room = KEEP_MAX;
		c->in = xrealloc(c->in, c->in_room, 1);
	}
	memcpy(c->in + c->in_len, bytes, len);
	c->in_len += len;
}

void
sync_recv(struct sync *s, uint64_t handle, const uint8_t *bytes, size_t len)
{
	struct conn *c = conn_find(s, handle);
	size_t taken;

	if (c == NULL || len == 0)
		return;
	s->stats.bytes_in += len;
	if (c->in_len == 0) {
		taken = take_whole(s, c, bytes, len);
		if (taken < len)
			keep_rest(c, bytes + taken, len - taken);
		return;
	}
	/* piece by piece, so that no more than a message is ever kept */
	while (len > 0) {
		size_t n = KEEP_MAX - c->in_len;

		if (n > len)
			n = len;
		keep_rest(c, bytes, n);
		bytes += n;
		len -= n;
		taken = take_whole(s, c, c->in, c->in_len);
		c->in_len -= taken;
		memmove(c->in, c->in + taken, c->in_len);
	}
	if (c->in_len == 0) {
		free(c->in);
		c->in = NULL;
		c->in_room = 0;
	}
}
