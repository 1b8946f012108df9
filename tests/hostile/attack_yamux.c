/* SPDX-License-Identifier: ISC */
/* Attacks on yamux: single frames that are wrong, and floods of right ones. */
#include "tests/hostile/attack.h"

#include <string.h>

struct header {
	uint8_t version, type;
	uint16_t flags;
	uint32_t id, length;
};

static void
one_header(struct attacker *a, struct header h)
{
	uint8_t b[12] = {h.version, h.type, (uint8_t)(h.flags >> 8),
	    (uint8_t)h.flags, 0, 0, 0, (uint8_t)h.id, (uint8_t)(h.length >> 24),
	    (uint8_t)(h.length >> 16), (uint8_t)(h.length >> 8),
	    (uint8_t)h.length};

	attacker_to_yamux(a);
	attacker_put(a, b, sizeof(b), false);
}

#define ONE(name, ...)                                       \
	static void name(struct attacker *a)                 \
	{                                                    \
		one_header(a, (struct header){__VA_ARGS__}); \
	}
ONE(yamux_version, 1, DATA, SYN, 1, 0)
ONE(yamux_type, 0, 4, 0, 0, 0)
ONE(yamux_flags, 0, DATA, 0x10, 1, 0)
ONE(yamux_syn_ack, 0, WINDOW, SYN | ACK, 1, 0)
ONE(yamux_syn_rst, 0, WINDOW, SYN | RST, 1, 0)
ONE(yamux_parity, 0, WINDOW, SYN, 2, 0)
ONE(yamux_id_0, 0, WINDOW, SYN, 0, 0)
ONE(yamux_data_id_0, 0, DATA, 0, 0, 10)
ONE(yamux_syn_data, 0, DATA, SYN, 1, 262145)
ONE(yamux_length, 0, DATA, 0, 1, 0xffffffff)
ONE(yamux_pong, 0, PING, ACK, 0, 77)
ONE(yamux_ping_id, 0, PING, SYN, 1, 0)
ONE(yamux_ping_flags, 0, PING, 0, 0, 0)
ONE(yamux_away_id, 0, AWAY, 0, 1, 0)
ONE(away_normal, 0, AWAY, 0, 0, 0)
ONE(away_protocol, 0, AWAY, 0, 0, 1)
ONE(away_internal, 0, AWAY, 0, 0, 2)
ONE(away_other, 0, AWAY, 0, 0, 0x1003)

static void
yamux_garbage(struct attacker *a)
{
	attacker_to_yamux(a);
	attacker_put_garbage(a);
}

static void
yamux_reused(struct attacker *a)
{
	attacker_to_yamux(a);
	attacker_frame(a, WINDOW, SYN, 1, 0, false);
	attacker_frame(a, WINDOW, SYN, 1, 0, false);
}

static void
yamux_overflow(struct attacker *a)
{
	attacker_to_yamux(a);
	attacker_frame(a, WINDOW, SYN, 1, 0xffffffff, false);
}

static void
yamux_overflow_later(struct attacker *a)
{
	attacker_to_yamux(a);
	attacker_frame(a, WINDOW, SYN, 1, 0x80000000, false);
	attacker_frame(a, WINDOW, 0, 1, 0x80000000, false);
}

/* What was said before is a part of the window too. */
static void
yamux_window(struct attacker *a)
{
	attacker_to_yamux(a);
	attacker_data_text(a, SYN, 1, HEADER "\x11/ipfs/ping/1.0.0\n");
	attacker_frame(a, DATA, 0, 1, 262144, false);
}

/* In one record: once the answer to the first frame is out the stream is over,
 * and nobody knows it any more. */
static void
yamux_after_fin(struct attacker *a)
{
	static const char both[] =
	    "\0\0\0\5\0\0\0\1\0\0\0\x26" HEADER "\x11/ipfs/ping/1.0.0\n"
	    "\0\0\0\0\0\0\0\1\0\0\0\4more";

	attacker_to_yamux(a);
	attacker_put(a, both, sizeof(both) - 1, false);
}

/* Reads until these bytes came. */
static void
await(struct attacker *a, const void *bytes, size_t len)
{
	static char seen[65536];
	size_t have = 0;

	while (!attacker_is_over(a) && have < sizeof(seen) &&
	       memmem(seen, have, bytes, len) == NULL)
		have += attacker_take(a, seen + have, sizeof(seen) - have);
}

/* Data for a stream that both sides ended: as with any unknown one. */
static void
yamux_after_end(struct attacker *a)
{
	attacker_to_yamux(a);
	attacker_data_text(a, SYN | FIN, 1, HEADER "\x11/ipfs/ping/1.0.0\n");
	await(a, "\0\1\0\4\0\0\0\1", 8); /* FIN */
	attacker_data_text(a, 0, 1, "more");
}

static void
syns_of(struct attacker *a, bool reads)
{
	attacker_to_yamux(a);
	for (uint32_t i = 0; i < FLOOD && !attacker_is_over(a); i++)
		attacker_frame(a, WINDOW, SYN, 2 * i + 1, 0, reads);
}

static void
streams_of(struct attacker *a, bool reads)
{
	attacker_to_yamux(a);
	for (uint32_t i = 0; i < FLOOD && !attacker_is_over(a); i++) {
		attacker_frame(a, WINDOW, SYN, 2 * i + 1, 0, reads);
		attacker_frame(a, WINDOW, RST, 2 * i + 1, 0, reads);
	}
}

static void
pings_of(struct attacker *a, bool reads)
{
	attacker_to_yamux(a);
	for (uint32_t i = 0; i < 5 * FLOOD && !attacker_is_over(a); i++)
		attacker_frame(a, PING, SYN, 0, i, reads);
}

static void
yamux_slow(struct attacker *a)
{
	attacker_to_yamux(a);
	attacker_frame(a, WINDOW, SYN, 1, 0, true);
	attacker_wait(a);
}
static void
syns(struct attacker *a)
{
	syns_of(a, true);
}
static void
syns_unread(struct attacker *a)
{
	syns_of(a, false);
}
static void
streams(struct attacker *a)
{
	streams_of(a, true);
}
static void
streams_unread(struct attacker *a)
{
	streams_of(a, false);
}
static void
pings(struct attacker *a)
{
	pings_of(a, true);
}
static void
pings_unread(struct attacker *a)
{
	pings_of(a, false);
}

/* clang-format off */
const struct attack attack_yamux[] = {
	ATTACK(yamux_version), ATTACK(yamux_type), ATTACK(yamux_flags),
	ATTACK(yamux_syn_ack), ATTACK(yamux_syn_rst), ATTACK(yamux_parity),
	ATTACK(yamux_id_0), ATTACK(yamux_data_id_0), ATTACK(yamux_syn_data),
	ATTACK(yamux_length), ATTACK(yamux_pong), ATTACK(yamux_ping_id),
	ATTACK(yamux_ping_flags), ATTACK(yamux_away_id), ATTACK(yamux_garbage),
	ATTACK(yamux_reused), ATTACK(yamux_overflow),
	ATTACK(yamux_overflow_later), ATTACK(yamux_window),
	ATTACK(yamux_after_fin), ATTACK(yamux_after_end), ATTACK(yamux_slow),
	ATTACK(away_normal), ATTACK(away_protocol), ATTACK(away_internal),
	ATTACK(away_other), ATTACK(syns), ATTACK(syns_unread), ATTACK(streams),
	ATTACK(streams_unread), ATTACK(pings), ATTACK(pings_unread), {NULL, NULL},
};
/* clang-format on */
