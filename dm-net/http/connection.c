/* SPDX-License-Identifier: ISC */
#include "dm-net/http/connection.h"

#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xevent.h"
#include "dm-net/http/conn_io.h"
#include "dm-net/http/http1.h"
#include "dm-net/http/http2.h"
#include "dm-net/http/server.h"

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct http_conn *c = arg;

	c->is_readable = true;
	http_conn_run(c);
	/* Nobody reads now: the event would come again and again. */
	if (!c->is_dead && c->is_readable) {
		event_del(c->read_event);
		c->is_reading = false;
	}
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	http_conn_run(arg);
}

/* IPv4 in four bytes, also when it comes mapped into IPv6. */
static void
set_address(struct http_conn *c, const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET) {
		c->address_len = 4;
		memcpy(c->address,
		    &((const struct sockaddr_in *)(const void *)sa)->sin_addr,
		    4);
	} else if (sa->sa_family == AF_INET6) {
		const struct in6_addr *a =
		    &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
		bool is_mapped = IN6_IS_ADDR_V4MAPPED(a);

		c->address_len = is_mapped ? 4 : 16;
		memcpy(c->address, a->s6_addr + (is_mapped ? 12 : 0),
		    c->address_len);
	}
	c->is_loopback =
	    c->address_len == 4
		? c->address[0] == 127
		: c->address_len == 16 &&
		      memcmp(c->address, &in6addr_loopback, 16) == 0;
}

struct netsource
http_conn_source(const struct sockaddr *sa)
{
	struct http_conn c = {0};

	set_address(&c, sa);
	return netsource_of_address(c.address, c.address_len);
}

void
http_conn_new(struct http_server *s, int fd, const struct sockaddr *sa)
{
	struct http_conn *c = xcalloc(1, sizeof(*c));
	struct netsource source = http_conn_source(sa);
	int on = 1;

	c->server = s;
	c->fd = fd;
	set_address(c, sa);
	c->source = http_source_hold(&s->sources, &source);
	c->source->n_conns++;
	memory_join(s->memory, &c->memory, &source);
	c->out.holder = &c->memory;
	/* Heads and bodies are sent in as few pieces as can be anyway. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->read_event =
	    xevent(s->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->write_event =
	    xevent(s->base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	c->progress_s = clock_mono_s();
	http_conn_begin(c);
	TAILQ_INSERT_TAIL(&s->conns, c, all);
	s->n_conns++;
	memory_add(&c->memory, sizeof(*c));
	c->h1 = http1_new(c);
	c->is_readable = true;
	http_conn_kick(c);
}

void
http_conn_free(struct http_conn *c)
{
	http1_free(c->h1);
	http2_free(c->h2);
	event_free(c->read_event);
	event_free(c->write_event);
	http_text_clear(&c->out);
	http_source_release(c->source);
	memory_leave(&c->memory);
	free(c);
}

void
http_conn_run(struct http_conn *c)
{
	bool has_more = false;

	c->is_running = true;
	if (c->h1 != NULL && http1_run(c->h1, &has_more) == HTTP1_PREFACE) {
		size_t len;
		const void *data = http1_buffered(c->h1, &len);

		c->h2 = http2_new(c);
		http2_input(c->h2, data, len);
		http1_free(c->h1);
		c->h1 = NULL;
	}
	if (c->h2 != NULL)
		http2_run(c->h2, &has_more);
	c->is_running = false;
	if (has_more)
		http_conn_kick(c); /* others first */
}

void
http_conn_tick(struct http_conn *c, uint64_t now_s)
{
	if (c->is_dead)
		return;
	/* A client that takes nothing while there is something for it. */
	if (http_text_left(&c->out) > 0 || c->is_writing) {
		if (now_s - c->progress_s > HTTP_STALL_S_MAX) {
			c->server->count.timed_out++;
			http_conn_close(c);
			return;
		}
	}
	if (c->h1 != NULL)
		http1_tick(c->h1, now_s);
	else
		http2_tick(c->h2, now_s);
}

enum http_standing
http_conn_standing(const struct http_conn *c)
{
	if (c->h1 != NULL ? http1_is_idle(c->h1) : http2_is_idle(c->h2))
		return HTTP_STANDING_IDLE;
	return (c->h1 != NULL ? http1_has_request(c->h1)
			      : http2_has_request(c->h2))
		   ? HTTP_STANDING_REQUEST
		   : HTTP_STANDING_HEAD;
}
