/* SPDX-License-Identifier: ISC */
/* Attacks with content: who is asked for it and does not give it, and who asks
 * for it and does not take it. */
#include <stdlib.h>
#include <string.h>

#include "dm-net/sync/file_wire.h"
#include "tests/hostile/attacker.h"
#include "tests/siege/foe_peer.h"

/* --- sources that are busy, or slow ----------------------------------- */

/* A stream over which the node asks for content. */
struct asked {
	struct foe_peer *peer;
	uint8_t in[FILE_HEAD_MAX];
	size_t in_len;
	uint64_t size; /* of the file; 0: all is answered with busy */
	unsigned int busy_due;
	uint8_t head[FILE_HEAD_MAX];
	size_t head_len;
	uint64_t start_ns, left, sent;
};

/* The file that is given slowly; 0: none is given. */
static uint64_t slow_size;
/* Streams over which it is; what their rate lets through is looked at often. */
static struct p2p_stream *slow_streams[16];
#define SLOW_STREAMS (sizeof(slow_streams) / sizeof(slow_streams[0]))

static void
slow_stream_swap(const struct p2p_stream *old, struct p2p_stream *new)
{
	for (size_t i = 0; i < SLOW_STREAMS; i++) {
		if (slow_streams[i] == old) {
			slow_streams[i] = new;
			return;
		}
	}
}

static void
on_turn(struct foe_peer *p)
{
	for (size_t i = 0; i < SLOW_STREAMS; i++)
		if (slow_streams[i] != NULL)
			p2p_stream_want_write(slow_streams[i]);
}

static void
on_open(struct p2p_stream *s)
{
	struct asked *a = calloc(1, sizeof(*a));

	a->peer = p2p_stream_user(s);
	a->size = slow_size;
	p2p_stream_set_user(s, a);
	slow_stream_swap(NULL, s);
}

static void
answer(struct asked *a, const struct file_request *r)
{
	struct file_answer ans = {
	    .status = a->size > 0 ? FILE_OK : FILE_BUSY, .size = a->size};

	a->peer->foe->tally->done++;
	if (a->size == 0) {
		a->busy_due++;
		return;
	}
	a->head_len = file_answer_encode(&ans, a->head);
	a->left = a->size - r->offset;
	a->start_ns = cloop_now_ns();
	a->sent = 0;
}

static size_t
on_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	struct asked *a = p2p_stream_user(s);
	struct file_request r;
	size_t took = sizeof(a->in) - a->in_len;
	ssize_t n;

	if (took > len)
		took = len;
	memcpy(a->in + a->in_len, data, took);
	a->in_len += took;
	while ((n = file_request_decode(&r, a->in, a->in_len)) > 0) {
		answer(a, &r);
		a->in_len -= (size_t)n;
		memmove(a->in, a->in + n, a->in_len);
	}
	p2p_stream_want_write(s);
	return took;
}

static size_t
write_busy(struct asked *a, uint8_t *out, size_t room)
{
	struct file_answer ans = {.status = FILE_BUSY};
	uint8_t head[FILE_HEAD_MAX];
	size_t len = file_answer_encode(&ans, head), n = 0;

	for (; a->busy_due > 0 && room - n >= len; a->busy_due--, n += len)
		memcpy(out + n, head, len);
	return n;
}

static size_t
on_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct asked *a = p2p_stream_user(s);
	uint64_t may = (cloop_now_ns() - a->start_ns) / 1000 *
		       a->peer->foe->order->rate / 1000000;
	size_t n = a->head_len;

	if (a->size == 0)
		return write_busy(a, out, room);
	memcpy(out, a->head, n);
	a->head_len = 0;
	may = may > a->sent ? may - a->sent : 0;
	if (may > room - n)
		may = room - n;
	if (may > a->left)
		may = a->left;
	memset(out + n, 'x', (size_t)may);
	a->sent += may;
	a->left -= may;
	return n + (size_t)may;
}

static void
on_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	slow_stream_swap(s, NULL);
	free(p2p_stream_user(s));
}

static const struct p2p_stream_handlers file_handlers = {
    .on_open = on_open,
    .on_data = on_data,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

/* The word is an entry; it is told at once. */
static void
say_entry(struct foe_peer *p)
{
	static uint8_t buf[2048];
	uint8_t entry[ENTRY_SIZE_MAX];
	const char *hex = foe_word(p->foe, 0);
	struct msgput m;

	foe_hex(entry, strlen(hex) / 2, hex);
	wire_begin(&m, buf, sizeof(buf));
	wire_put_entries(&m, 1);
	wire_put_item(&m, entry, strlen(hex) / 2, NULL, 0);
	wire_put_missing(&m, NULL, 0);
	foe_peer_say(p, buf, wire_end(&m));
}

static void
announce(struct foe *foe)
{
	struct foe_peer p;

	while (!foe_is_over(foe)) {
		foe_peer_begin(&p, foe);
		p2p_host_serve(p.loop.host, FILE_PROTOCOL, P2P_CLASS_LARGE_FILE,
		    8, &file_handlers, &p);
		if (foe_peer_connect(&p, 0)) {
			say_entry(&p);
			p.turn = on_turn;
			foe_peer_stay(&p);
		}
		foe_peer_end(&p);
	}
}

static void
busy(struct foe *foe)
{
	slow_size = 0;
	announce(foe);
}

static void
slow(struct foe *foe)
{
	slow_size = strtoull(foe_word(foe, 1), NULL, 10);
	announce(foe);
}

/* --- one who takes little at a time ----------------------------------- */

#define STREAMS 4

/* A frame's header at a time; what follows it is left out. */
struct reader {
	uint8_t head[12];
	size_t have;
	uint32_t skip;
};

/* Reads what is there, and answers pings, or it would be over soon. */
static void
read_frames(struct attacker *a, struct reader *r)
{
	uint8_t buf[4096];
	size_t n, at;

	while ((n = attacker_take(a, buf, sizeof(buf))) > 0) {
		for (at = 0; at < n;) {
			if (r->skip > 0) {
				size_t k = n - at < r->skip ? n - at : r->skip;

				at += k;
				r->skip -= (uint32_t)k;
				continue;
			}
			r->head[r->have++] = buf[at++];
			if (r->have < sizeof(r->head))
				continue;
			r->have = 0;
			uint32_t length = (uint32_t)r->head[8] << 24 |
					  (uint32_t)r->head[9] << 16 |
					  (uint32_t)r->head[10] << 8 |
					  r->head[11];
			if (r->head[1] == DATA)
				r->skip = length;
			else if (r->head[1] == PING && (r->head[3] & SYN))
				attacker_frame(a, PING, ACK, 0, length, true);
		}
	}
}

/* An honest hello, without which the connection would not last. */
static void
raw_hello(struct attacker *a, uint32_t id)
{
	uint8_t buf[512];
	struct msgput m;
	struct wire_hello hello = {
	    .version = 1, .agent = "foe", .agent_len = 3, .is_all = true};

	wire_begin(&m, buf, sizeof(buf));
	wire_put_hello(&m, &hello);
	attacker_data_text(a, SYN, id, HEADER "\x18/data-mesher/sync/1.0.0\n");
	attacker_data(a, 0, id, buf, wire_end(&m));
}

static void
ask_for(struct foe *foe, struct attacker *a, uint32_t id)
{
	struct file_request r = {0};
	uint8_t buf[FILE_HEAD_MAX];

	foe_hex(r.key, sizeof(r.key), foe_word(foe, 0));
	foe_hex(r.version, sizeof(r.version), foe_word(foe, 1));
	attacker_data_text(a, SYN, id, HEADER "\x18/data-mesher/file/1.0.0\n");
	attacker_data(a, 0, id, buf, file_request_encode(&r, buf));
	foe->tally->done++;
}

static void
take_slowly(struct foe *foe, struct attacker *a)
{
	struct reader reader = {0};
	double next_s = attacker_now_s() + 1;

	attacker_to_yamux(a);
	raw_hello(a, 1);
	for (uint32_t i = 0; i < STREAMS; i++)
		ask_for(foe, a, 3 + 2 * i);
	while (!attacker_is_over(a)) {
		read_frames(a, &reader);
		attacker_pause_ms(20);
		if (attacker_now_s() < next_s)
			continue;
		next_s += 1;
		for (uint32_t i = 0; i < STREAMS; i++)
			attacker_frame(
			    a, WINDOW, 0, 3 + 2 * i, foe->order->rate, true);
	}
}

static void
slow_reader(struct foe *foe)
{
	while (!foe_is_over(foe)) {
		struct attacker a = {.fd = -1,
		    .target = foe_target(foe),
		    .port = foe->order->target.port,
		    .address = foe->source,
		    .until_s = (double)foe->until_ns / 1e9,
		    .stop = &foe->tally->is_over};

		if (attacker_dial(&a)) {
			foe->tally->connections++;
			take_slowly(foe, &a);
			foe->tally->ended += a.is_closed;
		}
		attacker_end(&a);
		foe->tally->sent += a.sent;
		foe->tally->received += a.received;
		attacker_pause_ms(50);
	}
}

const struct foe_attack foe_contents[] = {
    {"busy", busy, "ENTRY"},
    {"slow", slow, "ENTRY SIZE"},
    {"slow_reader", slow_reader, "KEY VERSION"},
    {NULL, NULL, NULL},
};
