/* SPDX-License-Identifier: ISC */
#include "dm-net/http/server.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xevent.h"
#include "dm-net/mesh/accepting.h"
#include "dm-net/http/conn_io.h"
#include "dm-net/http/connection.h"
#include "dm-net/http/events.h"
#include "dm-net/http/files.h"
#include "dm-net/http/http2.h"
#include "dm-net/http/page.h"
#include "dm-net/http/room.h"

#define ACCEPTS_PER_TURN 64

struct http_listener {
	LIST_ENTRY(http_listener) next;
	struct http_server *server;
	uint64_t id;
	int fd;
	bool is_resting; /* no descriptors left: until the next tick */
	struct event *event;
};

/* --- turns and ticks -------------------------------------------------- */

static void
free_dead(struct http_server *s)
{
	struct http_conn *c;

	if (TAILQ_EMPTY(&s->dead))
		return;
	while ((c = TAILQ_FIRST(&s->dead)) != NULL) {
		TAILQ_REMOVE(&s->dead, c, turn);
		http_conn_free(c);
	}
	http_page_retry(s);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *s = arg;
	struct http_conn *c;

	/* Only those that are ready now: who kicks itself waits its turn. */
	TAILQ_FOREACH(c, &s->ready, turn)
		c->is_due = true;
	while ((c = TAILQ_FIRST(&s->ready)) != NULL && c->is_due) {
		TAILQ_REMOVE(&s->ready, c, turn);
		c->is_ready = c->is_due = false;
		http_conn_run(c);
	}
	free_dead(s);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *s = arg;
	struct http_listener *l;
	struct http_conn *c, *next;
	uint64_t now_s = clock_mono_s();

	for (c = TAILQ_FIRST(&s->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, all);
		http_conn_tick(c, now_s);
	}
	http_events_tick(s->events, s);
	http_page_retry(s);
	LIST_FOREACH(l, &s->listeners, next) {
		if (l->is_resting)
			event_add(l->event, NULL);
		l->is_resting = false;
	}
}

/* --- connections ------------------------------------------------------ */

void
http_server_take(struct http_server *s, int fd, const struct sockaddr *sa)
{
	struct netsource source = http_conn_source(sa);

	http_room_make(s, &source);
	http_conn_new(s, fd, sa);
	s->count.accepted++;
}

static void
listener_free(struct http_listener *l)
{
	LIST_REMOVE(l, next);
	event_free(l->event);
	close(l->fd);
	free(l);
}

/* The listener may be gone afterwards. */
static void
accept_failed(struct http_listener *l, int error)
{
	struct http_server *s = l->server;

	switch (accepting_after(error)) {
	case ACCEPTING_GOES_ON:
		return;
	case ACCEPTING_NO_DESCRIPTOR:
		log_warn("cannot accept HTTP connections: %s: trying again "
			 "when a connection ends",
		    strerror(error));
		event_del(l->event);
		l->is_resting = true;
		return;
	case ACCEPTING_ENDED:
		listener_free(l);
		if (s->backend.listener_ended != NULL)
			s->backend.listener_ended(s->backend.ctx);
		return;
	}
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct http_listener *l = arg;

	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		int client = accept4(fd, (struct sockaddr *)(void *)&ss, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (client == -1) {
			accept_failed(l, errno);
			return;
		}
		http_server_take(
		    l->server, client, (struct sockaddr *)(void *)&ss);
	}
}

/* Of those that hold memory the greediest, when there is no more. */
static void
on_greedy(struct memory_holder *h)
{
	struct http_conn *c =
	    (struct http_conn *)(void *)((char *)h -
					 offsetof(struct http_conn, memory));

	log_debug("http: a connection is closed: it holds %zu bytes, most of "
		  "all, and memory for HTTP has run out",
	    h->bytes);
	http_conn_close(c);
}

/* --- the server ------------------------------------------------------- */

struct http_server *
http_server_new(struct event_base *base, const struct http_backend *backend)
{
	struct http_server *s = xcalloc(1, sizeof(*s));
	struct timeval second = {1, 0};

	if (!http2_is_usable())
		fatal("libnghttp2 is older than the one that dm-net was built "
		      "with: install that one");
	s->base = base;
	s->backend = *backend;
	if (s->backend.connections_max == 0)
		s->backend.connections_max = HTTP_CONNECTIONS_MAX;
	s->files = http_files_new(
	    backend->files_max != 0 ? backend->files_max : HTTP_FILES_MAX);
	s->events = http_events_new();
	s->memory = memory_new(HTTP_MEMORY_MAX, on_greedy);
	LIST_INIT(&s->listeners);
	TAILQ_INIT(&s->waiting);
	TAILQ_INIT(&s->conns);
	LIST_INIT(&s->sources);
	TAILQ_INIT(&s->ready);
	TAILQ_INIT(&s->dead);
	s->turn_event = xevent(base, -1, 0, on_turn, s);
	s->tick_event = xevent(base, -1, EV_PERSIST, on_tick, s);
	event_add(s->tick_event, &second);
	return s;
}

void
http_server_free(struct http_server *s)
{
	struct http_listener *l;
	struct http_conn *c;

	if (s == NULL)
		return;
	s->is_closing = true;
	while ((l = LIST_FIRST(&s->listeners)) != NULL)
		listener_free(l);
	while ((c = TAILQ_FIRST(&s->conns)) != NULL)
		http_conn_close(c);
	free_dead(s);
	event_free(s->turn_event);
	event_free(s->tick_event);
	http_files_free(s->files);
	http_events_free(s->events);
	memory_free(s->memory);
	free(s);
}

void
http_server_configure(
    struct http_server *s, const struct http_settings *settings)
{
	s->settings = *settings;
	s->is_configured = true;
}

void
http_server_listen(struct http_server *s, int fd, uint64_t id)
{
	struct http_listener *l = xcalloc(1, sizeof(*l));

	l->server = s;
	l->fd = fd;
	l->id = id;
	l->event = xevent(s->base, fd, EV_READ | EV_PERSIST, on_accept, l);
	xevent_add(l->event, NULL);
	LIST_INSERT_HEAD(&s->listeners, l, next);
}

void
http_server_unlisten(struct http_server *s, uint64_t id)
{
	struct http_listener *l, *next;

	for (l = LIST_FIRST(&s->listeners); l != NULL; l = next) {
		next = LIST_NEXT(l, next);
		if (l->id == id)
			listener_free(l);
	}
}

void
http_on_entry(struct http_server *s, const struct entry *e)
{
	http_files_forget_name(s->files, e->name);
	http_events_entry(s->events, e);
}

void
http_on_retract(struct http_server *s, const uint8_t key[static 16])
{
	http_files_forget_key(s->files, key);
	http_events_reset(s->events);
}

unsigned
http_server_connections(const struct http_server *s)
{
	return s->n_conns;
}
