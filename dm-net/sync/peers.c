/* SPDX-License-Identifier: ISC */
#include "dm-net/sync/peers.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-net/sync/members.h"
#include "dm-net/sync/offers.h"
#include "dm-net/sync/session.h"

uint64_t
peer_hash(const struct sync *s, const struct peer_id *id)
{
	uint64_t h = core_hash(s, id->bytes, sizeof(id->bytes));

	return h == 0 ? 1 : h;
}

static struct peer **
chain_of(struct sync *s, const struct peer_id *id)
{
	return &s->buckets[peer_hash(s, id) % PEER_BUCKETS];
}

struct peer *
peer_find(const struct sync *s, const struct peer_id *id)
{
	struct peer *p = s->buckets[peer_hash(s, id) % PEER_BUCKETS];

	while (p != NULL && !peer_id_equal(&p->id, id))
		p = p->chain;
	return p;
}

/* --- records that are held ---------------------------------------------- */

/* Found by their bytes. Of two that share a place the later one has it, and
 * the other one is checked again when it is heard again. */

static struct peer **
record_place(struct sync *s, const uint8_t *bytes, size_t len)
{
	return &s->by_record[core_hash(s, bytes, len) % RECORD_PLACES];
}

static bool
record_is_held(struct sync *s, const uint8_t *bytes, size_t len)
{
	const struct peer *p = *record_place(s, bytes, len);

	return p != NULL && p->record_len == len &&
	       memcmp(p->record, bytes, len) == 0;
}

static void
record_forget(struct sync *s, struct peer *p)
{
	struct peer **place;

	if (p->record == NULL)
		return;
	place = record_place(s, p->record, p->record_len);
	if (*place == p)
		*place = NULL;
	free(p->record);
	p->record = NULL;
}

static void
record_keep(struct sync *s, struct peer *p, const uint8_t *bytes, size_t len,
    uint64_t seq)
{
	record_forget(s, p);
	p->record = xmalloc(len);
	memcpy(p->record, bytes, len);
	p->record_len = len;
	p->seq = seq;
	*record_place(s, bytes, len) = p;
}

void
peer_drop(struct sync *s, struct peer *p)
{
	struct peer **at = chain_of(s, &p->id);

	while (*at != p)
		at = &(*at)->chain;
	*at = p->chain;
	s->peers[p->at] = s->peers[--s->peer_count];
	s->peers[p->at]->at = p->at;
	record_forget(s, p);
	free(p->addrs);
	free(p);
}

/* The peer that leaves a full table: the least proven one that nobody uses. */
static struct peer *
peer_victim(struct sync *s)
{
	struct peer *worst = NULL;

	for (size_t i = 0; i < s->peer_count; i++) {
		struct peer *p = s->peers[i];

		if (p->sessions > 0 || p->is_dialling || peer_is_trusted(p))
			continue;
		if (worst == NULL ||
		    p->last_success_ns < worst->last_success_ns ||
		    (p->last_success_ns == worst->last_success_ns &&
			p->failures > worst->failures))
			worst = p;
	}
	return worst;
}

struct peer *
peer_add(struct sync *s, const struct peer_id *id, uint64_t teller)
{
	struct peer *p = peer_find(s, id), *victim;
	size_t told = 0;

	if (p != NULL)
		return p;
	for (size_t i = 0; teller != 0 && i < s->peer_count; i++)
		told += s->peers[i]->teller == teller;
	if (told >= PEERS_OF_TELLER_MAX)
		return NULL;
	if (s->peer_count >= PEERS_MAX) {
		victim = peer_victim(s);
		/* a stranger's word removes nobody who was ever reached */
		if (teller != 0 &&
		    (victim == NULL || victim->last_success_ns > 0))
			return NULL;
		if (victim != NULL)
			peer_drop(s, victim);
		else if (s->peer_count == PEERS_ROOM)
			return NULL;
	}
	p = xcalloc(1, sizeof(*p));
	p->id = *id;
	p->teller = teller;
	p->next_dial_ns = s->now_ns + core_random_below(s, SECOND / 5);
	p->chain = *chain_of(s, id);
	*chain_of(s, id) = p;
	p->at = s->peer_count;
	s->peers[s->peer_count++] = p;
	return p;
}

static bool
addr_equal(const struct sync_addr *a, const struct sync_addr *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

void
peer_add_addr(struct peer *p, const struct sync_addr *addr, bool is_static)
{
	size_t at;

	if (addr->len == 0 || addr->len > SYNC_ADDR_MAX)
		return;
	for (at = 0; at < p->addr_count; at++) {
		if (addr_equal(&p->addrs[at], addr))
			break;
	}
	if (at == p->addr_count) {
		if (p->addr_count == SYNC_ADDRS_MAX) {
			if (p->static_count == SYNC_ADDRS_MAX)
				return;
			at--;
		} else {
			p->addrs = xrealloc(
			    p->addrs, ++p->addr_count, sizeof(*p->addrs));
		}
		p->addrs[at] = *addr;
	}
	if (is_static && at >= p->static_count) {
		struct sync_addr other = p->addrs[p->static_count];

		p->addrs[p->static_count++] = p->addrs[at];
		p->addrs[at] = other;
	}
}

bool
peer_is_proven(const struct peer *p)
{
	return peer_is_trusted(p) || p->last_success_ns > 0;
}

void
peer_dial_began(struct sync *s, struct peer *p)
{
	p->is_dialling = true;
	p->is_unproven = !peer_is_proven(p);
	s->dialling++;
	s->dialling_unproven += p->is_unproven;
}

void
peer_dial_ended(struct sync *s, struct peer *p)
{
	if (!p->is_dialling)
		return;
	p->is_dialling = false;
	s->dialling--;
	s->dialling_unproven -= p->is_unproven;
}

bool
sync_is_trusted(const struct sync *s, const struct peer_id *id)
{
	const struct peer *p = peer_find(s, id);

	return p != NULL && peer_is_trusted(p);
}

void
peer_back_off(struct sync *s, struct peer *p)
{
	uint64_t cap = BACKOFF_OTHER_MAX, span;

	if (p->has_answered || p->is_bootstrap) {
		cap = s->config.interval_ns / 2;
		if (cap > BACKOFF_KNOWN_MAX)
			cap = BACKOFF_KNOWN_MAX;
	}
	span = BACKOFF_BASE << (p->failures < 12 ? p->failures : 12);
	if (span > cap)
		span = cap;
	p->failures++;
	/* full jitter, but never at once */
	p->next_dial_ns = s->now_ns + 50 * MS + core_random_below(s, span);
}

void
peer_offends(struct sync *s, const struct ledger_who *who)
{
	struct peer *p = peer_find(s, &who->peer);
	unsigned offences = p == NULL ? 0 : p->offences++;
	uint64_t half, until_ns;

	if (offences > SHUN_DOUBLINGS_MAX)
		offences = SHUN_DOUBLINGS_MAX;
	half = SHUN_NS / 2 << offences;
	until_ns = s->now_ns + half + core_random_below(s, half);
	if (p != NULL)
		p->shunned_ns = until_ns;
	ledger_shun(s->ledger, &who->peer, until_ns);
	ledger_charge(
	    s->ledger, who, LEDGER_OFFENCE, LEDGER_COST_OFFENCE, s->now_ns);
}

void
sync_misbehaved(
    struct sync *s, const struct peer_id *id, const struct netsource *source)
{
	const struct peer *p = peer_find(s, id);
	const struct ledger_who who = {.source = *source,
	    .has_account = p != NULL && peer_is_trusted(p),
	    .peer = *id};

	peer_offends(s, &who);
}

void
peer_forgive(struct sync *s)
{
	for (size_t i = 0; i < s->peer_count; i++) {
		struct peer *p = s->peers[i];
		uint64_t at = s->now_ns + core_random_below(s, SECOND);

		if (p->sessions == 0 && at < p->next_dial_ns)
			p->next_dial_ns = at;
	}
}

void
peer_reset_backoff(struct sync *s, const struct peer *except)
{
	/* one that comes and goes is no news of the others */
	if (except != NULL && s->reset_ns != 0 &&
	    s->now_ns - s->reset_ns < RESET_PAUSE)
		return;
	s->reset_ns = s->now_ns;
	for (size_t i = 0; i < s->peer_count; i++) {
		struct peer *p = s->peers[i];

		if (p == except || p->failures == 0 || p->sessions > 0 ||
		    !(p->has_answered || p->is_bootstrap))
			continue;
		uint64_t at = s->now_ns + core_random_below(s, SECOND);

		p->failures = 0;
		if (at < p->next_dial_ns)
			p->next_dial_ns = at;
	}
}

/* A clock that lies judges nobody's. */
static bool
record_is_future(const struct sync *s, uint64_t seq)
{
	return s->wall_ns >= SYNC_CLOCK_FLOOR_NS && offers_is_future(s, seq);
}

/* The addresses replace what was learned, not what is configured. */
static void
learn_addrs(struct peer *p, const struct sync_record *r)
{
	p->addr_count = p->static_count;
	for (size_t i = 0; i < r->addr_count && i < SYNC_ADDRS_MAX; i++)
		peer_add_addr(p, &r->addrs[i], false);
}

/*
 * Its signer's clock is, or once was, ahead. To believe the sequence would be
 * to believe no later record. While there is nothing else its addresses are
 * tried, but it is not kept and not handed on.
 */
static void
record_from_future(
    struct sync *s, struct peer *p, const struct sync_record *r, uint64_t conn)
{
	const struct entry nameless = {.signed_at_ns = r->seq};

	s->stats.refused[VERDICT_SIGNED_IN_FUTURE]++;
	offers_turn_away(s, conn, &nameless, VERDICT_SIGNED_IN_FUTURE);
	if (p->record == NULL)
		learn_addrs(p, r);
	core_due_at(s, s->now_ns + SECOND / 5);
}

static bool
says_the_same(const struct peer *p, const struct sync_record *r)
{
	if (p->record == NULL ||
	    p->addr_count != p->static_count + r->addr_count)
		return false;
	for (size_t i = 0; i < r->addr_count; i++)
		if (!addr_equal(&p->addrs[p->static_count + i], &r->addrs[i]))
			return false;
	return true;
}

/* Its signature is good: what it says is taken in, if it is news. */
static void
record_take(struct sync *s, const struct sync_record *r, const uint8_t *bytes,
    size_t len, uint64_t teller, uint64_t conn)
{
	struct peer *p = peer_add(s, &r->peer, teller);
	bool is_news;

	if (p == NULL)
		return;
	if (record_is_future(s, r->seq)) {
		record_from_future(s, p, r, conn);
		return;
	}
	/* one taken while our own clock was ahead gives way to any */
	if (p->record != NULL && r->seq <= p->seq &&
	    !record_is_future(s, p->seq))
		return;
	/* it is told of us as we are of it: one of the two dials first */
	if (p->record == NULL && p->sessions == 0 &&
	    peer_id_compare(&s->set.self, &p->id) > 0 &&
	    p->next_dial_ns < s->now_ns + SECOND / 2)
		p->next_dial_ns = s->now_ns + SECOND / 2;
	is_news = !says_the_same(p, r);
	record_keep(s, p, bytes, len, r->seq);
	if (!is_news)
		return;
	learn_addrs(p, r);
	s->hints_due = true;
	core_due_at(s, s->now_ns + SECOND / 5);
	if (p->sessions > 0 && (teller == 0 || teller == peer_hash(s, &p->id)))
		members_news(s, p);
}

bool
peer_record(struct sync *s, const uint8_t *bytes, size_t len, uint64_t teller,
    uint64_t conn)
{
	const struct session *c = session_find(s, conn);
	struct sync_record r = {.addr_count = 0};

	if (len > SYNC_RECORD_MAX)
		return false;
	/* most are heard again and again: they cost a comparison */
	if (record_is_held(s, bytes, len))
		return true;
	if (c != NULL &&
	    !session_pay(s, c, LEDGER_RECORD, LEDGER_COST_RECORD)) {
		s->stats.overflows++;
		return true;
	}
	if (!s->set.record_open(bytes, len, &r))
		return false;
	if (!peer_id_equal(&r.peer, &s->set.self))
		record_take(s, &r, bytes, len, teller, conn);
	return true;
}

bool
peer_is_good(const struct sync *s, const struct peer *p)
{
	if (p->record == NULL || p->addr_count == 0 ||
	    record_is_future(s, p->seq))
		return false;
	return p->sessions > 0 ||
	       (p->was_dialled && s->now_ns - p->dialled_ns < PEER_DAY_NS);
}

void
sync_own_record(struct sync *s, const uint8_t *bytes, size_t len)
{
	if (len > SYNC_RECORD_MAX)
		return;
	free(s->own_record);
	s->own_record = xmalloc(len + 1);
	memcpy(s->own_record, bytes, len);
	s->own_record_len = len;
}

void
sync_peer_record(
    struct sync *s, uint64_t conn, const uint8_t *bytes, size_t len)
{
	peer_record(s, bytes, len, 0, conn);
}

void
sync_hint(struct sync *s, const struct peer_id *id,
    const struct sync_addr *addr, uint64_t last_success_ns)
{
	struct peer *p;

	if (peer_id_equal(id, &s->set.self))
		return;
	p = peer_add(s, id, 0);
	if (p == NULL)
		return;
	peer_add_addr(p, addr, false);
	if (p->last_success_ns == 0)
		p->last_success_ns = last_success_ns;
	p->has_answered |= last_success_ns > 0;
	core_due_at(s, s->now_ns + SECOND / 5);
}

void
sync_network_changed(struct sync *s)
{
	peer_reset_backoff(s, NULL);
	core_due_at(s, s->now_ns);
}

/* Better to remember: configured, reached lately. */
static int
hint_compare(const void *a, const void *b)
{
	const struct peer *p = *(const struct peer *const *)a;
	const struct peer *q = *(const struct peer *const *)b;

	if (p->last_success_ns != q->last_success_ns)
		return p->last_success_ns > q->last_success_ns ? -1 : 1;
	return peer_id_compare(&p->id, &q->id);
}

size_t
sync_hints_list(const struct sync *s, struct sync_hint *out, size_t max)
{
	const struct peer **order = xcalloc(s->peer_count + 1, sizeof(*order));
	size_t known = 0, n = 0;

	for (size_t i = 0; i < s->peer_count; i++) {
		if (s->peers[i]->addr_count > 0 &&
		    s->peers[i]->last_success_ns > 0)
			order[known++] = s->peers[i];
	}
	qsort(order, known, sizeof(*order), hint_compare);
	for (; n < known && n < max; n++) {
		out[n].peer = order[n]->id;
		out[n].addr = order[n]->addrs[0];
		out[n].last_success_ns = order[n]->last_success_ns;
	}
	free(order);
	return n;
}
