/* SPDX-License-Identifier: ISC */
/*
 * A small owner of libp2p connections: epoll, non-blocking sockets on loopback,
 * one host whose identity key is right here (a daemon keeps it elsewhere).
 * Exits the process when something is wrong with the machine rather than with a
 * peer.
 */
#ifndef TESTS_INTEROP_CLOOP_H
#define TESTS_INTEROP_CLOOP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "dm-net/libp2p/host.h"

struct link {
	struct cloop *loop;
	struct link *next, **back;
	struct link *wake_next;
	int fd; /* -1: unused */
	bool is_watched;
	uint32_t events; /* that are watched for */
	bool is_connecting;
	bool is_woken;
	struct p2p_conn *conn;
	bool is_established;
	bool is_closed;
	enum p2p_reason reason;
	char text[128];
	bool has_identify;
	bool has_enough; /* as is_enough said */
};

struct cloop {
	struct p2p_host *host;
	int epoll_fd;
	int listen_fd; /* -1: none */
	/* Asked after bytes came; a link that has enough is left alone from
	 * then on, for cloop_drop(). Or NULL. */
	bool (*is_enough)(const struct link *);
	/* Standard input: its end is ours, and a line a call. Or NULL. */
	void (*on_stdin)(struct cloop *);
	bool is_over;
	struct identify *identify; /* where the latest goes; or NULL */
	struct link *links;
	struct link *unused;
	struct link *woken;
	uint64_t wake_ns;	 /* no link's time comes earlier */
	uint64_t sent, received; /* bytes, of all connections */
	/* May be set after cloop_init(): where dialled from and listened on,
	 * and how much its clock is ahead. */
	struct in_addr source;
	uint64_t ahead_ns;
};

/* `seed_hex`: 64 digits, or NULL for a random identity. */
void cloop_init(struct cloop *loop, const char *seed_hex);
void cloop_clear(struct cloop *loop);

/* Listens on a free port of its source, else 127.0.0.1, and returns it. */
uint16_t cloop_listen(struct cloop *loop);
/* Tells identify about the port of 127.0.0.1, with a signed record. */
void cloop_advertise(struct cloop *loop, uint16_t port);
/* The same of any addresses. The record goes to `out` as well, or NULL; returns
 * its length. */
size_t cloop_advertise_all(struct cloop *loop, const struct multiaddr *addrs,
    size_t count, uint8_t *out, size_t size);
/* End when standard input does. */
void cloop_watch_stdin(struct cloop *loop);
/* Connects; the result shows in the link. */
struct link *cloop_dial(struct cloop *loop, const struct multiaddr *addr);
/* Ends the connection at once. The link stays readable until it is used for
 * another, as it does when a connection ends by itself. */
void cloop_drop(struct link *link);
/* Runs until `*done`, or for `seconds`; returns `*done`. */
bool cloop_run(struct cloop *loop, const bool *done, unsigned int seconds);
/* One turn: waits at most a second for something to happen. */
void cloop_wait(struct cloop *loop);
/* The same, at most until that time by cloop_time_ns(). */
void cloop_wait_until(struct cloop *loop, uint64_t until_ns);
uint64_t cloop_now_ns(void);
/* By the clock of the loop, which wake_ns is by. */
uint64_t cloop_time_ns(const struct cloop *loop);

#endif
