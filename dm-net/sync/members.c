/* SPDX-License-Identifier: ISC */
#include "dm-net/sync/members.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-net/sync/peers.h"
#include "dm-net/sync/places.h"
#include "dm-net/sync/session.h"
#include "dm-net/sync/walk.h"

static size_t
count_live(const struct sync *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->session_count; i++)
		n += session_is_live(s->sessions[i]);
	return n;
}

static size_t
count_outbound(const struct sync *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->session_count; i++) {
		const struct session *c = s->sessions[i];

		n += c->is_outbound &&
		     (c->state == SESSION_UP || c->state == SESSION_GREETING);
	}
	return n;
}

/* --- hello ------------------------------------------------------------ */

static void
hello_take(struct session *c, const struct wire_hello *h)
{
	c->start = h->start;
	c->generation = h->generation;
	c->their_peers = h->peers;
	c->their_root = h->root;
	c->is_all = h->is_all;
	free(c->interests);
	c->interests = NULL;
	c->interest_count = h->interest_count;
	if (h->interest_count > 0) {
		c->interests = xmalloc(8 * h->interest_count);
		memcpy(c->interests, h->interests, 8 * h->interest_count);
	}
	memcpy(c->agent, h->agent, h->agent_len);
	c->agent[h->agent_len] = '\0';
}

/*
 * Two connections to one peer. The newest stays if the other can be dead: the
 * peer started anew, or dialled again. If both sides dialled at once, the
 * smaller peer id's own call stays, and it alone ends the other.
 */
static void
resolve_duplicates(struct sync *s, struct session *c)
{
	bool we_decide = peer_id_compare(&s->set.self, &c->peer->id) < 0;

	for (size_t i = 0; i < s->session_count; i++) {
		struct session *o = s->sessions[i];

		if (o == c || o->peer != c->peer || o->state != SESSION_UP)
			continue;
		if (o->start != c->start || o->is_outbound == c->is_outbound) {
			session_bye(s, o->serial < c->serial ? o : c,
			    WIRE_BYE_SURPLUS, SYNC_CLOSE_SURPLUS,
			    "replaced by a newer connection");
		} else if (we_decide) {
			struct session *loser = o->is_outbound ? c : o;

			loser->is_draining = true;
			loser->deadline_ns = s->now_ns + DRAIN_NS;
		}
	}
}

/* Its record said less than where it answered: the remote end counts. */
static bool
is_one_too_many(const struct sync *s, const struct session *c)
{
	return c->is_outbound && !peer_is_trusted(c->peer) &&
	       places_dialled_enough(s, &c->place, c);
}

static void
session_up(struct sync *s, struct session *c)
{
	struct peer *p = c->peer;

	c->state = SESSION_UP;
	c->records_due = true;
	p->has_answered = true;
	if (c->is_outbound) {
		p->was_dialled = true;
		p->dialled_ns = s->now_ns;
		p->last_success_ns = s->wall_ns;
		s->hints_due = true;
	}
	peer_reset_backoff(s, p);
	if (is_one_too_many(s, c)) {
		p->next_dial_ns = s->now_ns + BACKOFF_REFUSED / 2 +
				  core_random_below(s, BACKOFF_REFUSED / 2);
		session_bye(s, c, WIRE_BYE_SURPLUS, SYNC_CLOSE_SURPLUS,
		    "enough connections lead to its network");
		return;
	}
	if (!c->is_outbound && count_live(s) > s->set.peers_max &&
	    !peer_is_trusted(p)) {
		c->is_trial = true;
		c->deadline_ns = s->now_ns + TRIAL_NS;
		core_due_at(s, c->deadline_ns);
	} else {
		resolve_duplicates(s, c);
	}
	session_want_write(s, c);
	if (session_is_live(c))
		walk_hello(s, c);
	s->fetch_due = true;
}

static bool
is_our_network(const struct sync *s, const struct wire_hello *h)
{
	return h->has_network == s->config.has_network &&
	       (!h->has_network ||
		   memcmp(h->network, s->config.network, 32) == 0);
}

void
members_on_hello(struct sync *s, struct session *c, const struct wire_hello *h)
{
	bool is_first = c->state == SESSION_GREETING;
	bool is_reload = !is_first && c->generation != h->generation;

	if (h->version < SYNC_VERSION) {
		session_hostile(s, c, "a hello with a version that is too old");
		return;
	}
	hello_take(c, h);
	if (!is_our_network(s, h)) {
		c->peer->next_dial_ns =
		    s->now_ns + core_random_below(s, BACKOFF_REFUSED);
		session_bye(s, c, WIRE_BYE_NETWORK, SYNC_CLOSE_NETWORK, "");
	} else if (is_first) {
		session_up(s, c);
	} else if (is_reload && session_is_live(c)) {
		c->walk_backoff = 1;
		walk_hello(s, c);
	}
}

/* --- full ------------------------------------------------------------- */

/* We are full: either the newcomer goes, or another session makes room. */
static void
trial_decide(struct sync *s, struct session *c)
{
	struct session *victim;

	c->is_trial = false;
	if (count_live(s) <= s->set.peers_max) {
		resolve_duplicates(s, c);
		walk_hello(s, c);
		return;
	}
	c->is_trial = true;
	victim = places_yield(s, c);
	if (victim == NULL) {
		c->peer->next_dial_ns = s->now_ns + BACKOFF_REFUSED;
		session_bye(s, c, WIRE_BYE_FULL, SYNC_CLOSE_SURPLUS,
		    "this node is full");
		return;
	}
	session_bye(s, victim, WIRE_BYE_FULL, SYNC_CLOSE_SURPLUS,
	    "this node is full, and another peer needs the place more");
	c->is_trial = false;
	resolve_duplicates(s, c);
	walk_hello(s, c);
}

void
members_on_bye(struct sync *s, struct session *c, uint64_t reason)
{
	struct peer *p = c->peer;

	if (reason == WIRE_BYE_FULL || reason == WIRE_BYE_NETWORK)
		p->next_dial_ns = s->now_ns + BACKOFF_REFUSED / 2 +
				  core_random_below(s, BACKOFF_REFUSED / 2);
	session_close(s, c, SYNC_CLOSE_BYE,
	    reason == WIRE_BYE_FULL	 ? "the peer is full"
	    : reason == WIRE_BYE_NETWORK ? "the peer is in another network"
					 : "good-bye",
	    false);
}

/* --- records ---------------------------------------------------------- */

void
members_on_records(struct sync *s, struct session *c, struct wire_records *r)
{
	const uint8_t *bytes;
	size_t len;

	while (wire_record_next(r, &bytes, &len)) {
		if (!core_bucket_take(
			s, &c->record_checks, RECORDS_BURST, RECORDS_PER_S)) {
			s->stats.overflows++;
			break;
		}
		if (!peer_record(
			s, bytes, len, peer_hash(s, &c->peer->id), c->handle)) {
			session_hostile(
			    s, c, "a peer record that is not signed");
			return;
		}
	}
	c->got_records = true;
	if (r->is_ask) {
		c->records_due = true;
		session_want_write(s, c);
	}
	if (c->is_trial)
		trial_decide(s, c);
}

/* --- whom to dial ----------------------------------------------------- */

static bool
may_dial(const struct sync *s, const struct peer *p)
{
	return p->sessions == 0 && !p->is_dialling && p->addr_count > 0 &&
	       p->next_dial_ns <= s->now_ns && p->shunned_ns <= s->now_ns &&
	       (s->allowed_count == 0 || p->is_allowed);
}

/* Are enough connections dialled to one of its addresses' networks? Which of
 * them it answers at is not known before. */
static bool
group_is_full(const struct sync *s, const struct peer *p)
{
	if (peer_is_trusted(p))
		return false;
	for (size_t i = 0; i < p->addr_count; i++) {
		struct place place = place_of(&p->addrs[i]);

		if (place.reach == IP_GLOBAL &&
		    places_dialled_enough(s, &place, NULL))
			return true;
	}
	return false;
}

enum dial_kind { DIAL_TRUSTED, DIAL_PROVEN, DIAL_ANY, DIAL_BOOTSTRAP };

static bool
is_of_kind(const struct peer *p, enum dial_kind kind)
{
	switch (kind) {
	case DIAL_TRUSTED:
		return peer_is_trusted(p);
	case DIAL_PROVEN:
		return peer_is_proven(p);
	case DIAL_BOOTSTRAP:
		return p->is_bootstrap;
	case DIAL_ANY:
		break;
	}
	return true;
}

/* One of those that may be dialled, at random; NULL: none. */
static struct peer *
dial_pick(struct sync *s, enum dial_kind kind)
{
	struct peer *picked = NULL;
	size_t seen = 0;

	for (size_t i = 0; i < s->peer_count; i++) {
		struct peer *p = s->peers[i];

		if (!may_dial(s, p) || !is_of_kind(p, kind) ||
		    group_is_full(s, p))
			continue;
		if (core_random_below(s, ++seen) == 0)
			picked = p;
	}
	return picked;
}

static bool
dial(struct sync *s, struct peer *p)
{
	if (p == NULL || s->dialling >= DIALS_MAX)
		return false;
	peer_dial_began(s, p);
	core_act(s, SYNC_DIAL, 0)->peer = p;
	return true;
}

/* Anybody can name ids that lead nowhere: every second dial, and the last of
 * those under way, goes to a peer that answered before. */
static struct peer *
dial_next(struct sync *s)
{
	bool is_reserved = s->dialling_unproven >= DIALS_UNPROVEN_MAX;
	struct peer *p = NULL;

	if (is_reserved || s->dial_turn++ % 2 == 0)
		p = dial_pick(s, DIAL_PROVEN);
	if (p == NULL && !is_reserved)
		p = dial_pick(s, DIAL_ANY);
	return p;
}

static size_t
count_trusted(const struct sync *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->session_count; i++)
		n += peer_is_trusted(s->sessions[i]->peer);
	return n;
}

static size_t
dialled_target(const struct sync *s)
{
	return s->set.dialled_target < s->set.peers_max ? s->set.dialled_target
							: s->set.peers_max;
}

static void
dial_tick(struct sync *s)
{
	if (!s->is_configured)
		return;
	if (count_trusted(s) < TRUSTED_TARGET)
		dial(s, dial_pick(s, DIAL_TRUSTED));
	while (count_outbound(s) + s->dialling < dialled_target(s) &&
	       dial(s, dial_next(s)))
		;
}

static bool
has_news(const struct session *c, const struct peer_id *id)
{
	for (size_t i = 0; i < c->news_count; i++)
		if (peer_id_equal(&c->news[i], id))
			return true;
	return false;
}

void
members_news(struct sync *s, const struct peer *p)
{
	size_t at =
	    s->session_count == 0 ? 0 : core_random_below(s, s->session_count);
	size_t told = 0;

	for (size_t i = 0; i < s->session_count && told < NEWS_CONNS; i++) {
		struct session *c = s->sessions[(at + i) % s->session_count];

		if (c->peer == p || c->state == SESSION_CLOSED ||
		    c->news_count == NEWS_MAX || has_news(c, &p->id))
			continue;
		c->news[c->news_count++] = p->id;
		session_want_write(s, c);
		told++;
	}
}

/* --- each interval: records, and now and then someone else ------------ */

static struct session *
random_live(struct sync *s)
{
	struct session *picked = NULL;
	size_t seen = 0;

	for (size_t i = 0; i < s->session_count; i++) {
		if (session_is_live(s->sessions[i]) &&
		    core_random_below(s, ++seen) == 0)
			picked = s->sessions[i];
	}
	return picked;
}

static void
exchange_tick(struct sync *s)
{
	struct session *c;

	if (s->now_ns < s->exchange_at_ns)
		return;
	s->exchange_at_ns = s->now_ns + s->config.interval_ns * 3 / 4 +
			    core_random_below(s, s->config.interval_ns / 2);
	c = random_live(s);
	if (c != NULL) {
		c->records_due = c->records_ask = true;
		session_want_write(s, c);
	}
	if (++s->exchanges % 10 == 0 && s->is_configured) {
		dial(s, dial_next(s));
		dial(s, dial_pick(s, DIAL_BOOTSTRAP));
	}
}

/* --- time ------------------------------------------------------------- */

static void
session_tick(struct sync *s, struct session *c)
{
	bool is_late = s->now_ns >= c->deadline_ns;

	if (c->state == SESSION_GREETING && is_late) {
		session_close(
		    s, c, SYNC_CLOSE_SILENT, "no hello in time", false);
	} else if (c->state == SESSION_FLUSHING && is_late) {
		session_flushed(s, c);
	} else if (c->state == SESSION_UP && c->is_trial && is_late) {
		trial_decide(s, c);
	} else if (c->state == SESSION_UP && c->is_draining &&
		   (is_late ||
		       (c->small + c->large == 0 && c->asking.count == 0 &&
			   s->now_ns - c->since_ns > SECOND))) {
		session_bye(s, c, WIRE_BYE_SURPLUS, SYNC_CLOSE_SURPLUS,
		    "a second connection");
	}
}

/* More were dialled than we hold: the one that was not meant to stay goes. */
static void
trim_tick(struct sync *s)
{
	struct session *oldest = NULL;

	if (count_outbound(s) <= dialled_target(s) + 1)
		return;
	for (size_t i = 0; i < s->session_count; i++) {
		struct session *c = s->sessions[i];

		if (!session_is_live(c) || !c->is_outbound ||
		    peer_is_trusted(c->peer) ||
		    s->now_ns - c->since_ns < s->config.interval_ns)
			continue;
		if (oldest == NULL || c->serial < oldest->serial)
			oldest = c;
	}
	if (oldest != NULL)
		session_bye(s, oldest, WIRE_BYE_SURPLUS, SYNC_CLOSE_SURPLUS,
		    "this node holds enough connections");
}

void
members_tick(struct sync *s)
{
	for (size_t i = 0; i < s->session_count; i++)
		session_tick(s, s->sessions[i]);
	exchange_tick(s);
	trim_tick(s);
	dial_tick(s);
	if (s->hints_due && s->now_ns >= s->hints_at_ns) {
		s->hints_due = false;
		s->hints_at_ns = s->now_ns + HINTS_NS;
		core_act(s, SYNC_HINTS, 0);
	}
}

/* Fewer may be held than before: of the untrusted, the newest go. */
static void
trim_to_max(struct sync *s)
{
	for (size_t n = count_live(s); n > s->set.peers_max; n--) {
		struct session *newest = NULL;

		for (size_t i = 0; i < s->session_count; i++) {
			struct session *c = s->sessions[i];

			if (session_is_live(c) && !peer_is_trusted(c->peer) &&
			    (newest == NULL || c->serial > newest->serial))
				newest = c;
		}
		if (newest == NULL)
			break;
		session_bye(s, newest, WIRE_BYE_FULL, SYNC_CLOSE_SURPLUS,
		    "this node now holds fewer connections");
	}
}

/* The new names are told to all, and who is not allowed any more goes. */
void
members_reload(struct sync *s)
{
	for (size_t i = 0; i < s->session_count; i++) {
		struct session *c = s->sessions[i];

		if (s->allowed_count > 0 && !c->peer->is_allowed) {
			session_bye(s, c, WIRE_BYE_CLOSING, SYNC_CLOSE_SURPLUS,
			    "the peer is no longer in allowed_peers");
			continue;
		}
		c->hello_due = true;
		session_want_write(s, c);
		if (session_is_live(c)) {
			c->walk_backoff = 1;
			walk_soon(s, c, core_random_below(s, SECOND));
		}
	}
	trim_to_max(s);
}
