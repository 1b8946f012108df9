/* SPDX-License-Identifier: ISC */
#include "tests/siege/foe_peer.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "dm-net/sync/sync.h"

#define TURN_NS 20000000u
#define CONNECT_NS 8000000000u
#define HELLO_BYTES 512
#define IN_MAX (SYNC_MESSAGE_MAX + WIRE_HEAD_MAX)

/* --- what we say ------------------------------------------------------ */

/* Bytes that the rate lets through now. */
static size_t
allowance(const struct foe_peer *p)
{
	uint64_t at;

	if (p->foe->order->rate == 0)
		return SIZE_MAX;
	at = (cloop_now_ns() - p->start_ns) / 1000 * p->foe->order->rate /
	     1000000;
	return at > p->spent ? (size_t)(at - p->spent) : 0;
}

static size_t
on_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct foe_peer *p = p2p_stream_user(s);
	size_t may = allowance(p), n;

	if (p->sent == p->len) {
		p->sent = p->len = 0;
		if (p->more != NULL && p->is_up)
			p->more(p);
	}
	n = p->len - p->sent;
	if (n > room)
		n = room;
	if (n > may)
		n = may;
	memcpy(out, p->out + p->sent, n);
	p->sent += n;
	p->spent += n;
	return n;
}

void
foe_peer_say(struct foe_peer *p, const void *bytes, size_t len)
{
	if (p->len + len > p->room) {
		p->room = 2 * (p->len + len);
		p->out = realloc(p->out, p->room);
		if (p->out == NULL)
			err(2, NULL);
	}
	memcpy(p->out + p->len, bytes, len);
	p->len += len;
	if (p->stream != NULL)
		p2p_stream_want_write(p->stream);
}

static void
say_hello(struct foe_peer *p, uint64_t peers)
{
	uint8_t buf[HELLO_BYTES];
	struct msgput m;
	struct wire_hello hello = {.version = SYNC_VERSION,
	    .agent = "foe",
	    .agent_len = 3,
	    .is_all = true,
	    .start = cloop_now_ns(),
	    .generation = 1,
	    .peers = peers};

	wire_begin(&m, buf, sizeof(buf));
	wire_put_hello(&m, &hello);
	foe_peer_say(p, buf, wire_end(&m));
}

/* --- what the node says ----------------------------------------------- */

static void
take_message(struct foe_peer *p, const uint8_t *bytes, size_t len)
{
	struct wire_message m;

	if (wire_decode(&m, bytes, len) != WIRE_OK)
		return;
	if (m.type == WIRE_HELLO && !p->is_up) {
		p->is_up = true;
		p->foe->tally->greeted++;
		p2p_stream_want_write(p->stream);
	}
	if (p->hear != NULL)
		p->hear(p, &m);
}

static size_t
on_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	struct foe_peer *p = p2p_stream_user(s);
	size_t at = 0, message_len;
	size_t took = IN_MAX - p->in_len < len ? IN_MAX - p->in_len : len;
	int head;

	memcpy(p->in + p->in_len, data, took);
	p->in_len += took;
	while ((head = wire_length(p->in + at, p->in_len - at, &message_len)) >
		   0 &&
	       p->in_len - at - (size_t)head >= message_len) {
		take_message(p, p->in + at + head, message_len);
		at += (size_t)head + message_len;
	}
	memmove(p->in, p->in + at, p->in_len - at);
	p->in_len -= at;
	return took;
}

static void
on_out_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	struct foe_peer *p = p2p_stream_user(s);

	p->stream = NULL;
}

static const struct p2p_stream_handlers out_handlers = {
    .on_writable = on_writable, .on_closed = on_out_closed};
static const struct p2p_stream_handlers in_handlers = {.on_data = on_data};

/* --- connections ------------------------------------------------------ */

void
foe_peer_begin(struct foe_peer *p, struct foe *foe)
{
	*p = (struct foe_peer){.foe = foe, .in = malloc(IN_MAX)};
	if (p->in == NULL)
		err(2, NULL);
	cloop_init(&p->loop, NULL);
	p->loop.source = foe->source;
	p2p_host_serve(
	    p->loop.host, SYNC_PROTOCOL, P2P_CLASS_SYNC, 1, &in_handlers, p);
}

void
foe_peer_welcome(struct foe_peer *p, struct link *link, uint64_t peers)
{
	p->link = link;
	p->is_up = p->is_gone = false;
	p->len = p->sent = p->in_len = 0;
	p->start_ns = cloop_now_ns();
	p->spent = 0;
	p->foe->tally->connections++;
	p->stream = p2p_stream_open(
	    link->conn, SYNC_PROTOCOL, P2P_CLASS_SYNC, &out_handlers, p);
	if (p->stream != NULL)
		say_hello(p, peers);
}

bool
foe_peer_connect(struct foe_peer *p, uint64_t peers)
{
	uint64_t until_ns = cloop_now_ns() + CONNECT_NS;
	struct link *link = cloop_dial(&p->loop, &p->foe->order->target);

	while (!link->is_established && !link->is_closed &&
	       cloop_now_ns() < until_ns && !foe_is_over(p->foe))
		cloop_wait_until(&p->loop, cloop_now_ns() + TURN_NS);
	if (!link->is_established || link->is_closed) {
		if (!link->is_closed)
			cloop_drop(link);
		return false;
	}
	foe_peer_welcome(p, link, peers);
	return true;
}

/* What the time lets through. */
static void
take_turn(struct foe_peer *p)
{
	if (p->stream != NULL && p->foe->order->rate > 0)
		p2p_stream_want_write(p->stream);
	if (p->turn != NULL)
		p->turn(p);
}

bool
foe_peer_run(struct foe_peer *p, uint64_t until_ns)
{
	uint64_t turn_ns = cloop_now_ns() + TURN_NS;

	if (p->link == NULL)
		return false;
	while (!p->link->is_closed && cloop_now_ns() < until_ns &&
	       !foe_is_over(p->foe)) {
		cloop_wait_until(
		    &p->loop, turn_ns < until_ns ? turn_ns : until_ns);
		if (p->link->is_closed || cloop_now_ns() < turn_ns)
			continue;
		take_turn(p);
		turn_ns = cloop_now_ns() + TURN_NS;
	}
	if (p->link->is_closed) {
		p->foe->tally->ended++;
		p->is_gone = true;
		p->link = NULL;
	}
	return p->link != NULL;
}

bool
foe_peer_stay(struct foe_peer *p)
{
	return foe_peer_run(p, p->foe->until_ns);
}

bool
foe_peer_flush(struct foe_peer *p)
{
	bool is_open = p->link != NULL;

	while (
	    is_open && (p->sent < p->len || !p->is_up) && !foe_is_over(p->foe))
		is_open = foe_peer_run(p, cloop_now_ns() + TURN_NS);
	return is_open;
}

void
foe_peer_hang_up(struct foe_peer *p)
{
	if (p->link != NULL)
		cloop_drop(p->link);
	p->link = NULL;
	p->stream = NULL;
	p->foe->tally->sent += p->loop.sent;
	p->foe->tally->received += p->loop.received;
	p->loop.sent = p->loop.received = 0;
}

void
foe_peer_end(struct foe_peer *p)
{
	foe_peer_hang_up(p);
	cloop_clear(&p->loop);
	free(p->out);
	free(p->in);
	memset(p, 0, sizeof(*p));
}
