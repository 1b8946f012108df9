/* SPDX-License-Identifier: ISC */
/*
 * The smallest owner of libp2p connections: poll(), non-blocking sockets on
 * loopback, one host whose identity key is right here (a daemon keeps it
 * elsewhere). Called by cpeer. Exits the process when something is wrong with
 * the machine rather than with a peer.
 */
#ifndef TESTS_INTEROP_CLOOP_H
#define TESTS_INTEROP_CLOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "dm-net/libp2p/host.h"

#define CLOOP_LINKS_MAX 64

struct link {
	struct cloop *loop;
	int fd; /* -1: free */
	bool is_connecting;
	struct p2p_conn *conn;
	bool is_established;
	bool is_closed;
	enum p2p_reason reason;
	char text[128];
	bool has_identify;
	struct identify identify;
};

struct cloop {
	struct p2p_host *host;
	int listen_fd;	  /* -1: none */
	bool is_on_stdin; /* end when standard input does */
	bool is_over;
	struct link links[CLOOP_LINKS_MAX];
};

/* `seed_hex`: 64 digits, or NULL for a random identity. */
void cloop_init(struct cloop *loop, const char *seed_hex);
void cloop_clear(struct cloop *loop);

/* Listens on a free port of 127.0.0.1 and returns it. */
uint16_t cloop_listen(struct cloop *loop);
/* Tells identify about the address, with a signed record. */
void cloop_advertise(struct cloop *loop, uint16_t port);
/* Connects; the result shows in the link. */
struct link *cloop_dial(struct cloop *loop, const struct multiaddr *addr);
/* Runs until `*done`, or for `seconds`; returns `*done`. */
bool cloop_run(struct cloop *loop, const bool *done, unsigned int seconds);
/* One turn: waits at most a second for something to happen. */
void cloop_wait(struct cloop *loop);
uint64_t cloop_now_ns(void);

#endif
