/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/ping.h"

#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/conn.h"
#include "dm-net/libp2p/mem.h"

struct ping {
	uint8_t bytes[PING_BYTES];
	size_t have;  /* of the one being read */
	size_t to_go; /* of the one being echoed: its last bytes */
	bool is_eof;
};

static void
on_open(struct p2p_stream *s)
{
	p2p_stream_set_user(s, mem_new(sizeof(struct ping)));
	p2p_stream_set_limit(s, CONN_PING_WAITING);
	p2p_stream_set_deadline(
	    s, p2p_stream_conn(s)->now_ns + CONN_PING_IDLE_NS);
}

/* Takes no further ping before the echo of the last has left. */
static size_t
on_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	struct ping *ping = p2p_stream_user(s);
	size_t n = PING_BYTES - ping->have;

	if (ping->to_go > 0)
		return 0;
	if (n > len)
		n = len;
	memcpy(ping->bytes + ping->have, data, n);
	ping->have += n;
	if (ping->have == PING_BYTES) {
		ping->have = 0;
		ping->to_go = PING_BYTES;
		p2p_stream_set_deadline(
		    s, p2p_stream_conn(s)->now_ns + CONN_PING_IDLE_NS);
		p2p_stream_want_write(s);
	}
	return n;
}

static size_t
on_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct ping *ping = p2p_stream_user(s);
	size_t n = ping->to_go < room ? ping->to_go : room;

	memcpy(out, ping->bytes + PING_BYTES - ping->to_go, n);
	ping->to_go -= n;
	if (ping->to_go == 0) {
		p2p_stream_want_read(s);
		if (ping->is_eof)
			p2p_stream_shutdown(s);
	}
	return n;
}

static void
on_eof(struct p2p_stream *s)
{
	struct ping *ping = p2p_stream_user(s);

	ping->is_eof = true;
	if (ping->to_go == 0)
		p2p_stream_shutdown(s);
}

static void
on_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	free(p2p_stream_user(s));
}

const struct p2p_stream_handlers ping_handlers = {
    .on_open = on_open,
    .on_data = on_data,
    .on_eof = on_eof,
    .on_writable = on_writable,
    .on_closed = on_closed,
};
