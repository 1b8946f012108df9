/* SPDX-License-Identifier: ISC */
/*
 * idle_load is many nodes that have nothing to say:
 *
 *	idle_load MULTIADDR COUNT
 *
 * connects to a node so often, each time as another peer, a hundred from each
 * address of 127.1.0.0/16 since there is a rate for each; greets as a node
 *whose files are the same, and answers when they are compared. Prints "ready"
 *when all are up, and stays until standard input ends. Fails if one is closed.
 *
 * The clocks of the peers differ, so that their pings are spread as those of
 * 1,000 machines would be.
 */
#include <arpa/inet.h>
#include <err.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dm-net/sync/sync.h"
#include "dm-net/sync/wire.h"
#include "tests/interop/cloop.h"

/* Of one process, which has an address of its own. (A host has a context of
 * OpenSSL; there cannot be thousands of these.) */
#define PEERS_MAX 100
#define SPREAD_NS 10000000000ull
#define SAY_BYTES 256
#define PATIENCE_S 60

struct peer {
	struct cloop loop;
	struct link *link;
	struct p2p_stream *out;
	struct wire_hello hello; /* ours */
	struct wire_compare answer;
	uint8_t *in; /* what came and is not a whole message yet */
	size_t in_len;
	bool hears;  /* the node has greeted */
	bool greets; /* ... and we are to */
	bool answers;
	bool is_up;
};

/* --- the little that a node says -------------------------------------- */

static size_t
on_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct peer *peer = p2p_stream_user(s);
	struct msgput m;

	if (room < SAY_BYTES || (!peer->greets && !peer->answers))
		return 0;
	wire_begin(&m, out, room);
	if (peer->greets) {
		wire_put_hello(&m, &peer->hello);
		peer->greets = false;
		peer->is_up = true;
	} else {
		wire_put_compare(&m, &peer->answer);
		peer->answers = false;
	}
	return wire_end(&m);
}

/* Whatever the node has, we have as well. */
static void
take_message(struct peer *peer, const uint8_t *bytes, size_t len)
{
	struct wire_message m;

	if (wire_decode(&m, bytes, len) != WIRE_OK)
		errx(1, "the node says what is not understood");
	if (m.type == WIRE_BYE)
		errx(1, "the node says good-bye: %d", (int)m.bye);
	if (m.type == WIRE_HELLO && !peer->hears) {
		peer->hears = peer->greets = true;
		peer->hello.has_network = m.hello.has_network;
		memcpy(peer->hello.network, m.hello.network, 32);
		peer->hello.root = m.hello.root;
	} else if (m.type == WIRE_COMPARE && m.compare.role == WIRE_ASK) {
		peer->answers = true;
		peer->answer.prefix = m.compare.prefix;
		peer->answer.sum = m.compare.sum;
		peer->answer.role = WIRE_ANSWER;
	}
	if (peer->out != NULL)
		p2p_stream_want_write(peer->out);
}

/* Returns how much of it were whole messages. */
static size_t
take_messages(struct peer *peer, const uint8_t *bytes, size_t len)
{
	size_t done = 0, message_len;
	int head;

	while (
	    (head = wire_length(bytes + done, len - done, &message_len)) > 0 &&
	    len - done - (size_t)head >= message_len) {
		take_message(peer, bytes + done + head, message_len);
		done += (size_t)head + message_len;
	}
	if (head < 0)
		errx(1, "the node says what is too long");
	return done;
}

static size_t
on_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	struct peer *peer = p2p_stream_user(s);
	size_t done;

	peer->in = realloc(peer->in, peer->in_len + len);
	if (peer->in == NULL)
		err(2, NULL);
	memcpy(peer->in + peer->in_len, data, len);
	peer->in_len += len;
	done = take_messages(peer, peer->in, peer->in_len);
	peer->in_len -= done;
	memmove(peer->in, peer->in + done, peer->in_len);
	return len;
}

static const struct p2p_stream_handlers out_handlers = {
    .on_writable = on_writable,
};

static const struct p2p_stream_handlers in_handlers = {
    .on_data = on_data,
};

/* --- one peer --------------------------------------------------------- */

static void
peer_start(struct peer *peer, const struct in_addr *source,
    const struct multiaddr *addr)
{
	cloop_init(&peer->loop, NULL);
	peer->loop.source = *source;
	peer->loop.ahead_ns = (unsigned int)rand() % SPREAD_NS;
	peer->hello.version = SYNC_VERSION;
	peer->hello.agent = "idle";
	peer->hello.agent_len = 4;
	peer->hello.start = 1;
	peer->hello.generation = peer->answer.generation = 1;
	peer->hello.is_all = true;
	p2p_host_serve(peer->loop.host, SYNC_PROTOCOL, P2P_CLASS_SYNC, 1,
	    &in_handlers, peer);
	peer->link = cloop_dial(&peer->loop, addr);
	while (!peer->link->is_established && !peer->link->is_closed)
		cloop_wait(&peer->loop);
	peer->out = p2p_stream_open(peer->link->conn, SYNC_PROTOCOL,
	    P2P_CLASS_SYNC, &out_handlers, peer);
	while (!peer->is_up && !peer->link->is_closed)
		cloop_wait(&peer->loop);
}

static void
peer_turn(struct peer *peer)
{
	cloop_wait(&peer->loop);
	if (peer->link->is_closed)
		errx(1, "closed: %s", peer->link->text);
}

/* --- all of them ------------------------------------------------------ */

static bool
is_over(void)
{
	char text[16];

	return read(STDIN_FILENO, text, sizeof(text)) <= 0;
}

static void
watch(int epoll_fd, int fd, void *what)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		err(2, "epoll_ctl");
}

/* Those whose time has come; all are looked at, so not often. */
static void
serve_timers(struct peer *peers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (peers[i].loop.wake_ns <= cloop_time_ns(&peers[i].loop))
			peer_turn(&peers[i]);
	}
}

static void
serve(struct peer *peers, size_t count, int epoll_fd)
{
	struct epoll_event events[64];
	uint64_t timers_ns = 0;

	for (;;) {
		int n = epoll_wait(epoll_fd, events, 64, 100);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr != NULL)
				peer_turn(events[i].data.ptr);
			else if (is_over())
				return;
		}
		if (cloop_now_ns() < timers_ns)
			continue;
		timers_ns = cloop_now_ns() + 100000000;
		serve_timers(peers, count);
	}
}

/* One process of them, from its start to its end. */
static void
hold(const struct multiaddr *addr, unsigned int index, size_t count, int up_fd)
{
	static struct peer peers[PEERS_MAX];
	struct in_addr source = {.s_addr = htonl(0x7f010001u + index)};
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	srand(index);
	for (size_t i = 0; i < count; i++) {
		peer_start(&peers[i], &source, addr);
		watch(epoll_fd, peers[i].loop.epoll_fd, &peers[i]);
		serve_timers(peers, i);
	}
	if (write(up_fd, "", 1) != 1)
		err(2, "write");
	watch(epoll_fd, STDIN_FILENO, NULL);
	serve(peers, count, epoll_fd);
}

/* Says so when all are up; returns when all have ended. */
static int
join(int up_fd, unsigned int processes)
{
	int status, result = 0;
	char byte;

	for (unsigned int i = 0; i < processes; i++) {
		if (read(up_fd, &byte, 1) != 1)
			errx(1, "not all are up");
	}
	puts("ready");
	fflush(stdout);
	while (wait(&status) > 0)
		result |= status != 0;
	return result;
}

int
main(int argc, char **argv)
{
	struct multiaddr addr;
	unsigned int processes = 0;
	size_t left;
	int fds[2];

	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	if (argc != 3 || multiaddr_parse_text(
			     &addr, argv[1], strlen(argv[1])) != MULTIADDR_OK)
		errx(2, "usage: idle_load MULTIADDR COUNT");
	if (pipe(fds) != 0)
		err(2, "pipe");
	for (left = (size_t)atoi(argv[2]); left > 0; processes++) {
		size_t count = left < PEERS_MAX ? left : PEERS_MAX;

		left -= count;
		if (fork() != 0)
			continue;
		close(fds[0]);
		hold(&addr, processes, count, fds[1]);
		_exit(0);
	}
	close(fds[1]);
	return join(fds[0], processes);
}
