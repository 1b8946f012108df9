/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/accept.h"

/*
 * The libp2p listeners: accepts, asks admission, parks what has to wait, and
 * hands the rest to peer_conn.c. The sockets were made by dmd.
 */
#include <errno.h>
#include <event2/event.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xevent.h"
#include "dm-net/mesh/accepting.h"
#include "dm-net/mesh/mesh_address.h"
#include "dm-net/mesh/mesh_turn.h"
#include "dm-net/mesh/peer_conn.h"
#include "dm-net/mesh/peer_conns.h"

#define ACCEPTS_PER_TURN 64
#define PARK_INTERVAL_US 20000

struct listener {
	struct mesh *mesh;
	uint64_t id;
	int fd;
	struct event *event;
};

/* A connection that waits for a place, or for its source to have a token. */
struct parked {
	TAILQ_ENTRY(parked) next;
	struct mesh *mesh;
	int fd;
	struct event *event; /* until it has spoken */
	struct admission_place place;
	struct sockaddr_storage remote;
	socklen_t remote_len;
};

/*
 * May its source have another handshake computed? Who owes a little more than
 * it may waits for that; who owes much is sent away, to leave the places of
 * those that wait to others.
 */
enum credit { CREDIT_GOOD, CREDIT_WAIT, CREDIT_NONE };
#define WAIT_DEBT_NS (LEDGER_BURST_NS + 2 * LEDGER_SHARE_NS)

static enum credit
credit_of(const struct mesh *m, const struct netsource *source, uint64_t now_ns)
{
	const struct ledger_who who = {.source = *source};

	if (ledger_has_room(m->ledger, &who, LEDGER_COST_HANDSHAKE, now_ns))
		return CREDIT_GOOD;
	return ledger_owes(m->ledger, &who, now_ns) < WAIT_DEBT_NS
		   ? CREDIT_WAIT
		   : CREDIT_NONE;
}

static enum admission_answer
arrive(struct mesh *m, struct admission_place *place,
    const struct netsource *source, uint64_t now_ns)
{
	const struct ledger_who who = {.source = *source};
	enum credit credit = credit_of(m, source, now_ns);

	if (credit != CREDIT_GOOD)
		ledger_refused(m->ledger, &who, LEDGER_HANDSHAKE, now_ns);
	/* a few of who is known are let in whatever its neighbours owe */
	if (credit != CREDIT_NONE || admission_is_known(m->admission, source))
		return admission_arrive(
		    m->admission, place, source, credit == CREDIT_GOOD, now_ns);
	m->n_in_debt++;
	return ADMISSION_REFUSE;
}

static void
drop_half_open(struct admission_place *place)
{
	struct peer_conn *c =
	    (void *)((char *)place - offsetof(struct peer_conn, place));
	char address[ADDRESS_TEXT_SIZE];

	log_debug("connection address=%s ended: others need its place",
	    peer_conn_address(c, address));
	peer_conn_free(c);
}

static void
admit(struct mesh *m, int fd, struct admission_place *place,
    const struct sockaddr_storage *remote, socklen_t len)
{
	struct peer_conn *c = peer_conn_new(
	    m, fd, P2P_LISTENER, NULL, (const void *)remote, len, NULL);

	c->source = place->source;
	c->is_half_open = true;
	c->place.drop = drop_half_open;
	admission_move(m->admission, &c->place, place);
}

/* --- those that wait -------------------------------------------------- */

/* Its socket is closed, or somebody else's. */
static void
parked_free(struct parked *p)
{
	admission_leave(p->mesh->admission, &p->place);
	TAILQ_REMOVE(&p->mesh->parked, p, next);
	event_free(p->event);
	free(p);
}

static void
drop_parked(struct admission_place *place)
{
	struct parked *p =
	    (void *)((char *)place - offsetof(struct parked, place));

	close(p->fd);
	parked_free(p);
}

static void
unpark(struct parked *p, uint64_t now_ns)
{
	struct mesh *m = p->mesh;
	bool has_room = credit_of(m, &p->place.source, now_ns) == CREDIT_GOOD;

	if (!admission_unpark(m->admission, &p->place, has_room, now_ns))
		return;
	admit(m, p->fd, &p->place, &p->remote, p->remote_len);
	parked_free(p);
}

/* What it says stays unread, but that it speaks makes it worth more. */
static void
on_parked(evutil_socket_t fd, short what, void *arg)
{
	struct parked *p = arg;
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n > 0) {
		admission_spoke(&p->place);
		unpark(p, mesh_now(p->mesh));
	} else if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
		event_add(p->event, NULL);
	} else {
		drop_parked(&p->place);
	}
}

static void
park(struct mesh *m, int fd, struct admission_place *place,
    const struct sockaddr_storage *remote, socklen_t len)
{
	struct timeval tv = {.tv_usec = PARK_INTERVAL_US};
	struct parked *p = xcalloc(1, sizeof(*p));

	p->mesh = m;
	p->fd = fd;
	p->remote = *remote;
	p->remote_len = len;
	p->event = xevent(m->base, fd, EV_READ, on_parked, p);
	p->place.drop = drop_parked;
	admission_move(m->admission, &p->place, place);
	TAILQ_INSERT_TAIL(&m->parked, p, next);
	event_add(p->event, NULL);
	event_add(m->park_event, &tv);
}

static void
unpark_all(struct mesh *m, bool has_spoken, uint64_t now_ns)
{
	struct parked *p, *next;

	for (p = TAILQ_FIRST(&m->parked); p != NULL; p = next) {
		next = TAILQ_NEXT(p, next);
		if (p->place.has_spoken == has_spoken)
			unpark(p, now_ns);
	}
}

static void
on_park(evutil_socket_t fd, short what, void *arg)
{
	struct mesh *m = arg;
	struct timeval tv = {.tv_usec = PARK_INTERVAL_US};
	uint64_t now_ns = mesh_now(m);

	unpark_all(m, true, now_ns);
	unpark_all(m, false, now_ns);
	if (!TAILQ_EMPTY(&m->parked))
		event_add(m->park_event, &tv);
	for (size_t i = 0; i < m->n_listeners; i++)
		event_add(m->listeners[i]->event, NULL);
}

/* Out of descriptors: the listener stays readable, so it has to rest. */
static void
rest(struct listener *listener)
{
	struct timeval tv = {.tv_usec = PARK_INTERVAL_US};

	event_del(listener->event);
	event_add(listener->mesh->park_event, &tv);
}

/* The listener may be gone afterwards. */
static void
accept_failed(struct listener *listener, int error)
{
	struct mesh *m = listener->mesh;

	switch (accepting_after(error)) {
	case ACCEPTING_GOES_ON:
		return;
	case ACCEPTING_NO_DESCRIPTOR:
		rest(listener);
		return;
	case ACCEPTING_ENDED:
		mesh_unlisten(m, listener->id);
		m->settings.listener_ended(m->settings.ctx);
		return;
	}
}

static void
on_accept(evutil_socket_t listen_fd, short what, void *arg)
{
	struct listener *listener = arg;
	struct mesh *m = listener->mesh;
	uint64_t now_ns = clock_mono_ns();
	struct netsource source;
	struct sockaddr_storage remote;
	struct admission_place place;
	socklen_t len;
	int fd;

	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		len = sizeof(remote);
		memset(&remote, 0, sizeof(remote));
		fd = accept4(listen_fd, (struct sockaddr *)&remote, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1) {
			accept_failed(listener, errno);
			return;
		}
		/* the lowest that is free: so many are in use */
		if ((unsigned)fd >= m->settings.descriptors.sockets) {
			close(fd);
			m->n_no_descriptor++;
			rest(listener);
			return;
		}
		source = mesh_address_source(&remote);
		memset(&place, 0, sizeof(place));
		switch (arrive(m, &place, &source, now_ns)) {
		case ADMISSION_ADMIT:
			admit(m, fd, &place, &remote, len);
			break;
		case ADMISSION_PARK:
			park(m, fd, &place, &remote, len);
			break;
		case ADMISSION_REFUSE:
			close(fd);
			break;
		}
	}
}

void
accept_init(struct mesh *m)
{
	TAILQ_INIT(&m->parked);
	m->admission = admission_new();
	m->park_event = xevent(m->base, -1, 0, on_park, m);
}

static void
listener_free(struct listener *listener)
{
	event_free(listener->event);
	close(listener->fd);
	free(listener);
}

void
accept_free_all(struct mesh *m)
{
	struct parked *p;

	while (m->n_listeners > 0)
		listener_free(m->listeners[--m->n_listeners]);
	while ((p = TAILQ_FIRST(&m->parked)) != NULL)
		drop_parked(&p->place);
	event_free(m->park_event);
	admission_free(m->admission);
}

void
mesh_listen(struct mesh *m, uint64_t id, int fd)
{
	struct listener *listener;

	if (m->n_listeners == MESH_LISTENERS_MAX) {
		log_error("ignored a listening socket: dm-net takes at most %d",
		    MESH_LISTENERS_MAX);
		close(fd);
		return;
	}
	listener = xcalloc(1, sizeof(*listener));
	listener->mesh = m;
	listener->id = id;
	listener->fd = fd;
	listener->event =
	    xevent(m->base, fd, EV_READ | EV_PERSIST, on_accept, listener);
	xevent_add(listener->event, NULL);
	m->listeners[m->n_listeners++] = listener;
}

size_t
mesh_listeners(const struct mesh *m)
{
	return m->n_listeners;
}

bool
mesh_unlisten(struct mesh *m, uint64_t id)
{
	for (size_t i = 0; i < m->n_listeners; i++) {
		if (m->listeners[i]->id != id)
			continue;
		listener_free(m->listeners[i]);
		m->listeners[i] = m->listeners[--m->n_listeners];
		return true;
	}
	return false;
}
