/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/dial.h"

/*
 * Dials a peer, as RFC 8305 has it: its addresses, names resolved by the
 * resolver, are tried a quarter of a second apart, IPv4 and IPv6 in turn, and
 * at once when one fails; the first that leads to an established connection
 * with that peer id wins, and the others are given up. The outcome goes to the
 * core: a connection that is up, or dial_failed.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xevent.h"
#include "dm-net/mesh/dial_budget.h"
#include "dm-net/mesh/mesh_address.h"
#include "dm-net/mesh/mesh_notes.h"
#include "dm-net/mesh/mesh_turn.h"
#include "dm-net/mesh/peer_conn.h"

#define CANDIDATES_MAX 32
#define AT_ONCE_MAX 4
#define STAGGER_US 250000
#define CONNECT_TIMEOUT_S 3
#define DIAL_NS (30 * NS_PER_S)

struct candidate {
	struct sockaddr_storage ss;
	socklen_t len;
	bool is_tried;
};

/* One candidate under way: connecting (fd), or in its handshake (connection).
 */
struct attempt {
	struct peer_conn_outcome outcome;
	struct dial *dial;
	const struct candidate *to; /* NULL: the slot is free */
	int fd;			    /* connecting, else -1 */
	struct event *event;	    /* of fd */
	struct peer_conn *conn;
};

struct dial {
	LIST_ENTRY(dial) next;
	struct mesh *mesh;
	struct peer_id peer;
	bool is_trusted; /* its addresses are configured: no budget */
	uint64_t start_ns;
	/* names not looked up yet */
	struct multiaddr names[SYNC_ADDRS_MAX];
	size_t n_names, next_name;
	uint16_t port;	    /* of the name being resolved */
	uint32_t resolving; /* 0: not */
	struct candidate candidates[CANDIDATES_MAX];
	size_t n_candidates;
	int last_family;
	struct attempt attempts[AT_ONCE_MAX];
	struct event *next_event;
	char why[MESH_ERROR_MAX];
};

/* The next thing is looked for from the loop, never from the stack of a caller
 * that goes on to use the dial. */
static void
advance(struct dial *d)
{
	event_active(d->next_event, EV_TIMEOUT, 0);
}

/* --- attempts --------------------------------------------------------- */

static void
attempt_clear(struct attempt *t)
{
	struct peer_conn *c = t->conn;

	if (t->event != NULL)
		event_free(t->event);
	if (t->fd != -1)
		close(t->fd);
	t->to = NULL;
	t->event = NULL;
	t->fd = -1;
	t->conn = NULL;
	if (c == NULL)
		return;
	/* it ends in a turn of its own */
	c->outcome = NULL;
	p2p_conn_close(c->p2p, 0, "another address connected first");
	event_active(c->turn_event, EV_TIMEOUT, 0);
}

static void
note_failure(struct dial *d, const struct candidate *c, const char *why)
{
	char address[ADDRESS_TEXT_SIZE];

	snprintf(d->why, sizeof(d->why), "%s: %s",
	    mesh_address_format(&c->ss, address), why);
}

static void
attempt_failed(struct attempt *t, const char *why)
{
	note_failure(t->dial, t->to, why);
	attempt_clear(t);
	advance(t->dial);
}

static void
on_connected(evutil_socket_t fd, short what, void *arg)
{
	struct attempt *t = arg;
	struct dial *d = t->dial;
	socklen_t len = sizeof(int);
	int err = ETIMEDOUT;

	if (what & EV_WRITE)
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1)
			err = errno;
	if (err != 0) {
		attempt_failed(t, strerror(err));
		return;
	}
	event_free(t->event);
	t->event = NULL;
	t->fd = -1;
	t->conn = peer_conn_new(d->mesh, fd, P2P_DIALER, &d->peer,
	    (const void *)&t->to->ss, t->to->len, &t->outcome);
}

/* False: try the next. */
static bool
attempt_begin(struct dial *d, struct attempt *t, struct candidate *c)
{
	struct timeval tv = {.tv_sec = CONNECT_TIMEOUT_S};
	int fd;

	c->is_tried = true;
	d->last_family = c->ss.ss_family;
	if (!d->is_trusted && !dial_budget_take(d->mesh->dial_budget,
				  (const void *)&c->ss, clock_mono_ns())) {
		note_failure(d, c, "that host was dialled too often lately");
		return false;
	}
	fd = socket(
	    c->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd != -1 && (unsigned)fd >= d->mesh->settings.descriptors.sockets) {
		close(fd);
		note_failure(d, c, "too many open files: raise LimitNOFILE");
		return false;
	}
	if (fd == -1 || (connect(fd, (const void *)&c->ss, c->len) == -1 &&
			    errno != EINPROGRESS)) {
		note_failure(d, c, strerror(errno));
		if (fd != -1)
			close(fd);
		return false;
	}
	t->to = c;
	t->fd = fd;
	t->event = xevent(d->mesh->base, fd, EV_WRITE, on_connected, t);
	xevent_add(t->event, &tv);
	return true;
}

/* A free slot, or NULL. */
static struct attempt *
attempt_slot(struct dial *d)
{
	for (size_t i = 0; i < AT_ONCE_MAX; i++)
		if (d->attempts[i].to == NULL)
			return &d->attempts[i];
	return NULL;
}

static bool
has_attempts(const struct dial *d)
{
	for (size_t i = 0; i < AT_ONCE_MAX; i++)
		if (d->attempts[i].to != NULL)
			return true;
	return false;
}

/* --- from addresses to candidates ------------------------------------- */

/* A zone is an interface's number here: dmd has turned names into numbers,
 * where there is such an interface. */
static bool
scope_of(const char *zone, uint32_t *scope)
{
	char *end;
	unsigned long number = strtoul(zone, &end, 10);

	*scope = (uint32_t)number;
	return *end == '\0' && number <= UINT32_MAX;
}

static bool
is_known(const struct dial *d, const struct candidate *c)
{
	for (size_t i = 0; i < d->n_candidates; i++)
		if (d->candidates[i].len == c->len &&
		    memcmp(&d->candidates[i].ss, &c->ss, c->len) == 0)
			return true;
	return false;
}

static void
add_candidate(struct dial *d, const struct multiaddr *a)
{
	struct candidate *c = &d->candidates[d->n_candidates];
	uint32_t scope;

	if (d->n_candidates == CANDIDATES_MAX || !multiaddr_is_dialable(a))
		return;
	if (!scope_of(a->zone, &scope)) {
		snprintf(d->why, sizeof(d->why),
		    "this node has no interface %s", a->zone);
		return;
	}
	memset(c, 0, sizeof(*c));
	c->len = multiaddr_to_sockaddr(a, &c->ss, scope);
	if (c->len > 0 && !is_known(d, c))
		d->n_candidates++;
}

static void
on_resolved(
    void *ctx, const struct resolve_address *list, size_t n, const char *error)
{
	struct dial *d = ctx;
	struct multiaddr a;

	d->resolving = 0;
	for (size_t i = 0; i < n; i++) {
		memset(&a, 0, sizeof(a));
		a.host = list[i].len == 4 ? MULTIADDR_IP4 : MULTIADDR_IP6;
		a.port = d->port;
		memcpy(a.ip, list[i].bytes, list[i].len);
		add_candidate(d, &a);
	}
	if (n == 0)
		snprintf(d->why, sizeof(d->why), "%.100s: %s",
		    d->names[d->next_name - 1].name, error);
	advance(d);
}

static void
look_up(struct dial *d, const struct multiaddr *a)
{
	struct resolve_ask ask = {.host = a->name, .is_trusted = d->is_trusted};
	const char *why;

	if (a->host == MULTIADDR_DNS4)
		ask.family = 4;
	else if (a->host == MULTIADDR_DNS6)
		ask.family = 6;
	d->port = a->port;
	d->resolving = resolve_start(
	    d->mesh->settings.resolve, &ask, on_resolved, d, &why);
	if (d->resolving == 0)
		snprintf(d->why, sizeof(d->why), "%.100s: %s", a->name, why);
}

/* One name after the other, while what is known is tried. */
static void
look_up_next(struct dial *d)
{
	while (d->resolving == 0 && d->next_name < d->n_names)
		look_up(d, &d->names[d->next_name++]);
}

/* The first that was not tried, of the other family if there is one. */
static struct candidate *
pick(struct dial *d)
{
	struct candidate *first = NULL;

	for (size_t i = 0; i < d->n_candidates; i++) {
		struct candidate *c = &d->candidates[i];

		if (c->is_tried)
			continue;
		if (c->ss.ss_family != d->last_family)
			return c;
		if (first == NULL)
			first = c;
	}
	return first;
}

/* --- life ------------------------------------------------------------- */

static void
dial_free(struct dial *d)
{
	LIST_REMOVE(d, next);
	if (d->resolving != 0)
		resolve_cancel(d->mesh->settings.resolve, d->resolving);
	for (size_t i = 0; i < AT_ONCE_MAX; i++)
		attempt_clear(&d->attempts[i]);
	event_free(d->next_event);
	free(d);
}

static void
failed(struct dial *d)
{
	struct mesh *m = d->mesh;
	struct peer_id peer = d->peer;
	char text[PEER_ID_TEXT_SIZE];

	peer_id_format(&peer, text);
	/* once for each time that it is away */
	if (mesh_note_find(m, &peer)[0] == '\0')
		mesh_tell(m, "cannot reach peer=%s: %s", text, d->why);
	else
		log_debug("dialing peer=%s failed again: %s", text, d->why);
	mesh_note(m, &peer, "%s", d->why);
	dial_free(d);
	mesh_now(m);
	sync_dial_failed(m->sync, &peer);
	mesh_kick(m);
}

static void
on_next(evutil_socket_t fd, short what, void *arg)
{
	struct timeval stagger = {.tv_usec = STAGGER_US};
	struct dial *d = arg;
	struct attempt *slot;
	struct candidate *c;

	/* a peer with many addresses that lead nowhere holds up others */
	if (clock_mono_ns() - d->start_ns < DIAL_NS) {
		look_up_next(d);
		while (
		    (slot = attempt_slot(d)) != NULL && (c = pick(d)) != NULL)
			if (attempt_begin(d, slot, c)) {
				event_add(d->next_event, &stagger);
				return;
			}
		if (d->resolving != 0)
			return;
	}
	if (!has_attempts(d))
		failed(d);
}

static void
take_addresses(struct dial *d, const struct sync_addr *addrs, size_t n)
{
	struct multiaddr_raw raw;
	struct multiaddr a;

	for (size_t i = 0; i < n && i < SYNC_ADDRS_MAX; i++) {
		if (multiaddr_from_bytes(&raw, addrs[i].bytes, addrs[i].len) !=
			MULTIADDR_OK ||
		    multiaddr_parse(&a, &raw) != MULTIADDR_OK)
			continue;
		if (a.host == MULTIADDR_IP4 || a.host == MULTIADDR_IP6)
			add_candidate(d, &a);
		else
			d->names[d->n_names++] = a;
	}
}

static struct attempt *
attempt_of(struct peer_conn_outcome *outcome)
{
	return (struct attempt *)outcome; /* its first member */
}

static void
on_established(struct peer_conn_outcome *outcome)
{
	struct attempt *t = attempt_of(outcome);
	struct netsource source = mesh_address_source(&t->to->ss);

	t->conn->outcome = NULL;
	t->conn = NULL;
	admission_know(t->dial->mesh->admission, &source);
	if (!t->dial->is_trusted)
		dial_budget_give_back(t->dial->mesh->dial_budget,
		    (const void *)&t->to->ss, clock_mono_ns());
	dial_free(t->dial);
}

static void
on_closed(struct peer_conn_outcome *outcome, const char *why)
{
	struct attempt *t = attempt_of(outcome);

	t->conn->outcome = NULL;
	t->conn = NULL;
	if (!t->dial->mesh->is_ending)
		attempt_failed(t, why);
}

void
dial_start(struct mesh *m, const struct sync_action *action)
{
	struct dial *d = xcalloc(1, sizeof(*d));

	d->mesh = m;
	d->peer = *action->peer;
	d->is_trusted = action->is_trusted;
	d->start_ns = clock_mono_ns();
	for (size_t i = 0; i < AT_ONCE_MAX; i++) {
		d->attempts[i].outcome.established = on_established;
		d->attempts[i].outcome.closed = on_closed;
		d->attempts[i].dial = d;
		d->attempts[i].fd = -1;
	}
	snprintf(d->why, sizeof(d->why),
	    "no known address of the peer can be dialed");
	take_addresses(d, action->addrs, action->addr_count);
	d->next_event = xevent(m->base, -1, 0, on_next, d);
	LIST_INSERT_HEAD(&m->dials, d, next);
	advance(d);
}

void
dial_free_all(struct mesh *m)
{
	struct dial *d;

	while ((d = LIST_FIRST(&m->dials)) != NULL)
		dial_free(d);
}
