/* SPDX-License-Identifier: ISC */
/*
 * A live sync core and two hostile peers. The input is a list of steps, each a
 * byte and what it takes: messages of any body, raw bytes, time, ends of
 * fetches and connections. The core must stay within its bounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/name.h"
#include "dm-net/sync/sync.h"
#include "dm-net/sync/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define SEC UINT64_C(1000000000)
#define WALL (UINT64_C(1800000000) * SEC)

struct fuzz {
	struct sync *s;
	const uint8_t *data;
	size_t len;
	uint64_t now, conns, fetch;
};

static uint8_t
take(struct fuzz *f)
{
	if (f->len == 0)
		return 0;
	f->len--;
	return *f->data++;
}

static bool
record_open(const uint8_t *bytes, size_t len, struct sync_record *out)
{
	if (len < PEER_ID_BYTES || bytes[0] == 'x')
		return false;
	memcpy(out->peer.bytes, bytes, PEER_ID_BYTES);
	out->seq = len;
	out->addr_count = 1;
	out->addrs[0].len = 7;
	memcpy(out->addrs[0].bytes, bytes, 7);
	return true;
}

static struct peer_id
peer_of(uint8_t n)
{
	struct peer_id id = {{0x00, 0x24, 0x08, 0x01, 0x12, 0x20, n}};

	return id;
}

/* Answers what the core asks for, as the input says. */
static void
drive(struct fuzz *f)
{
	static uint8_t buf[SYNC_PULL_MIN];
	struct sync_action a;
	struct entry e = {.name = "a/x", .signed_at_ns = WALL, .size = 1};

	while (sync_next(f->s, &a)) {
		switch (a.type) {
		case SYNC_WANT_WRITE:
			while (sync_pull(f->s, a.conn, buf, sizeof(buf)) > 0)
				;
			break;
		case SYNC_CLOSE:
			sync_disconnected(f->s, a.conn);
			break;
		case SYNC_JUDGE:
			e = *a.entry;
			if (take(f) % 3 == 0)
				sync_judged(f->s, a.id, VERDICT_FETCH, a.id);
			else
				sync_judged(f->s, a.id,
				    (enum verdict)(take(f) % VERDICT_COUNT), 1);
			if (take(f) % 4 == 0)
				sync_store_entry(f->s, &e, false, NULL, 0);
			break;
		case SYNC_READ:
			sync_read_done(
			    f->s, a.id, take(f) % 2 == 0 ? &e : NULL);
			break;
		case SYNC_PUT_INLINE:
			sync_put_done(f->s, a.id,
			    (enum verdict)(take(f) % VERDICT_COUNT));
			break;
		case SYNC_FETCH_START:
			f->fetch = a.id;
			break;
		case SYNC_DIAL:
			sync_dial_failed(f->s, a.peer);
			break;
		case SYNC_FETCH_CANCEL:
		case SYNC_TICKET_DROP:
		case SYNC_SCRUB:
		case SYNC_REFUSED:
		case SYNC_HINTS:
			break;
		}
	}
}

/* A message with a sound length and the input's bytes as its body. */
static void
step_message(struct fuzz *f, uint64_t conn)
{
	uint8_t head[3];
	size_t n = take(f), at = 0;

	n |= (size_t)(take(f) & 0x0f) << 8;
	if (n > f->len)
		n = f->len;
	for (size_t left = n;; left >>= 7) {
		head[at++] = (uint8_t)((left & 0x7f) | (left > 127 ? 0x80 : 0));
		if (left <= 127)
			break;
	}
	sync_recv(f->s, conn, head, at);
	sync_recv(f->s, conn, f->data, n);
	f->data += n;
	f->len -= n;
}

static void
step_hello(struct fuzz *f, uint64_t conn)
{
	uint8_t buf[512];
	struct wire_hello h = {.version = 1,
	    .agent = "f",
	    .agent_len = 1,
	    .is_all = true,
	    .start = take(f),
	    .generation = take(f),
	    .root = {{1}, take(f) + 1u}};
	struct msgput m;

	wire_begin(&m, buf, sizeof(buf));
	wire_put_hello(&m, &h);
	sync_recv(f->s, conn, buf, wire_end(&m));
}

static void
step(struct fuzz *f)
{
	uint8_t kind = take(f);
	uint64_t conn = kind & 0x10 ? f->conns : 1;
	struct peer_id id = peer_of((uint8_t)(2 + (kind >> 5)));
	size_t n;

	switch (kind & 0x0f) {
	case 0:
		sync_connected(f->s, ++f->conns, &id, kind & 0x10, NULL);
		break;
	case 1:
		step_hello(f, conn);
		break;
	case 2:
		n = take(f) < f->len ? take(f) : f->len;
		n = n < f->len ? n : f->len;
		sync_recv(f->s, conn, f->data, n);
		f->data += n;
		f->len -= n;
		break;
	case 3:
		f->now += (uint64_t)take(f) * SEC / 8;
		sync_tick(f->s, f->now, WALL + f->now);
		break;
	case 4:
		sync_disconnected(f->s, conn);
		break;
	case 5:
		sync_fetch_done(f->s, f->fetch,
		    (enum sync_fetch_end)(take(f) % 5),
		    (enum verdict)(take(f) % VERDICT_COUNT));
		break;
	case 6:
		sync_fetch_progress(f->s, f->fetch, take(f));
		break;
	case 7:
		sync_store_lost(f->s);
		sync_index_begin(f->s);
		sync_index_complete(f->s);
		break;
	default:
		step_message(f, conn);
		break;
	}
}

static void
start(struct fuzz *f)
{
	struct sync_settings set = {.self = peer_of(3),
	    .agent = "fuzz",
	    .start = 1,
	    .peers_max = 2,
	    .record_open = record_open};
	struct sync_config config = {.interval_ns = SEC,
	    .clock_skew_ns = 300 * SEC,
	    .file_size_max = 1 << 20};
	struct entry_rank rank = {.signed_at_ns = 5};
	char name[32];
	uint8_t key[16];

	f->s = sync_new(&set);
	sync_tick(f->s, f->now, WALL);
	sync_config_begin(f->s, &config);
	sync_config_name(f->s, "a/*");
	sync_config_commit(f->s, 1);
	sync_index_begin(f->s);
	for (int i = 0; i < 80; i++) {
		snprintf(name, sizeof(name), "a/%d", i);
		name_key(name, key);
		rank.version[0] = (uint8_t)i;
		sync_index_row(f->s, key, &rank, 9);
	}
	sync_index_complete(f->s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz f = {.data = data, .len = len, .now = SEC, .conns = 1};
	struct peer_id id = peer_of(2);
	struct sync_stats st;

	start(&f);
	sync_connected(f.s, 1, &id, true, NULL);
	step_hello(&f, 1);
	while (f.len > 0) {
		drive(&f);
		step(&f);
	}
	drive(&f);
	sync_stats(f.s, &st);
	if (st.bytes_held > (8u << 20) || st.wanted > IPC_TICKETS_MAX ||
	    st.peers_known > 5000)
		abort();
	sync_free(f.s);
	return 0;
}
