/* SPDX-License-Identifier: ISC */
/* Attacks below what a peer says: connections, handshakes, requests of HTTP. */
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/hostile/attack.h"
#include "tests/interop/cloop.h"
#include "tests/siege/foe.h"

#define LOOK_MS 20

static struct attacker
attacker_of(const struct foe *foe)
{
	return (struct attacker){.fd = -1,
	    .target = foe_target(foe),
	    .port = foe->order->target.port,
	    .address = foe->source,
	    .until_s = (double)foe->until_ns / 1e9,
	    .stop = &foe->tally->is_over};
}

static void
count(struct foe *foe, const struct attacker *a)
{
	foe->tally->sent += a->sent;
	foe->tally->received += a->received;
	foe->tally->ended += a->is_closed;
}

/* --- connections that say nothing ------------------------------------- */

static void
open_silently(struct foe *foe, struct pollfd *p)
{
	struct attacker a = attacker_of(foe);

	if (attacker_dial(&a))
		foe->tally->connections++;
	p->fd = a.fd;
	p->events = POLLIN;
}

/* So many; what is closed is opened again. */
static void
silent(struct foe *foe)
{
	size_t n = strtoul(foe_word(foe, 0), NULL, 10);
	struct pollfd *all = calloc(n + 1, sizeof(*all));
	char junk[256];

	for (size_t i = 0; i < n; i++)
		all[i].fd = -1;
	while (!foe_is_over(foe)) {
		for (size_t i = 0; i < n && !foe_is_over(foe); i++)
			if (all[i].fd < 0)
				open_silently(foe, &all[i]);
		if (poll(all, n, LOOK_MS) <= 0)
			continue;
		for (size_t i = 0; i < n; i++) {
			if (all[i].revents == 0 ||
			    recv(all[i].fd, junk, sizeof(junk), MSG_DONTWAIT) >
				0)
				continue;
			foe->tally->ended++;
			close(all[i].fd);
			all[i].fd = -1;
		}
	}
	free(all);
}

/* --- what one attacker does, again and again -------------------------- */

static const struct attack *
named_attack(const struct foe *foe)
{
	const struct attack *attack = attack_find(foe_word(foe, 0));

	if (attack == NULL)
		errx(2, "%s: no such attack", foe_word(foe, 0));
	return attack;
}

static void
once(struct foe *foe, const struct attack *attack)
{
	struct attacker a = attacker_of(foe);

	if (!attacker_dial(&a)) {
		attacker_pause_ms(LOOK_MS);
		return;
	}
	foe->tally->connections++;
	attack->run(&a);
	attacker_wait(&a);
	attacker_end(&a);
	count(foe, &a);
}

/* The word is an attack of tests/hostile. */
static void
repeat(struct foe *foe)
{
	const struct attack *attack = named_attack(foe);

	while (!foe_is_over(foe))
		once(foe, attack);
}

/* --- HTTP/2 that is asked for and not taken --------------------------- */

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define H2_STREAMS 32

static void
h2_frame(struct attacker *a, uint8_t type, uint8_t flags, uint32_t id,
    const void *bytes, size_t len)
{
	uint8_t head[9] = {0, (uint8_t)(len >> 8), (uint8_t)len, type, flags,
	    (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8),
	    (uint8_t)id};

	attacker_put(a, head, sizeof(head), false);
	attacker_put(a, bytes, len, false);
}

/* GET, http, the path and "localhost", none of it compressed. */
static void
h2_get(struct attacker *a, uint32_t id, const char *path)
{
	uint8_t block[256] = {0x82, 0x86, 0x04};
	size_t len = strlen(path), n = 4;

	block[3] = (uint8_t)len;
	memcpy(block + n, path, len);
	n += len;
	memcpy(block + n, "\x01\x09localhost", 11);
	h2_frame(a, 1, 5, id, block, n + 11);
}

/* The client's window is 0: no byte of a body may be sent. */
static void
hold_pages(struct foe *foe, struct attacker *a)
{
	static const uint8_t no_window[] = {0, 4, 0, 0, 0, 0};
	unsigned int words = 0;

	while (foe->order->words[words] != NULL)
		words++;
	attacker_put_text(a, PREFACE);
	h2_frame(a, 4, 0, 0, no_window, sizeof(no_window));
	for (uint32_t i = 0; i < H2_STREAMS && !attacker_is_over(a); i++) {
		h2_get(a, 2 * i + 1, foe_word(foe, i % words));
		foe->tally->done++;
	}
	attacker_wait(a);
}

/* The words are paths. */
static void
http_pages(struct foe *foe)
{
	foe_word(foe, 0);
	while (!foe_is_over(foe)) {
		struct attacker a = attacker_of(foe);

		if (attacker_dial(&a)) {
			foe->tally->connections++;
			hold_pages(foe, &a);
		}
		attacker_end(&a);
		count(foe, &a);
		attacker_pause_ms(LOOK_MS);
	}
}

const struct foe_attack foe_sockets[] = {
    {"silent", silent, "CONNECTIONS"},
    {"repeat", repeat, "ATTACK"},
    {"http_pages", http_pages, "PATH ..."},
    {NULL, NULL, NULL},
};
