/* SPDX-License-Identifier: ISC */
/*
 * The parent process as a whole: the struct of all that it owns, its start, its
 * events, its end. It never reads a byte that came from the network.
 */
#ifndef DMD_DAEMON_H
#define DMD_DAEMON_H

#include "common/config/config.h"
#include "common/verdict.h"
#include "dmd/children.h"
#include "dmd/control.h"
#include "dmd/identity.h"
#include "dmd/listen.h"
#include "dmd/netlink.h"
#include "dmd/notify.h"
#include "dmd/options.h"
#include "dmd/directories.h"
#include "dmd/resolver_watch.h"
#include "dmd/users.h"

/* A moment, by both clocks. */
struct own_record_clock {
	uint64_t unix_ns;
	uint64_t mono_ns;
};

struct dmd {
	const struct options *options;
	struct event_base *base;
	struct config *config;
	uint32_t generation; /* of the configuration: 1 at the start */
	struct users users;
	struct directories prepared;
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
	struct own_record_clock own_record_signed;
	struct event *record_timer;

	uint64_t
	    zones; /* config_send_zones() when dm-net got its configuration */

	struct event
	    *listen_timer; /* tries again to bind addresses that were in use */
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

/* Closes and frees all that was opened. */
void daemon_close(struct dmd *);

#endif
