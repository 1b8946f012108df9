/* SPDX-License-Identifier: ISC */
/*
 * p2p_load measures our libp2p; p2p.py runs it against itself and sets the
 * figures beside those of gopeer, which has the same commands:
 *
 *	p2p_load listen
 *		prints its multiaddress and serves until standard input ends;
 *		for each line there, prints how many bytes of heap it uses
 *	p2p_load stream MULTIADDR MIB
 *		sends on one stream; prints MB/s
 *	p2p_load open MULTIADDR SECONDS PARALLEL
 *		open, negotiate, one ping, close; prints streams a second
 *	p2p_load handshake MULTIADDR SECONDS PARALLEL
 *		from TCP to the first answer within yamux; prints connections
 *		a second
 *	p2p_load meet MULTIADDR COUNT
 *		the same with another peer each time, one at a time: nothing is
 *		known of a certificate on either side
 *	p2p_load idle MULTIADDR COUNT
 *		connects so often, prints "ready", stays until standard input
 *		ends
 */
#include <err.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/interop/cloop.h"
#include "tests/interop/cserve.h"

#define PING_BYTES 32
#define PARALLEL_MAX 64
#define MEET_MAX 100
#define PATIENCE_S 60

struct load {
	struct cloop loop;
	struct multiaddr addr;
	struct link *link;
	uint64_t until_ns;
	uint64_t done; /* streams, or bytes */
	uint64_t left; /* bytes to send */
	unsigned int running;
	bool is_over;
};

/* --- a host ----------------------------------------------------------- */

static void
say_heap(struct cloop *loop)
{
	printf("%zu\n", mallinfo2().uordblks);
	fflush(stdout);
}

static int
serve(void)
{
	static struct cloop loop;
	char id[PEER_ID_TEXT_SIZE];
	bool never = false;
	uint16_t port;

	cloop_init(&loop, NULL);
	cserve(loop.host);
	/* No signed record: its check is no part of a handshake, and what
	 * gopeer's dialer leaves unread. */
	port = cloop_listen(&loop);
	peer_id_format(p2p_host_peer_id(loop.host), id);
	printf("/ip4/127.0.0.1/tcp/%u/p2p/%s\n", port, id);
	fflush(stdout);
	loop.on_stdin = say_heap;
	cloop_watch_stdin(&loop);
	while (!loop.is_over)
		cloop_run(&loop, &never, PATIENCE_S);
	cloop_clear(&loop);
	return 0;
}

static struct link *
connect_one(struct load *load)
{
	struct link *link = cloop_dial(&load->loop, &load->addr);

	while (!link->is_established) {
		if (link->is_closed)
			errx(1, "connect: %s", link->text);
		cloop_wait(&load->loop);
	}
	return link;
}

/* --- one stream ------------------------------------------------------- */

static size_t
stream_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct load *load = p2p_stream_user(s);
	size_t n = load->left < room ? (size_t)load->left : room;

	memset(out, 'x', n);
	load->left -= n;
	if (load->left == 0)
		p2p_stream_shutdown(s);
	return n;
}

static size_t
stream_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	struct load *load = p2p_stream_user(s);

	load->done = len == 8 ? cserve_get64(data) : 0;
	return len;
}

static void
stream_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	struct load *load = p2p_stream_user(s);

	if (end != P2P_END_DONE)
		errx(1, "the stream ended with %d", (int)end);
	load->is_over = true;
}

static const struct p2p_stream_handlers stream_handlers = {
    .on_data = stream_data,
    .on_writable = stream_writable,
    .on_closed = stream_closed,
};

static void
measure_stream(struct load *load, uint64_t bytes)
{
	uint64_t start;

	load->link = connect_one(load);
	load->left = bytes;
	start = cloop_now_ns();
	p2p_stream_open(load->link->conn, DISCARD_PROTOCOL,
	    P2P_CLASS_LARGE_FILE, &stream_handlers, load);
	if (!cloop_run(&load->loop, &load->is_over, PATIENCE_S) ||
	    load->done != bytes)
		errx(1, "not all bytes arrived");
	printf(
	    "%.1f\n", (double)bytes * 1000 / (double)(cloop_now_ns() - start));
}

/* --- many short streams ----------------------------------------------- */

struct ping {
	struct load *load;
	size_t sent, got;
};

static void open_next(struct ping *ping);

static size_t
ping_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct ping *ping = p2p_stream_user(s);
	size_t n = ping == NULL ? 0 : PING_BYTES - ping->sent;

	if (n > room)
		n = room;
	if (n == 0)
		return 0;
	memset(out, 'p', n);
	ping->sent += n;
	return n;
}

static size_t
ping_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	struct ping *ping = p2p_stream_user(s);

	ping->got += len;
	if (ping->got == PING_BYTES) {
		/* closed, as far as this side goes */
		p2p_stream_shutdown(s);
		p2p_stream_set_user(s, NULL);
		ping->load->done++;
		open_next(ping);
	}
	return len;
}

static void
ping_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	if (end == P2P_END_CONN)
		return; /* ours, when all is measured */
	if (end != P2P_END_DONE || p2p_stream_user(s) != NULL)
		errx(1, "a ping ended with %d", (int)end);
}

static const struct p2p_stream_handlers ping_handlers = {
    .on_data = ping_data,
    .on_writable = ping_writable,
    .on_closed = ping_closed,
};

static void
open_next(struct ping *ping)
{
	struct load *load = ping->load;

	if (cloop_now_ns() >= load->until_ns) {
		load->is_over = --load->running == 0;
		return;
	}
	ping->sent = 0;
	ping->got = 0;
	if (p2p_stream_open(load->link->conn, "/ipfs/ping/1.0.0",
		P2P_CLASS_CONTROL, &ping_handlers, ping) == NULL)
		err(1, "p2p_stream_open");
}

static void
measure_open(struct load *load, unsigned int parallel)
{
	struct ping pings[PARALLEL_MAX];
	uint64_t start;

	load->link = connect_one(load);
	start = cloop_now_ns();
	load->running = parallel;
	for (unsigned int i = 0; i < parallel; i++) {
		pings[i].load = load;
		open_next(&pings[i]);
	}
	cloop_run(&load->loop, &load->is_over, PATIENCE_S);
	printf("%.1f\n",
	    (double)load->done * 1e9 / (double)(cloop_now_ns() - start));
}

/* --- handshakes ------------------------------------------------------- */

/* The answer to the ping that begins each session has come. What else would
 * be said then, about identify, is no part of it, nor is it at gopeer's. */
static bool
is_answered(const struct link *link)
{
	return link->conn != NULL && link->is_established &&
	       p2p_conn_rtt_ns(link->conn) != 0;
}

static void
measure_handshake(struct load *load, unsigned int parallel)
{
	struct link *links[PARALLEL_MAX];
	uint64_t start = cloop_now_ns(), now = start;

	load->loop.is_enough = is_answered;
	for (unsigned int i = 0; i < parallel; i++)
		links[i] = cloop_dial(&load->loop, &load->addr);
	while (now < load->until_ns) {
		cloop_wait(&load->loop);
		now = cloop_now_ns();
		for (unsigned int i = 0; i < parallel; i++) {
			if (links[i]->is_closed)
				errx(1, "connect: %s", links[i]->text);
			if (!links[i]->has_enough)
				continue;
			load->done++;
			cloop_drop(links[i]);
			links[i] = cloop_dial(&load->loop, &load->addr);
		}
	}
	printf("%.1f\n", (double)load->done * 1e9 / (double)(now - start));
}

static void
measure_meet(const struct multiaddr *addr, unsigned int count)
{
	static struct cloop loops[MEET_MAX];
	uint64_t start, ns;

	if (count > MEET_MAX)
		errx(2, "at most %d", MEET_MAX);
	for (unsigned int i = 0; i < count; i++)
		cloop_init(&loops[i], NULL);
	start = cloop_now_ns();
	for (unsigned int i = 0; i < count; i++) {
		struct link *link;

		loops[i].is_enough = is_answered;
		link = cloop_dial(&loops[i], addr);
		while (!link->has_enough) {
			if (link->is_closed)
				errx(1, "connect: %s", link->text);
			cloop_wait(&loops[i]);
		}
		cloop_drop(link);
	}
	ns = cloop_now_ns() - start;
	printf("%.1f\n", (double)count * 1e9 / (double)ns);
	for (unsigned int i = 0; i < count; i++)
		cloop_clear(&loops[i]);
}

/* --- idle connections ------------------------------------------------- */

static void
hold(struct load *load, unsigned int count)
{
	bool never = false;

	for (unsigned int i = 0; i < count; i++) {
		struct link *link = connect_one(load);

		if (!cloop_run(&load->loop, &link->has_identify, PATIENCE_S))
			errx(1, "no identify came");
	}
	puts("ready");
	fflush(stdout);
	cloop_watch_stdin(&load->loop);
	while (!load->loop.is_over)
		cloop_run(&load->loop, &never, PATIENCE_S);
}

/* --- the program ------------------------------------------------------ */

static int
usage(void)
{
	fputs("usage: p2p_load listen | stream MULTIADDR MIB |\n"
	      "    open|handshake MULTIADDR SECONDS PARALLEL |\n"
	      "    meet|idle MULTIADDR COUNT\n",
	    stderr);
	return 2;
}

static int
run(struct load *load, const char *mode, unsigned int n, unsigned int parallel)
{
	load->until_ns = cloop_now_ns() + n * 1000000000ull;
	if (parallel > PARALLEL_MAX)
		return usage();
	if (strcmp(mode, "stream") == 0)
		measure_stream(load, (uint64_t)n << 20);
	else if (strcmp(mode, "open") == 0)
		measure_open(load, parallel);
	else if (strcmp(mode, "handshake") == 0)
		measure_handshake(load, parallel);
	else if (strcmp(mode, "meet") == 0)
		measure_meet(&load->addr, n);
	else if (strcmp(mode, "idle") == 0)
		hold(load, n);
	else
		return usage();
	return 0;
}

int
main(int argc, char **argv)
{
	static struct load load;
	int status;

	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	if (argc == 2 && strcmp(argv[1], "listen") == 0)
		return serve();
	if (argc < 4 || multiaddr_parse_text(&load.addr, argv[2],
			    strlen(argv[2])) != MULTIADDR_OK)
		return usage();
	cloop_init(&load.loop, NULL);
	status = run(&load, argv[1], (unsigned int)atoi(argv[3]),
	    argc > 4 ? (unsigned int)atoi(argv[4]) : 1);
	fflush(stdout);
	load.is_over = true;
	cloop_clear(&load.loop);
	return status;
}
