/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/name.h"
#include "dm-net/sync/core.h"
#include "dm-net/sync/members.h"
#include "dm-net/sync/offers.h"
#include "dm-net/sync/outgoing.h"
#include "dm-net/sync/peers.h"
#include "dm-net/sync/requests.h"
#include "dm-net/sync/session.h"
#include "dm-net/sync/walk.h"
#include "dm-net/sync/walk_reply.h"

/* --- bytes that came --- */

/* A message and its length. */
#define KEEP_MAX (SYNC_MESSAGE_MAX + WIRE_HEAD_MAX)

static void
take_entries(struct sync *s, struct session *c, struct wire_entries *e)
{
	struct entry entry;
	const uint8_t *content, *missing = e->missing;
	uint8_t key[16];
	size_t len;
	int got;

	while ((got = wire_entry_next(e, &entry, &content, &len)) > 0) {
		s->stats.entries_in++;
		name_key(entry.name, key);
		requests_answered(s, c, key);
		offers_entry(s, c, &entry, content, len);
		if (!session_is_live(c))
			return;
	}
	if (got < 0) {
		session_hostile(s, c, "a malformed entry");
		return;
	}
	for (size_t i = 0; i < e->missing_count; i++)
		requests_answered(s, c, missing + 16 * i);
}

/* A large file may be doubted, too. */
static uint64_t
suspect_cost(uint64_t size)
{
	uint64_t cost_ns = LEDGER_COST_SUSPECT * (1 + (size >> 20));

	return cost_ns < LEDGER_BURST_NS / 2 ? cost_ns : LEDGER_BURST_NS / 2;
}

/* It makes dm-store read the file anew: believed for what it was sent. */
static void
take_bad(struct sync *s, struct session *c, const struct wire_message *m)
{
	const struct trie_row *row = trie_get(s->trie, m->bad.key);
	struct act *a;

	if (row == NULL || memcmp(row->version, m->bad.version, 32) != 0 ||
	    !served_take(
		&c->served, core_hash_secret(s), m->bad.key, m->bad.version) ||
	    !core_bucket_take(s, &c->peer->bad, SERVED_BAD_BURST, 1) ||
	    !session_pay(s, c, LEDGER_SUSPECT, suspect_cost(row->size)))
		return;
	a = core_act(s, SYNC_SCRUB, 0);
	memcpy(a->key, m->bad.key, 16);
	memcpy(a->version, m->bad.version, 32);
}

/* A message of a peer that is up and stays. */
static void
take_live(struct sync *s, struct session *c, struct wire_message *m)
{
	switch (m->type) {
	case WIRE_ENTRIES:
		take_entries(s, c, &m->entries);
		break;
	case WIRE_COMPARE:
		if (m->compare.role == WIRE_ASK)
			walk_reply_compare(s, c, &m->compare);
		else
			walk_compare(s, c, &m->compare);
		break;
	case WIRE_ROWS:
		if (m->rows.role == WIRE_ANSWER)
			walk_rows(s, c, &m->rows);
		else
			walk_reply_rows(s, c, &m->rows);
		break;
	case WIRE_WANT:
		outgoing_want(s, c, &m->want);
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
take_message(
    struct sync *s, struct session *c, const uint8_t *bytes, size_t len)
{
	struct wire_message m;
	enum wire_result result = wire_decode(&m, bytes, len);

	if (result == WIRE_MALFORMED) {
		session_hostile(s, c, "a malformed message");
		return;
	}
	if (c->state == SESSION_GREETING &&
	    (result == WIRE_UNKNOWN ||
		(m.type != WIRE_HELLO && m.type != WIRE_BYE))) {
		session_hostile(s, c, "a message before the hello");
		return;
	}
	if (result == WIRE_UNKNOWN)
		return;
	s->stats.messages_in[m.type]++;
	if (m.type == WIRE_HELLO)
		members_on_hello(s, c, &m.hello);
	else if (m.type == WIRE_BYE)
		members_on_bye(s, c, m.bye);
	else if (m.type == WIRE_RECORDS)
		members_on_records(s, c, &m.records);
	else if (session_is_live(c))
		take_live(s, c, &m);
}

/* Takes all whole messages; returns the bytes they were. */
static size_t
take_whole(struct sync *s, struct session *c, const uint8_t *bytes, size_t len)
{
	size_t at = 0, size;
	int head;

	while (c->state == SESSION_GREETING || c->state == SESSION_UP) {
		head = wire_length(bytes + at, len - at, &size);
		if (head < 0) {
			session_hostile(
			    s, c, "a message of a forbidden length");
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
keep_rest(struct session *c, const uint8_t *bytes, size_t len)
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
	struct session *c = session_find(s, handle);
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

/* --- bytes to send --- */

static size_t
pull_hello(struct sync *s, struct session *c, uint8_t *buf, size_t size)
{
	struct wire_hello h = {.version = SYNC_VERSION};
	struct msgput m;
	static const struct trie_prefix all;

	if (!c->hello_due || !s->is_configured)
		return 0;
	h.agent = s->agent;
	h.agent_len = strlen(s->agent);
	h.has_network = s->config.has_network;
	memcpy(h.network, s->config.network, 32);
	h.start = s->set.start;
	h.generation = s->generation;
	h.interests = names_interests(s->names, &h.interest_count);
	if (size < 512 + 8 * WIRE_INTERESTS_MAX)
		return 0;
	h.is_all = h.interest_count > WIRE_INTERESTS_MAX;
	trie_sum(s->trie, &all, &h.root);
	for (size_t i = 0; i < s->session_count; i++)
		h.peers += session_is_live(s->sessions[i]);
	wire_begin(&m, buf, size);
	wire_put_hello(&m, &h);
	c->hello_due = false;
	s->stats.messages_out[WIRE_HELLO]++;
	return wire_end(&m);
}

static size_t
pull_bad(struct sync *s, struct session *c, uint8_t *buf, size_t size)
{
	const struct bad *b;
	struct msgput m;

	if (c->bad_count == 0)
		return 0;
	b = &c->bads[--c->bad_count];
	wire_begin(&m, buf, size);
	wire_put_bad(&m, b->key, b->version);
	s->stats.messages_out[WIRE_BAD_CONTENT]++;
	return wire_end(&m);
}

static size_t
pull_busy(struct sync *s, struct session *c, uint8_t *buf, size_t size)
{
	struct msgput m;

	if (!c->busy_due)
		return 0;
	c->busy_due = false;
	wire_begin(&m, buf, size);
	wire_put_busy(&m);
	s->stats.messages_out[WIRE_BUSY]++;
	return wire_end(&m);
}

static size_t
pull_bye(struct sync *s, struct session *c, uint8_t *buf, size_t size)
{
	struct msgput m;

	if (!c->bye_due || c->records_due)
		return 0;
	c->bye_due = false;
	wire_begin(&m, buf, size);
	wire_put_bye(&m, c->bye);
	s->stats.messages_out[WIRE_BYE]++;
	return wire_end(&m);
}

/* Our own and at most 31 others, of peers that were reached, at random. */
static size_t
pick_records(struct sync *s, const struct session *c, struct peer **picked)
{
	size_t n = 0, seen = 0;
	const size_t max = WIRE_RECORDS_MAX - 1;

	for (size_t i = 0; i < s->peer_count; i++) {
		struct peer *p = s->peers[i];

		if (p == c->peer || !peer_is_good(s, p))
			continue;
		seen++;
		if (n < max) {
			picked[n++] = p;
		} else {
			uint64_t at = core_random_below(s, seen);

			if (at < max)
				picked[at] = p;
		}
	}
	return n;
}

static size_t
pull_records(struct sync *s, struct session *c, uint8_t *buf, size_t size)
{
	struct peer *picked[WIRE_RECORDS_MAX];
	struct msgput m;
	size_t n, own = s->own_record_len > 0;

	if (!c->records_due ||
	    size < WIRE_RECORDS_MAX * (SYNC_RECORD_MAX + 4) + 16)
		return 0;
	n = pick_records(s, c, picked);
	wire_begin(&m, buf, size);
	wire_put_records(&m, n + own);
	if (own)
		msgput_bin(&m, s->own_record, s->own_record_len);
	for (size_t i = 0; i < n; i++)
		msgput_bin(&m, picked[i]->record, picked[i]->record_len);
	msgput_bool(&m, c->records_ask);
	c->records_due = c->records_ask = false;
	s->stats.messages_out[WIRE_RECORDS]++;
	return wire_end(&m);
}

static size_t
pull_news(struct sync *s, struct session *c, uint8_t *buf, size_t size)
{
	const struct peer *news[NEWS_MAX];
	struct msgput m;
	size_t n = 0;

	if (c->news_count == 0 || size < NEWS_MAX * (SYNC_RECORD_MAX + 4) + 16)
		return 0;
	for (size_t i = 0; i < c->news_count; i++) {
		news[n] = peer_find(s, &c->news[i]);
		n += news[n] != NULL && news[n]->record != NULL;
	}
	c->news_count = 0;
	if (n == 0)
		return 0;
	wire_begin(&m, buf, size);
	wire_put_records(&m, n);
	for (size_t i = 0; i < n; i++)
		msgput_bin(&m, news[i]->record, news[i]->record_len);
	msgput_bool(&m, false);
	s->stats.messages_out[WIRE_RECORDS]++;
	return wire_end(&m);
}

typedef size_t pull_fn(struct sync *, struct session *, uint8_t *, size_t);

/* Small and urgent messages are sent first. */
static pull_fn *const first[] = {
    pull_hello, pull_bad, pull_records, pull_news, pull_bye, pull_busy};
static pull_fn *const work[] = {
    walk_reply_pull, walk_pull, requests_pull, outgoing_pull};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The next message; 0: none, or no room for it. */
static size_t
pull_one(struct sync *s, struct session *c, uint8_t *buf, size_t size)
{
	size_t n;

	if (size < 512) /* none of the small ones is larger */
		return 0;
	for (size_t i = 0; i < COUNT(first); i++) {
		n = first[i](s, c, buf, size);
		/* the peer takes nothing before the hello */
		if (n > 0 || c->hello_due)
			return n;
	}
	for (size_t i = 0; i < COUNT(work) && session_is_live(c); i++) {
		n = work[i](s, c, buf, size);
		if (n > 0)
			return n;
	}
	return 0;
}

size_t
sync_pull(struct sync *s, uint64_t handle, uint8_t *buf, size_t size)
{
	struct session *c = session_find(s, handle);
	size_t len = 0, n;

	if (c == NULL || c->state == SESSION_CLOSED)
		return 0;
	while ((n = pull_one(s, c, buf + len, size - len)) > 0)
		len += n;
	s->stats.bytes_out += len;
	if (len == 0) {
		c->is_awake = false;
		session_flushed(s, c);
	}
	return len;
}
