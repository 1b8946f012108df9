/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/accept.h"

/*
 * The libp2p listeners: accepts, asks admission, parks what exceeds its
 * source's rate, and hands the rest to peer_conn.c. The sockets were made by
 * dmd.
 */
#include <errno.h>
#include <event2/event.h>
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

#define ACCEPTS_PER_TURN 64
#define PARK_INTERVAL_US 20000

struct listener {
	struct mesh *mesh;
	uint64_t id;
	int fd;
	struct event *event;
};

/* A connection that waits for its source to have a token. */
struct parked {
	TAILQ_ENTRY(parked) next;
	int fd;
	struct netsource source;
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
arrive(struct mesh *m, const struct netsource *source, uint64_t now_ns)
{
	const struct ledger_who who = {.source = *source};
	enum credit credit = credit_of(m, source, now_ns);

	if (credit != CREDIT_GOOD)
		ledger_refused(m->ledger, &who, LEDGER_HANDSHAKE, now_ns);
	if (credit != CREDIT_NONE)
		return admission_arrive(
		    m->admission, source, credit == CREDIT_GOOD, now_ns);
	m->n_in_debt++;
	return ADMISSION_REFUSE;
}

static void
admit(struct mesh *m, int fd, const struct netsource *source,
    const struct sockaddr_storage *remote, socklen_t len)
{
	struct peer_conn *c = peer_conn_new(
	    m, fd, P2P_LISTENER, NULL, (const void *)remote, len, NULL);

	c->source = *source;
	c->is_half_open = true;
}

static void
park(struct mesh *m, int fd, const struct netsource *source,
    const struct sockaddr_storage *remote, socklen_t len)
{
	struct timeval tv = {.tv_usec = PARK_INTERVAL_US};
	struct parked *p = xcalloc(1, sizeof(*p));

	p->fd = fd;
	p->source = *source;
	p->remote = *remote;
	p->remote_len = len;
	TAILQ_INSERT_TAIL(&m->parked, p, next);
	event_add(m->park_event, &tv);
}

static void
on_park(evutil_socket_t fd, short what, void *arg)
{
	struct mesh *m = arg;
	struct timeval tv = {.tv_usec = PARK_INTERVAL_US};
	uint64_t now_ns = mesh_now(m);
	struct parked *p, *next;

	for (p = TAILQ_FIRST(&m->parked); p != NULL; p = next) {
		next = TAILQ_NEXT(p, next);
		if (credit_of(m, &p->source, now_ns) != CREDIT_GOOD ||
		    !admission_unpark(m->admission, &p->source, now_ns))
			continue;
		TAILQ_REMOVE(&m->parked, p, next);
		admit(m, p->fd, &p->source, &p->remote, p->remote_len);
		free(p);
	}
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
		switch (arrive(m, &source, now_ns)) {
		case ADMISSION_ADMIT:
			admit(m, fd, &source, &remote, len);
			break;
		case ADMISSION_PARK:
			park(m, fd, &source, &remote, len);
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
	while ((p = TAILQ_FIRST(&m->parked)) != NULL) {
		TAILQ_REMOVE(&m->parked, p, next);
		close(p->fd);
		free(p);
	}
	event_free(m->park_event);
	admission_free(m->admission);
}

void
mesh_listen(struct mesh *m, uint64_t id, int fd)
{
	struct listener *listener;

	if (m->n_listeners == MESH_LISTENERS_MAX) {
		log_error("more than %d listening sockets", MESH_LISTENERS_MAX);
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
