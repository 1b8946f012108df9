/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "dm-net/sync/core.h"

static size_t
pull_hello(struct sync *s, struct conn *c, uint8_t *buf, size_t size)
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
	for (size_t i = 0; i < s->conn_count; i++)
		h.peers += conn_is_live(s->conns[i]);
	wire_begin(&m, buf, size);
	wire_put_hello(&m, &h);
	c->hello_due = false;
	s->stats.messages_out[WIRE_HELLO]++;
	return wire_end(&m);
}

static size_t
pull_bad(struct sync *s, struct conn *c, uint8_t *buf, size_t size)
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
pull_busy(struct sync *s, struct conn *c, uint8_t *buf, size_t size)
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
pull_bye(struct sync *s, struct conn *c, uint8_t *buf, size_t size)
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
pick_records(struct sync *s, const struct conn *c, struct peer **picked)
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
			uint64_t at = random_below(s, seen);

			if (at < max)
				picked[at] = p;
		}
	}
	return n;
}

static size_t
pull_records(struct sync *s, struct conn *c, uint8_t *buf, size_t size)
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
pull_news(struct sync *s, struct conn *c, uint8_t *buf, size_t size)
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

typedef size_t pull_fn(struct sync *, struct conn *, uint8_t *, size_t);

/* What is small and urgent comes first. */
static pull_fn *const first[] = {
    pull_hello, pull_bad, pull_records, pull_news, pull_bye, pull_busy};
static pull_fn *const work[] = {reply_pull, walk_pull, ask_pull, announce_pull};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The next message; 0: none, or no room for it. */
static size_t
pull_one(struct sync *s, struct conn *c, uint8_t *buf, size_t size)
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
	for (size_t i = 0; i < COUNT(work) && conn_is_live(c); i++) {
		n = work[i](s, c, buf, size);
		if (n > 0)
			return n;
	}
	return 0;
}

size_t
sync_pull(struct sync *s, uint64_t handle, uint8_t *buf, size_t size)
{
	struct conn *c = conn_find(s, handle);
	size_t len = 0, n;

	if (c == NULL || c->state == CONN_CLOSED)
		return 0;
	while ((n = pull_one(s, c, buf + len, size - len)) > 0)
		len += n;
	s->stats.bytes_out += len;
	if (len == 0) {
		c->is_awake = false;
		conn_flushed(s, c);
	}
	return len;
}
