/* SPDX-License-Identifier: ISC */
/* The sending half of yamux.h: from state to frames. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/yamux_int.h"

/* Data frames smaller than this are made only if they are alone. */
#define BODY_WORTH 512

struct out {
	uint8_t *p;
	size_t left;
};

static void
put32(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 24);
	p[1] = (uint8_t)(value >> 16);
	p[2] = (uint8_t)(value >> 8);
	p[3] = (uint8_t)value;
}

static void
put_header(uint8_t *p, unsigned int type, unsigned int flags, uint32_t id,
    uint32_t length)
{
	p[0] = 0;
	p[1] = (uint8_t)type;
	p[2] = 0;
	p[3] = (uint8_t)flags;
	put32(p + 4, id);
	put32(p + 8, length);
}

static bool
put(struct out *out, unsigned int type, unsigned int flags, uint32_t id,
    uint32_t length)
{
	if (out->left < YAMUX_HEADER_BYTES)
		return false;
	put_header(out->p, type, flags, id, length);
	out->p += YAMUX_HEADER_BYTES;
	out->left -= YAMUX_HEADER_BYTES;
	return true;
}

static bool
has_room(const struct out *out)
{
	return out->left >= YAMUX_HEADER_BYTES;
}

static void
put_pings(struct yamux *y, struct out *out)
{
	if (y->has_pong && put(out, YAMUX_PING, YAMUX_ACK, 0, y->pong))
		y->has_pong = false;
	if (y->has_ping && put(out, YAMUX_PING, YAMUX_SYN, 0, y->ping)) {
		y->has_ping = false;
		y->is_ping_sent = true;
	}
}

static void
put_refusals(struct yamux *y, struct out *out)
{
	while (y->refusal_count > 0 &&
	       put(out, YAMUX_WINDOW, YAMUX_RST,
		   y->refusals[y->refusal_count - 1], YAMUX_CODE_LIMIT))
		y->refusal_count--;
	if (y->refusal_count == 0) {
		free(y->refusals);
		y->refusals = NULL;
	}
}

/* All that is to be said about `s` besides data, as far as there is room. */
static void
put_stream(struct yamux_stream *s, struct out *out)
{
	if (s->has_rst) {
		if (put(out, YAMUX_WINDOW, YAMUX_RST, s->id, s->rst_code))
			s->has_rst = false;
		return;
	}
	if ((s->has_syn || yamux_stream_is_owed(s)) && has_room(out)) {
		unsigned int flags = s->is_inbound ? YAMUX_ACK : YAMUX_SYN;

		put(out, YAMUX_WINDOW, s->has_syn ? flags : 0, s->id,
		    yamux_stream_credit(s));
		s->has_syn = false;
	}
	if (s->has_fin && put(out, YAMUX_WINDOW, YAMUX_FIN, s->id, 0))
		s->has_fin = false;
}

static void
put_control(struct yamux *y, struct out *out)
{
	while (!list_is_empty(&y->control) && has_room(out)) {
		struct yamux_stream *s = LIST_OF(
		    list_take(&y->control), struct yamux_stream, control);

		put_stream(s, out);
		yamux_stream_mark(s);
		yamux_stream_reap(s);
	}
}

/* Strictly by class, but one frame in eight goes to the last class that has
 * any, so that nobody starves. */
static struct yamux_stream *
next_ready(struct yamux *y)
{
	bool is_reverse = y->turn++ % 8 == 7;

	for (size_t i = 0; i < YAMUX_CLASSES; i++) {
		struct list *head =
		    &y->ready[is_reverse ? YAMUX_CLASSES - 1 - i : i];

		if (!list_is_empty(head))
			return LIST_OF(head->next, struct yamux_stream, ready);
	}
	return NULL;
}

static void
put_data(struct yamux_stream *s, struct out *out)
{
	size_t room = out->left - YAMUX_HEADER_BYTES;
	size_t n;

	if (room > YAMUX_BODY_MAX)
		room = YAMUX_BODY_MAX;
	if (room > s->send_window)
		room = (size_t)s->send_window;
	n = s->y->ops->on_pull(s->y->ctx, s, out->p + YAMUX_HEADER_BYTES, room);
	assert(n <= room);
	if (n == 0)
		s->wants_write = false;
	list_remove(&s->ready);
	if (n > 0 && !s->is_dead) {
		put(out, YAMUX_DATA, 0, s->id, (uint32_t)n);
		out->p += n;
		out->left -= n;
		s->send_window -= n;
	}
	yamux_stream_ready(s);
}

size_t
yamux_output(struct yamux *y, uint8_t *out_bytes, size_t out_size)
{
	struct out out = {out_bytes, out_size};
	struct yamux_stream *s;

	if (y->is_away)
		return 0;
	put_pings(y, &out);
	put_refusals(y, &out);
	put_control(y, &out);
	if (y->has_away) {
		y->is_away = put(&out, YAMUX_AWAY, 0, 0, y->away_out);
		return out_size - out.left;
	}
	/* A stream sends its flags in order with its data: a stream that is
	 * opened, or ended, while pulling goes out before the next. */
	while (out.left > YAMUX_HEADER_BYTES &&
	       (out.left == out_size ||
		   out.left >= YAMUX_HEADER_BYTES + BODY_WORTH)) {
		if (!list_is_empty(&y->control)) {
			put_control(y, &out);
			continue;
		}
		s = next_ready(y);
		if (s == NULL)
			break;
		put_data(s, &out);
	}
	return out_size - out.left;
}

bool
yamux_has_output(const struct yamux *y)
{
	if (y->is_away)
		return false;
	if (y->has_pong || y->has_ping || y->has_away || y->refusal_count > 0 ||
	    !list_is_empty(&y->control))
		return true;
	for (size_t i = 0; i < YAMUX_CLASSES; i++) {
		if (!list_is_empty(&y->ready[i]))
			return true;
	}
	return false;
}
