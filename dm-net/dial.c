/* SPDX-License-Identifier: ISC */
/*
 * Dials a peer: its addresses one after the other, names resolved by the
 * resolver, until one leads to an established connection with that peer id.
 * The outcome goes to the core: a link that is up, or dial_failed.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "dm-net/mesh_internal.h"

#define CANDIDATES_MAX 32
#define CONNECT_TIMEOUT_S 3
#define DIAL_NS (UINT64_C(30) * 1000000000)

struct candidate {
	struct sockaddr_storage ss;
	socklen_t len;
};

struct dial {
	LIST_ENTRY(dial) next;
	struct mesh *mesh;
	struct peer_id peer;
	uint64_t start_ns;
	/* addresses not looked at yet */
	struct multiaddr addrs[SYNC_ADDRS_MAX];
	size_t n_addrs, next_addr;
	uint16_t port;	    /* of the name being resolved */
	uint32_t resolving; /* 0: not */
	struct candidate candidates[CANDIDATES_MAX];
	size_t n_candidates, next_candidate;
	int fd; /* connecting, else -1 */
	struct event *event;
	struct event *next_event;
	bool is_handed_over; /* a link has the attempt */
	char why[MESH_ERROR_MAX];
};

static void advance(struct dial *);

static void
dial_free(struct dial *d)
{
	LIST_REMOVE(d, next);
	if (d->resolving != 0)
		resolve_cancel(d->mesh->settings.resolve, d->resolving);
	if (d->event != NULL)
		event_free(d->event);
	event_free(d->next_event);
	if (d->fd != -1)
		close(d->fd);
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
		log_debug("dialling %s: %s", text, d->why);
	mesh_note(m, &peer, "%s", d->why);
	dial_free(d);
	mesh_now(m);
	sync_dial_failed(m->sync, &peer);
	mesh_kick(m);
}

/* The candidate that was taken last did not lead to the peer. */
static void
note_failure(struct dial *d, const char *why)
{
	const struct candidate *c = &d->candidates[d->next_candidate - 1];
	char address[LINK_ADDRESS_MAX];

	snprintf(d->why, sizeof(d->why), "%s: %s", link_format(&c->ss, address),
	    why);
}

static void
attempt_failed(struct dial *d, const char *why)
{
	note_failure(d, why);
	advance(d);
}

/* --- connecting ------------------------------------------------------------
 */

static void
hand_over(struct dial *d)
{
	const struct candidate *c = &d->candidates[d->next_candidate - 1];
	int fd = d->fd;

	event_free(d->event);
	d->event = NULL;
	d->fd = -1;
	d->is_handed_over = true;
	link_new(
	    d->mesh, fd, P2P_DIALER, &d->peer, (const void *)&c->ss, c->len, d);
}

static void
on_connected(evutil_socket_t fd, short what, void *arg)
{
	struct dial *d = arg;
	socklen_t len = sizeof(int);
	int err = ETIMEDOUT;

	if (what & EV_WRITE)
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1)
			err = errno;
	if (err == 0) {
		hand_over(d);
		return;
	}
	event_free(d->event);
	d->event = NULL;
	close(d->fd);
	d->fd = -1;
	attempt_failed(d, strerror(err));
}

/* False: try the next. */
static bool
try_candidate(struct dial *d, const struct candidate *c)
{
	struct timeval tv = {.tv_sec = CONNECT_TIMEOUT_S};

	d->fd = socket(
	    c->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd == -1 ||
	    (connect(d->fd, (const void *)&c->ss, c->len) == -1 &&
		errno != EINPROGRESS)) {
		note_failure(d, strerror(errno));
		if (d->fd != -1)
			close(d->fd);
		d->fd = -1;
		return false;
	}
	d->event = event_new(d->mesh->base, d->fd, EV_WRITE, on_connected, d);
	if (d->event == NULL || event_add(d->event, &tv) == -1)
		fatal("out of memory");
	return true;
}

/* --- from addresses to candidates ------------------------------------------
 */

/* A zone that is an interface's number; names mean nothing in here: the
 * sandbox has no call to look them up. */
static bool
scope_of(const char *zone, uint32_t *scope)
{
	char *end;
	unsigned long number = strtoul(zone, &end, 10);

	*scope = (uint32_t)number;
	return *end == '\0' && number <= UINT32_MAX;
}

static void
add_candidate(struct dial *d, const struct multiaddr *a)
{
	struct candidate *c = &d->candidates[d->n_candidates];
	uint32_t scope;

	if (d->n_candidates == CANDIDATES_MAX || !multiaddr_is_dialable(a) ||
	    !scope_of(a->zone, &scope))
		return;
	c->len = multiaddr_to_sockaddr(a, &c->ss, scope);
	if (c->len > 0)
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
		snprintf(d->why, sizeof(d->why), "%s", error);
	advance(d);
}

static void
expand(struct dial *d, const struct multiaddr *a)
{
	unsigned family = 0;

	if (a->host == MULTIADDR_IP4 || a->host == MULTIADDR_IP6) {
		add_candidate(d, a);
		return;
	}
	if (a->host == MULTIADDR_DNS4)
		family = 4;
	else if (a->host == MULTIADDR_DNS6)
		family = 6;
	d->port = a->port;
	d->resolving = resolve_start(
	    d->mesh->settings.resolve, a->name, family, on_resolved, d);
	if (d->resolving == 0)
		snprintf(d->why, sizeof(d->why),
		    "%.100s: the resolver is not there", a->name);
}

/* The next thing to try; never called from a caller's stack that goes on to
 * use d. */
static void
on_next(evutil_socket_t fd, short what, void *arg)
{
	struct dial *d = arg;

	(void)fd;
	(void)what;
	/* a peer with many addresses that lead nowhere holds up others */
	while (mesh_monotonic_ns() - d->start_ns < DIAL_NS) {
		while (d->next_candidate < d->n_candidates)
			if (try_candidate(
				d, &d->candidates[d->next_candidate++]))
				return;
		if (d->next_addr == d->n_addrs)
			break;
		d->n_candidates = d->next_candidate = 0;
		expand(d, &d->addrs[d->next_addr++]);
		if (d->resolving != 0)
			return;
	}
	failed(d);
}

static void
advance(struct dial *d)
{
	event_active(d->next_event, EV_TIMEOUT, 0);
}

/* --- life ------------------------------------------------------------------
 */

void
dial_start(struct mesh *m, const struct peer_id *peer,
    const struct sync_addr *addrs, size_t n)
{
	struct dial *d = xcalloc(1, sizeof(*d));
	struct multiaddr_raw raw;

	d->mesh = m;
	d->peer = *peer;
	d->start_ns = mesh_monotonic_ns();
	d->fd = -1;
	snprintf(d->why, sizeof(d->why), "no address that can be dialled");
	for (size_t i = 0; i < n && d->n_addrs < SYNC_ADDRS_MAX; i++)
		if (multiaddr_from_bytes(&raw, addrs[i].bytes, addrs[i].len) ==
			MULTIADDR_OK &&
		    multiaddr_parse(&d->addrs[d->n_addrs], &raw) ==
			MULTIADDR_OK)
			d->n_addrs++;
	d->next_event = event_new(m->base, -1, 0, on_next, d);
	if (d->next_event == NULL)
		fatal("out of memory");
	LIST_INSERT_HEAD(&m->dials, d, next);
	advance(d);
}

void
dial_established(struct dial *d)
{
	dial_free(d);
}

void
dial_closed(struct dial *d, const char *why)
{
	d->is_handed_over = false;
	if (d->mesh->is_ending)
		return;
	attempt_failed(d, why);
}

bool
dial_is_running(const struct mesh *m, const struct peer_id *peer)
{
	struct dial *d;

	LIST_FOREACH(d, &m->dials, next)
		if (peer_id_equal(&d->peer, peer))
			return true;
	return false;
}

void
dial_free_all(struct mesh *m)
{
	struct link *l;
	struct dial *d;

	LIST_FOREACH(l, &m->links, next)
		l->dial = NULL;
	while ((d = LIST_FIRST(&m->dials)) != NULL)
		dial_free(d);
}
