/* SPDX-License-Identifier: ISC */
/* Attacks with what is said over the sync stream. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/entry.h"
#include "dm-net/sync/sync.h"
#include "tests/siege/foe_peer.h"

#define ENTRIES WIRE_ENTRIES_MAX
#define AHEAD_NS (UINT64_C(365) * 86400 * 1000000000u)
/* Before an identity that could not connect tries again. */
#define PAUSE_NS 20000000u

static uint64_t
wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* --- entries that nobody signed --------------------------------------- */

/* A message of versions of a name, from that time on, no two the same. */
static void
say_entries(struct foe_peer *p, const char *name, const uint8_t *signer,
    uint64_t signed_at_ns)
{
	static uint8_t buf[SYNC_MESSAGE_MAX + WIRE_HEAD_MAX];
	struct entry e = {.kind = ENTRY_FILE, .size = 100};
	uint8_t bytes[ENTRY_SIZE_MAX];
	struct msgput m;

	strncpy(e.name, name, sizeof(e.name) - 1);
	memcpy(e.signer, signer, sizeof(e.signer));
	wire_begin(&m, buf, sizeof(buf));
	wire_put_entries(&m, ENTRIES);
	for (size_t i = 0; i < ENTRIES; i++) {
		e.signed_at_ns = signed_at_ns + i;
		wire_put_item(&m, bytes, entry_encode(&e, bytes), NULL, 0);
	}
	wire_put_missing(&m, NULL, 0);
	foe_peer_say(p, buf, wire_end(&m));
}

static void
more_of_the_future(struct foe_peer *p)
{
	uint8_t signer[32];

	foe_hex(signer, sizeof(signer), foe_word(p->foe, 1));
	say_entries(p, foe_word(p->foe, 0), signer, wall_ns() + AHEAD_NS);
	p->foe->tally->done += ENTRIES;
}

/* As an honest one does after an end, again and again. */
static void
reconnect(struct foe *foe, void (*do_once)(struct foe_peer *))
{
	struct foe_peer p;

	while (!foe_is_over(foe)) {
		foe_peer_begin(&p, foe);
		if (foe_peer_connect(&p, 0))
			do_once(&p);
		else
			cloop_wait_until(&p.loop, cloop_now_ns() + PAUSE_NS);
		foe_peer_end(&p);
	}
}

static void
say_future(struct foe_peer *p)
{
	p->more = more_of_the_future;
	foe_peer_stay(p);
}

static void
future(struct foe *foe)
{
	reconnect(foe, say_future);
}

static void
say_forged(struct foe_peer *p)
{
	uint8_t signer[32];

	foe_hex(signer, sizeof(signer), foe_word(p->foe, 1));
	say_entries(p, foe_word(p->foe, 0), signer, wall_ns() - ENTRIES);
	foe_peer_flush(p);
	p->foe->tally->done += ENTRIES;
	foe_peer_run(p, cloop_now_ns() + 1000000000u);
}

static void
forged(struct foe *foe)
{
	reconnect(foe, say_forged);
}

/* --- content that is said to be bad ----------------------------------- */

/* The words are keys and versions, a pair each. */
static void
more_bad(struct foe_peer *p)
{
	static unsigned int next;
	uint8_t key[16], version[32], buf[128];
	struct msgput m;

	if (p->foe->order->words[next] == NULL)
		next = 0;
	foe_hex(key, sizeof(key), foe_word(p->foe, next++));
	foe_hex(version, sizeof(version), foe_word(p->foe, next++));
	wire_begin(&m, buf, sizeof(buf));
	wire_put_bad(&m, key, version);
	foe_peer_say(p, buf, wire_end(&m));
	p->foe->tally->done++;
}

static void
say_bad(struct foe_peer *p)
{
	p->more = more_bad;
	foe_peer_stay(p);
}

static void
bad_content(struct foe *foe)
{
	reconnect(foe, say_bad);
}

/* --- keys that differ in few of their bytes --------------------------- */

static void
more_keys(struct foe_peer *p)
{
	static uint8_t buf[SYNC_MESSAGE_MAX + WIRE_HEAD_MAX];
	struct wire_rows rows = {.count = WIRE_ROWS_MAX, .role = WIRE_TELL};
	struct trie_row row = {.signed_at_ns = wall_ns()};
	struct msgput m;

	wire_begin(&m, buf, sizeof(buf));
	wire_put_rows(&m, &rows);
	for (size_t i = 0; i < WIRE_ROWS_MAX; i++) {
		row.key[0] = (uint8_t)(i >> 8);
		row.key[1] = (uint8_t)i;
		wire_put_row(&m, &row);
	}
	wire_put_rows_end(&m, &rows);
	foe_peer_say(p, buf, wire_end(&m));
	p->foe->tally->done += WIRE_ROWS_MAX;
}

static void
say_keys(struct foe_peer *p)
{
	p->more = more_keys;
	foe_peer_stay(p);
}

static void
buckets(struct foe *foe)
{
	reconnect(foe, say_keys);
}

/* --- entries that are asked for --------------------------------------- */

/* The words are keys, at most as many as a message has. */
static void
more_wants(struct foe_peer *p)
{
	uint8_t keys[WIRE_KEYS_MAX * 16], buf[sizeof(keys) + 64];
	struct msgput m;
	size_t n = 0;

	for (; n < WIRE_KEYS_MAX && p->foe->order->words[n] != NULL; n++)
		foe_hex(keys + 16 * n, 16, p->foe->order->words[n]);
	wire_begin(&m, buf, sizeof(buf));
	wire_put_want(&m, keys, n);
	foe_peer_say(p, buf, wire_end(&m));
	p->foe->tally->done += n;
}

static void
say_wants(struct foe_peer *p)
{
	p->more = more_wants;
	foe_peer_stay(p);
}

static void
wants(struct foe *foe)
{
	reconnect(foe, say_wants);
}

/* --- guests ----------------------------------------------------------- */

/* Only is there, with as many peers as the word says, and where it can be
 * dialled if it has any. Counts itself as done if it is there at the end. */
static void
guest(struct foe *foe)
{
	uint64_t peers = strtoull(foe_word(foe, 0), NULL, 10);
	struct multiaddr at = {.host = MULTIADDR_IP4};
	struct foe_peer p;

	foe_peer_begin(&p, foe);
	if (peers > 0) {
		memcpy(at.ip, &foe->source, 4);
		at.port = cloop_listen(&p.loop);
		cloop_advertise_all(&p.loop, &at, 1, NULL, 0);
	}
	if (foe_peer_connect(&p, peers) && foe_peer_stay(&p) && p.is_up)
		foe->tally->done++;
	foe_peer_end(&p);
}

/* Those that do not give up, and say that they have no other peers. */
static void
say_nothing(struct foe_peer *p)
{
	foe_peer_stay(p);
}

static void
guests(struct foe *foe)
{
	reconnect(foe, say_nothing);
}

const struct foe_attack foe_sayings[] = {
    {"future", future, "NAME SIGNER"},
    {"forged", forged, "NAME SIGNER"},
    {"bad_content", bad_content, "KEY VERSION ..."},
    {"buckets", buckets, ""},
    {"wants", wants, "KEY ..."},
    {"guest", guest, "PEERS"},
    {"guests", guests, ""},
    {NULL, NULL, NULL},
};
