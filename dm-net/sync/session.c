/* SPDX-License-Identifier: ISC */
#include "dm-net/sync/session.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-net/sync/fetch.h"
#include "dm-net/sync/peers.h"
#include "dm-net/sync/places.h"
#include "dm-net/sync/requests.h"
#include "dm-net/sync/walk.h"
#include "dm-net/sync/wanted.h"

struct session *
session_find(const struct sync *s, uint64_t handle)
{
	for (size_t i = 0; i < s->session_count; i++) {
		if (s->sessions[i]->handle == handle)
			return s->sessions[i];
	}
	return NULL;
}

struct ledger_who
session_who(const struct session *c)
{
	return (struct ledger_who){.source = c->source,
	    .has_account = peer_is_trusted(c->peer),
	    .peer = c->peer->id};
}

bool
session_can_pay(struct sync *s, const struct session *c, enum ledger_kind kind,
    uint64_t cost_ns)
{
	const struct ledger_who who = session_who(c);

	if (ledger_has_room(s->ledger, &who, cost_ns, s->now_ns))
		return true;
	ledger_refused(s->ledger, &who, kind, s->now_ns);
	return false;
}

bool
session_pay(struct sync *s, const struct session *c, enum ledger_kind kind,
    uint64_t cost_ns)
{
	const struct ledger_who who = session_who(c);

	return ledger_take(s->ledger, &who, kind, cost_ns, s->now_ns);
}

void
session_want_write(struct sync *s, struct session *c)
{
	if (c->is_awake || c->state == SESSION_CLOSED)
		return;
	c->is_awake = true;
	core_act(s, SYNC_WANT_WRITE, c->handle);
}

void
session_free(struct session *c)
{
	walk_drop(c);
	keyq_clear(&c->out);
	keyq_clear(&c->ask);
	keyq_clear(&c->asking);
	free(c->in);
	free(c->interests);
	free(c->has);
	free(c->replies);
	free(c);
}

/* Nothing is expected of it any more. */
static void
session_retire(struct sync *s, struct session *c, bool is_gone)
{
	walk_drop(c);
	requests_drop(s, c);
	keyq_clear(&c->out);
	c->reply_count = 0;
	c->missing_count = 0;
	fetch_end_all(s, c->handle, is_gone);
	want_conn_gone(s, c->handle);
}

void
session_close(struct sync *s, struct session *c, enum sync_close reason,
    const char *text, bool flush)
{
	if (c->state == SESSION_CLOSED ||
	    (flush && c->state == SESSION_FLUSHING))
		return;
	if (c->state != SESSION_FLUSHING) {
		c->reason = reason;
		c->text = text;
		session_retire(s, c, false);
	}
	if (flush) {
		c->state = SESSION_FLUSHING;
		c->deadline_ns = s->now_ns + FLUSH_NS;
		core_due_at(s, c->deadline_ns);
		session_want_write(s, c);
		return;
	}
	c->state = SESSION_CLOSED;
	struct act *a = core_act(s, SYNC_CLOSE, c->handle);

	a->reason = c->reason;
	a->text = c->text;
}

void
session_flushed(struct sync *s, struct session *c)
{
	if (c->state == SESSION_FLUSHING)
		session_close(s, c, c->reason, c->text, false);
}

void
session_hostile(struct sync *s, struct session *c, const char *text)
{
	if (c->state == SESSION_CLOSED || c->state == SESSION_FLUSHING)
		return;
	const struct ledger_who who = session_who(c);

	s->stats.hostile++;
	peer_offends(s, &who);
	session_close(s, c, SYNC_CLOSE_HOSTILE, text, c->bad_count > 0);
}

void
session_bye(struct sync *s, struct session *c, enum wire_bye bye,
    enum sync_close reason, const char *text)
{
	if (c->state == SESSION_CLOSED || c->state == SESSION_FLUSHING)
		return;
	c->bye_due = true;
	c->bye = bye;
	session_close(s, c, reason, text, true);
}

bool
session_is_interested(const struct session *c, const char *name)
{
	return c->is_all ||
	       names_interest_has(c->interests, c->interest_count, name);
}

/* --- what a peer has: a small lossy table; a loss costs a repeat ------ */

static struct has *
has_slot(const struct session *c, const uint8_t *key)
{
	return &c->has[key[9] % HAS_SLOTS];
}

void
session_note_has(struct session *c, const uint8_t *key, uint64_t signed_at_ns,
    const uint8_t *version)
{
	struct has *h;

	if (c->has == NULL)
		c->has = xcalloc(HAS_SLOTS, sizeof(*c->has));
	h = has_slot(c, key);
	if (memcmp(h->key, key, sizeof(h->key)) == 0 &&
	    h->signed_at_ns > signed_at_ns)
		return;
	memcpy(h->key, key, sizeof(h->key));
	memcpy(h->version, version, sizeof(h->version));
	h->signed_at_ns = signed_at_ns;
}

bool
session_has(
    const struct session *c, const uint8_t *key, const struct entry_rank *rank)
{
	const struct has *h;

	if (c->has == NULL)
		return false;
	h = has_slot(c, key);
	if (memcmp(h->key, key, sizeof(h->key)) != 0)
		return false;
	return h->signed_at_ns > rank->signed_at_ns ||
	       (h->signed_at_ns == rank->signed_at_ns &&
		   memcmp(h->version, rank->version, sizeof(h->version)) == 0);
}

/* --- events ----------------------------------------------------------- */

static struct session *
session_new(struct sync *s, uint64_t handle, struct peer *p, bool is_outbound)
{
	struct session *c = xcalloc(1, sizeof(*c));

	c->handle = handle;
	c->peer = p;
	c->is_outbound = is_outbound;
	c->serial = ++s->serial;
	c->since_ns = s->now_ns;
	c->deadline_ns = s->now_ns + HELLO_NS;
	c->hello_due = true;
	keyq_init(&c->out, OUT_MAX, core_hash_secret(s));
	keyq_init(&c->ask, ASK_MAX, core_hash_secret(s));
	keyq_init(&c->asking, WIRE_KEYS_MAX, core_hash_secret(s));
	if (s->session_count == s->session_room) {
		s->session_room =
		    s->session_room == 0 ? 16 : s->session_room * 2;
		s->sessions = xrealloc(
		    s->sessions, s->session_room, sizeof(*s->sessions));
	}
	s->sessions[s->session_count++] = c;
	return c;
}

/* Too many are not judged yet: one of them goes, it need not be the last. */
static void
make_spare_room(struct sync *s, struct session *c)
{
	struct session *victim =
	    c->is_outbound ? NULL : places_yield_early(s, c);

	if (victim != NULL)
		session_want_write(s, c);
	session_close(
	    s, victim != NULL ? victim : c, SYNC_CLOSE_SURPLUS, "full", false);
}

void
sync_connected(struct sync *s, uint64_t handle, const struct peer_id *id,
    bool is_outbound, const struct sync_addr *addr)
{
	struct peer *p = peer_add(s, id, 0);
	struct session *c;

	if (p == NULL)
		fatal("sync: no room for a connected peer");
	if (is_outbound)
		peer_dial_ended(s, p);
	c = session_new(s, handle, p, is_outbound);
	p->sessions++;
	if (addr != NULL) {
		c->addr = *addr;
		c->source = netsource_of_multiaddr(addr->bytes, addr->len);
		c->has_addr = true;
		c->place = place_of(addr);
		if (is_outbound)
			peer_add_addr(p, addr, false);
	}
	core_due_at(s, s->now_ns + SECOND / 5);
	if (peer_id_equal(id, &s->set.self)) {
		p->next_dial_ns = UINT64_MAX;
		session_close(s, c, SYNC_CLOSE_SURPLUS, "ourselves", false);
	} else if (s->session_count > s->set.peers_max + CONNS_SPARE) {
		make_spare_room(s, c);
	} else {
		session_want_write(s, c);
	}
}

void
sync_disconnected(struct sync *s, uint64_t handle)
{
	struct session *c = session_find(s, handle);
	struct peer *p;

	if (c == NULL)
		return;
	session_retire(s, c, true);
	for (size_t i = 0; i < s->session_count; i++) {
		if (s->sessions[i] != c)
			continue;
		s->sessions[i] = s->sessions[--s->session_count];
		break;
	}
	p = c->peer;
	p->sessions--;
	if (c->state == SESSION_UP &&
	    s->now_ns - c->since_ns > SHUN_FORGIVEN_NS)
		p->offences = 0;
	if (p->next_dial_ns <= s->now_ns) {
		/* one that was up for long is called again soon */
		if (c->state == SESSION_UP &&
		    s->now_ns - c->since_ns > HELLO_NS)
			p->failures = 0;
		peer_back_off(s, p);
	}
	if (p->sessions == 0 && !p->is_dialling && p->addr_count == 0 &&
	    !peer_is_trusted(p) && p->next_dial_ns != UINT64_MAX)
		peer_drop(s, p);
	session_free(c);
	core_due_at(s, s->now_ns + SECOND / 5);
}

void
sync_dial_failed(struct sync *s, const struct peer_id *id)
{
	struct peer *p = peer_find(s, id);

	if (p == NULL || !p->is_dialling)
		return;
	peer_dial_ended(s, p);
	peer_back_off(s, p);
	core_due_at(s, s->now_ns + SECOND / 5);
}

void
sync_rtt(struct sync *s, uint64_t handle, uint64_t rtt_ns)
{
	struct session *c = session_find(s, handle);

	if (c != NULL)
		c->rtt_ns = rtt_ns;
}
