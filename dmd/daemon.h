/* SPDX-License-Identifier: ISC */
/*
 * The parent process as a whole: what it owns, in one struct, and what happens
 * in it: its start, a reload, changes of the interfaces, messages of its
 * children, its end. It never reads a byte that came from the network.
 */
#ifndef DMD_DAEMON_H
#define DMD_DAEMON_H

#include "common/config.h"
#include "common/verdict.h"
#include "dmd/children.h"
#include "dmd/control.h"
#include "dmd/identity.h"
#include "dmd/listen.h"
#include "dmd/netlink.h"
#include "dmd/notify.h"
#include "dmd/options.h"
#include "dmd/prepare.h"
#include "dmd/resolver_watch.h"
#include "dmd/users.h"

/* A moment, by both clocks. */
struct record_clock {
	uint64_t unix_ns;
	uint64_t mono_ns;
};

struct dmd {
	const struct options *options;
	struct event_base *base;
	struct config *config;
	uint32_t generation; /* of the configuration: 1 at the start */
	struct users users;
	struct prepared prepared;
	struct identity *identity;
	struct netlink *netlink;
	struct listen *listen;
	struct control_server *own; /* our own commands */
	struct control *control;
	struct spawn *spawn;
	struct children *children;
	struct notify notify;
	enum spawn_log log;
	int background_fd;   /* -1: none waits */
	uint32_t layers;     /* sandbox.h, our own */
	uint64_t started_ns; /* monotonic */
	uint64_t started_unix_ns;
	bool is_ready; /* has been, once */
	bool is_stopping;
	uint64_t stopping_ns; /* monotonic, since when */
	int exit_code;

	/* the peer record */
	struct multiaddr_raw addresses[PEER_RECORD_ADDRS_MAX];
	size_t naddresses;
	size_t addresses_left_out; /* there was no room for */
	uint8_t envelope[PEER_RECORD_ENVELOPE_MAX];
	size_t envelope_len;
	struct record_clock record_signed;
	struct event *record_timer;

	uint64_t zones; /* configure_zones() of what dm-net was told */

	struct event *listen_timer; /* tries again what was in use */
	struct resolver_watch resolver_watch;
	struct event *look_timer; /* are the files there that we live on? */
	bool is_state_gone;
	struct event *sink_timer;
	unsigned sinks_lost; /* 1 << role */
	struct event *watchdog;
	struct event *signals[4];
};

/* Opens everything, in the order in which it can fail. 0, or the exit code
 * after one line. config is owned from now on. */
int daemon_open(
    struct dmd *, const struct options *, struct config *, int background_fd);

/* Confines this process, starts the children and serves. Returns the exit
 * code. */
int daemon_run(struct dmd *);

/* Whatever was opened. */
void daemon_close(struct dmd *);

/* Listens on what is configured and there, and tells dm-net and the peers.
 * While the daemon runs, a port in use is no reason to end it. */
void daemon_listen(struct dmd *);

/* A line for each interface that is configured and not there. */
void daemon_tell_missing(const struct dmd *);

/* Starts the resolver anew if the files that it may read are others now. */
void daemon_check_resolver(struct dmd *);

/* Sets the level here and in the children. */
void daemon_log_level(struct dmd *, enum log_level);

/* Stops in order and leaves the loop. */
void daemon_stop(struct dmd *);

/* dm-net has its TLS key signed: now it is told all it works with. */
void daemon_net_signed(struct dmd *, struct child *);

/* dm-net says that a listening socket accepts no more. */
void daemon_listener_ended(struct dmd *);

/* dm-net's channel once its key is signed, from when on it takes messages;
 * else NULL. */
struct ipc *daemon_net(struct dmd *);

/* Serving: all children are ready. */
bool daemon_is_ready(const struct dmd *);

#endif
