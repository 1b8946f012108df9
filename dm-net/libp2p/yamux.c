/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/yamux.h"

#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/mem.h"
#include "dm-net/libp2p/yamux_int.h"

struct frame {
	unsigned int version;
	unsigned int type;
	unsigned int flags;
	uint32_t id;
	uint32_t length;
};

struct yamux *
yamux_new(bool is_dialer, const struct yamux_ops *ops, void *ctx)
{
	struct yamux *y = mem_new(sizeof(*y));

	y->ops = ops;
	y->ctx = ctx;
	y->is_dialer = is_dialer;
	y->next_id = is_dialer ? 1 : 2;
	list_init(&y->control);
	for (size_t i = 0; i < YAMUX_CLASSES; i++)
		list_init(&y->ready[i]);
	return y;
}

void
yamux_free(struct yamux *y)
{
	if (y == NULL)
		return;
	for (size_t i = 0; i < YAMUX_BUCKETS; i++) {
		while (y->bucket[i] != NULL)
			yamux_stream_free(y->bucket[i]);
	}
	free(y->refusals);
	free(y);
}

/* Has the stream that the peer wants reset. A peer that opens streams far
 * beyond the limit without reading is cut off. */
static enum yamux_status
refuse(struct yamux *y, uint32_t id)
{
	if (y->refusals == NULL)
		y->refusals =
		    mem_new(YAMUX_REFUSALS_MAX * sizeof(*y->refusals));
	if (y->refusal_count == YAMUX_REFUSALS_MAX)
		return YAMUX_FLOOD;
	y->refusals[y->refusal_count++] = id;
	return YAMUX_OK;
}

static enum yamux_status
on_syn(struct yamux *y, const struct frame *f)
{
	struct yamux_stream *s;

	if ((f->flags & (YAMUX_ACK | YAMUX_RST)) != 0)
		return YAMUX_FLAGS;
	if ((f->id % 2 == 1) == y->is_dialer)
		return YAMUX_ID;
	if (yamux_stream_find(y, f->id) != NULL)
		return YAMUX_REUSED;
	if (f->type == YAMUX_DATA && f->length > YAMUX_WINDOW_INITIAL)
		return YAMUX_CREDIT;
	if (y->stream_count[true] >= YAMUX_STREAMS_MAX ||
	    yamux_charged(y) > YAMUX_ACCOUNT_HIGH)
		return refuse(y, f->id);
	s = yamux_stream_new(y, f->id, true);
	if (!y->ops->on_open(y->ctx, s)) {
		yamux_stream_free(s);
		return refuse(y, f->id);
	}
	return YAMUX_OK;
}

static void
body_end(struct yamux *y)
{
	struct yamux_stream *s = y->body_stream;

	y->body_stream = NULL;
	if (s != NULL && y->body_has_fin)
		yamux_stream_fin(s);
}

static enum yamux_status
on_data(struct yamux *y, struct yamux_stream *s, const struct frame *f)
{
	if (f->length > s->recv_window)
		return YAMUX_CREDIT;
	if (s->is_remote_shut && f->length > 0)
		return YAMUX_AFTER_FIN;
	s->recv_window -= f->length;
	y->body_left = f->length;
	y->body_has_fin = (f->flags & YAMUX_FIN) != 0;
	y->body_stream = s;
	if (f->length == 0)
		body_end(y);
	return YAMUX_OK;
}

static enum yamux_status
on_window(struct yamux_stream *s, const struct frame *f)
{
	s->send_window += f->length;
	if (s->send_window > UINT32_MAX)
		return YAMUX_OVERFLOW;
	yamux_stream_ready(s);
	if ((f->flags & YAMUX_FIN) != 0)
		yamux_stream_fin(s);
	return YAMUX_OK;
}

static enum yamux_status
on_stream_frame(struct yamux *y, const struct frame *f)
{
	enum yamux_status status;
	struct yamux_stream *s;

	if (f->id == 0)
		return YAMUX_ID;
	if (f->type == YAMUX_DATA && f->length > YAMUX_WINDOW_MAX)
		return YAMUX_LENGTH;
	if ((f->flags & YAMUX_SYN) != 0) {
		status = on_syn(y, f);
		if (status != YAMUX_OK)
			return status;
	}
	s = yamux_stream_find(y, f->id);
	if (s == NULL || (f->flags & YAMUX_RST) != 0) {
		if (f->type == YAMUX_DATA)
			y->body_left = f->length;
		y->body_stream = NULL;
		if (s != NULL)
			yamux_stream_kill(
			    s, f->type == YAMUX_WINDOW ? f->length : 0);
		return YAMUX_OK;
	}
	if (f->type == YAMUX_DATA)
		return on_data(y, s, f);
	return on_window(s, f);
}

/* A ping that comes while the answer to another waits is not answered: peers
 * keep one in flight, and nothing piles up for one that does not. */
static enum yamux_status
on_ping(struct yamux *y, const struct frame *f)
{
	if (f->id != 0)
		return YAMUX_ID;
	if (f->flags == YAMUX_SYN) {
		if (!y->has_pong)
			y->pong = f->length;
		y->has_pong = true;
		return YAMUX_OK;
	}
	if (f->flags != YAMUX_ACK)
		return YAMUX_FLAGS;
	if (!y->is_ping_sent || f->length != y->ping)
		return YAMUX_PONG;
	y->is_ping_sent = false;
	y->ops->on_pong(y->ctx);
	return YAMUX_OK;
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static enum yamux_status
on_header(struct yamux *y)
{
	const uint8_t *h = y->header;
	struct frame f = {
	    .version = h[0],
	    .type = h[1],
	    .flags = (unsigned int)h[2] << 8 | h[3],
	    .id = get32(h + 4),
	    .length = get32(h + 8),
	};

	if (f.version != 0)
		return YAMUX_VERSION;
	if (f.type > YAMUX_AWAY)
		return YAMUX_TYPE;
	if (f.flags > (YAMUX_SYN | YAMUX_ACK | YAMUX_FIN | YAMUX_RST))
		return YAMUX_FLAGS;
	if (f.type == YAMUX_PING)
		return on_ping(y, &f);
	if (f.type != YAMUX_AWAY)
		return on_stream_frame(y, &f);
	if (f.id != 0)
		return YAMUX_ID;
	y->away_code = f.length;
	return YAMUX_GOAWAY;
}

static size_t
take_header(struct yamux *y, const uint8_t *in, size_t in_len)
{
	size_t n = YAMUX_HEADER_BYTES - y->header_len;

	if (n > in_len)
		n = in_len;
	memcpy(y->header + y->header_len, in, n);
	y->header_len += n;
	if (y->header_len == YAMUX_HEADER_BYTES) {
		y->header_len = 0;
		y->status = on_header(y);
	}
	return n;
}

static size_t
take_body(struct yamux *y, const uint8_t *in, size_t in_len)
{
	size_t n = y->body_left < in_len ? y->body_left : in_len;

	y->body_left -= (uint32_t)n;
	if (y->body_stream != NULL)
		yamux_stream_data(y->body_stream, in, n);
	if (y->body_left == 0)
		body_end(y);
	return n;
}

enum yamux_status
yamux_input(struct yamux *y, const uint8_t *in, size_t in_len, uint64_t now_ns)
{
	y->now_ns = now_ns;
	while (in_len > 0 && y->status == YAMUX_OK) {
		size_t n = y->body_left > 0 ? take_body(y, in, in_len)
					    : take_header(y, in, in_len);

		in += n;
		in_len -= n;
	}
	return y->status;
}

void
yamux_ping(struct yamux *y)
{
	y->has_ping = true;
	y->ping++;
}

bool
yamux_is_pinging(const struct yamux *y)
{
	return y->has_ping || y->is_ping_sent;
}

bool
yamux_ping_is_sent(const struct yamux *y)
{
	return y->is_ping_sent;
}

void
yamux_set_rtt(struct yamux *y, uint64_t rtt_ns)
{
	y->rtt_ns = rtt_ns;
}

void
yamux_goaway(struct yamux *y, uint32_t code)
{
	y->has_away = true;
	y->away_out = code;
}

uint32_t
yamux_goaway_code(const struct yamux *y)
{
	return y->away_code;
}

size_t
yamux_buffered(const struct yamux *y)
{
	return y->buffered;
}

unsigned int
yamux_stream_count(const struct yamux *y, bool is_inbound)
{
	return y->stream_count[is_inbound];
}

const char *
yamux_status_text(enum yamux_status status)
{
	switch (status) {
	case YAMUX_OK:
		return "yamux: no error";
	case YAMUX_GOAWAY:
		return "yamux: the peer said GoAway";
	case YAMUX_VERSION:
		return "yamux: a frame of another version";
	case YAMUX_TYPE:
		return "yamux: a frame of unknown type";
	case YAMUX_FLAGS:
		return "yamux: flags that do not go together";
	case YAMUX_ID:
		return "yamux: a stream id that the peer may not use";
	case YAMUX_REUSED:
		return "yamux: a stream that is open was opened again";
	case YAMUX_LENGTH:
		return "yamux: a frame larger than any window";
	case YAMUX_CREDIT:
		return "yamux: more data than the window allows";
	case YAMUX_OVERFLOW:
		return "yamux: a window beyond 32 bits";
	case YAMUX_AFTER_FIN:
		return "yamux: data after its end";
	case YAMUX_PONG:
		return "yamux: an answer to a ping that was not sent";
	case YAMUX_FLOOD:
		return "yamux: too many streams";
	}
	abort();
}
