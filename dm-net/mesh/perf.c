/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/perf.h"

/*
 * /perf/1.0.0 (libp2p specs, perf), so that the ordinary benchmark programs
 * can measure us: the dialer says how many bytes it wants (8 bytes, big-endian)
 * and sends as many as it likes; at their end it gets what it wanted. Served
 * only while the configuration says so; its streams come after all others.
 */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-net/mesh/peer_conn.h"

#define PERF_PROTOCOL "/perf/1.0.0"
#define PERF_STREAMS_MAX 16
#define COUNT_BYTES 8

struct perf {
	size_t have;   /* bytes of the count */
	uint64_t left; /* to be sent */
	bool is_eof;
};

static void
on_open(struct p2p_stream *s)
{
	struct mesh *m = p2p_stream_user(s);

	p2p_stream_set_user(s, NULL);
	if (!m->is_perf)
		p2p_stream_reset(s, P2P_RESET_NEGOTIATION);
	else
		p2p_stream_set_user(s, xcalloc(1, sizeof(struct perf)));
}

static size_t
on_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	struct perf *perf = p2p_stream_user(s);

	for (size_t i = 0; i < len && perf->have < COUNT_BYTES; i++) {
		perf->left = perf->left << 8 | data[i];
		perf->have++;
	}
	return len;
}

static void
on_eof(struct p2p_stream *s)
{
	struct perf *perf = p2p_stream_user(s);

	if (perf->have < COUNT_BYTES) {
		p2p_stream_reset(s, P2P_RESET_PROTOCOL);
		return;
	}
	perf->is_eof = true;
	if (perf->left == 0)
		p2p_stream_shutdown(s);
	else
		p2p_stream_want_write(s);
}

static size_t
on_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct perf *perf = p2p_stream_user(s);
	size_t n = perf->left < room ? (size_t)perf->left : room;

	if (!perf->is_eof)
		return 0;
	memset(out, 0, n);
	perf->left -= n;
	if (perf->left == 0)
		p2p_stream_shutdown(s);
	return n;
}

static void
on_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	free(p2p_stream_user(s));
}

static const struct p2p_stream_handlers handlers = {
    .on_open = on_open,
    .on_data = on_data,
    .on_eof = on_eof,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

void
perf_set(struct mesh *m, bool is_on)
{
	/* what was once said to be served is only refused from then on */
	if (is_on && !m->has_perf)
		p2p_host_serve(m->host, PERF_PROTOCOL, P2P_CLASS_LARGE_FILE,
		    PERF_STREAMS_MAX, &handlers, m);
	m->has_perf |= is_on;
	m->is_perf = is_on;
}
