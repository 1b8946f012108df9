/* SPDX-License-Identifier: ISC */
/* Attacks on memory: much that waits, and nothing that is read. */
#include "tests/hostile/attack.h"

#include <string.h>
#include <sys/socket.h>

/* Opens as many streams of a protocol as there may be, with a text each. */
static void
many(struct attacker *a, const char *text, size_t len)
{
	attacker_to_yamux(a);
	for (uint32_t i = 0; i < 5000 && !attacker_is_over(a); i++)
		attacker_data(a, SYN, 2 * i + 1, text, len);
}

static void
identify_streams(struct attacker *a)
{
	const char *text = HEADER "\x0f/ipfs/id/1.0.0\n";

	many(a, text, strlen(text));
}

/* The messages are as large as may be, and their parts as many. */
static void
identify_push(struct attacker *a)
{
	static const char head[] = HEADER "\x14/ipfs/id/push/1.0.0\n";
	char text[sizeof(head) + 8200];
	size_t len = sizeof(head) - 1;

	memcpy(text, head, len);
	text[len++] = (char)0xfe; /* 8190 bytes */
	text[len++] = 0x3f;
	for (int i = 0; i < 4095; i++) { /* an empty protocol each */
		text[len++] = 0x1a;
		text[len++] = 0;
	}
	attacker_to_yamux(a);
	for (uint32_t i = 0; i < 2000 && !attacker_is_over(a); i++)
		attacker_data(a, SYN | FIN, 2 * i + 1, text, len);
}

static void
identify_endless(struct attacker *a)
{
	static char block[16000];

	attacker_to_yamux(a);
	attacker_data_text(a, SYN, 1, HEADER "\x14/ipfs/id/push/1.0.0\n");
	for (int i = 0; i < 1000 && !attacker_is_over(a); i++)
		attacker_data(a, 0, 1, block, sizeof(block));
}

static void
stream_garbage(struct attacker *a)
{
	attacker_to_yamux(a);
	for (uint32_t i = 0; i < 100; i++)
		attacker_data(a, SYN, 2 * i + 1, "\xff\xff\xff\xff\xff", 5);
}

/* Asks for answers without end, and reads none of them. */
static void
never_reads(struct attacker *a)
{
	static char block[16384];

	attacker_to_yamux(a);
	for (uint32_t i = 0; i < 200; i++)
		attacker_data_text(
		    a, SYN, 2 * i + 1, HEADER "\x11/ipfs/ping/1.0.0\n");
	while (!attacker_is_over(a)) {
		for (uint32_t i = 0; i < 200 && !attacker_is_over(a); i++) {
			attacker_frame(a, WINDOW, 0, 2 * i + 1, 1 << 16, false);
			attacker_data(a, 0, 2 * i + 1, block, 1024);
		}
	}
}

/* Requests for content as large as a frame, none of which is answered with
 * any. */
static size_t
requests(uint8_t out[static 16384])
{
	static const uint8_t head[] = {54, 0x93, 0xc4, 16};
	size_t len = 0;

	memset(out, 0, 16384);
	for (; len + 55 <= 16384; len += 55) {
		memcpy(out + len, head, sizeof(head));
		out[len + 20] = 0xc4;
		out[len + 21] = 32;
	}
	return len;
}

/* Opens as many streams as there may be, of what is answered one after the
 * other, fills the window of each, and reads nothing. */
static void
hoards(struct attacker *a)
{
	static const char *const protocols[] = {HEADER
	    "\x18/data-mesher/file/1.0.0\n",
	    HEADER "\x11/ipfs/ping/1.0.0\n"};
	uint8_t block[16384];
	size_t len = requests(block);

	attacker_to_yamux(a);
	for (uint32_t i = 0; i < 256; i++)
		attacker_data_text(a, SYN, 2 * i + 1, protocols[i % 2]);
	for (size_t sent = len; sent < 262000; sent += len)
		for (uint32_t i = 0; i < 256 && !attacker_is_over(a); i++)
			attacker_data(a, 0, 2 * i + 1, block, len);
	while (!attacker_is_over(a))
		attacker_pause_ms(100);
}

/* So many frames in one record: what comes in one turn is answered in one. */
static void
data_each(struct attacker *a, uint32_t from, uint32_t end, uint8_t len)
{
	static uint8_t out[16384];
	size_t n = 0;

	for (uint32_t id = from; id < end; id += 2, n += 12u + len) {
		memset(out + n, 0, 12u + len);
		out[n + 6] = (uint8_t)(id >> 8);
		out[n + 7] = (uint8_t)id;
		out[n + 11] = len;
	}
	attacker_put(a, out, n, false);
}

/* As many streams as there may be, each with all that may wait on it and no
 * byte more, while answers wait to be sent until no more may wait of these. At
 * the end half a record of TLS. */
static void
hoards_quietly(struct attacker *a)
{
	static const uint8_t half[5 + 16000] = {0x17, 3, 3, 0x41, 0};
	const uint32_t files = 1, pushes = 17, pings = 21, end = 2 * 250 + 1;
	uint8_t block[16384];
	int small = 65536;

	setsockopt(a->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	requests(block);
	attacker_to_yamux(a);
	for (uint32_t id = files; id < pushes; id += 2)
		attacker_data_text(
		    a, SYN, id, HEADER "\x18/data-mesher/file/1.0.0\n");
	for (uint32_t id = pushes; id < pings; id += 2)
		attacker_data_text(
		    a, SYN, id, HEADER "\x14/ipfs/id/push/1.0.0\n");
	for (uint32_t id = pings; id < end; id += 2)
		attacker_data_text(a, SYN, id, HEADER "\x11/ipfs/ping/1.0.0\n");
	for (int i = 0; i < 72; i++, attacker_pause_ms(10))
		data_each(a, pings, end, 32);
	for (uint32_t id = files; id < pushes; id += 2)
		attacker_data(a, 0, id, block, 16384 - 16384 % 55);
	for (uint32_t id = pushes; id < pings; id += 2)
		attacker_data(a, 0, id, block, 8000);
	attacker_put_raw(a, half, sizeof(half));
	while (!attacker_is_over(a))
		attacker_pause_ms(100);
}

/* clang-format off */
const struct attack attack_hoard[] = {
	ATTACK(identify_streams), ATTACK(identify_push),
	ATTACK(identify_endless), ATTACK(stream_garbage), ATTACK(never_reads),
	ATTACK(hoards), ATTACK(hoards_quietly), {NULL, NULL},
};
/* clang-format on */
