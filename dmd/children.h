/* SPDX-License-Identifier: ISC */
/*
 * dm-net, dm-store and the resolver as dmd sees them: started, joined to each
 * other, watched, started again, stopped. Owns their channels and pids.
 * daemon.c gives a child its configuration and sockets when it starts, and
 * handles its messages. It never looks at messages between the children.
 *
 * A child that ends is started again, with backoff. One that breaks the rules
 * of its channel is killed and logged as compromised. dm-net and the resolver
 * are killed when they have been silent for IPC_SILENT_NS_MAX; dm-store may be
 * waiting for a disk, so this is only reported.
 */
#ifndef DMD_CHILDREN_H
#define DMD_CHILDREN_H

#include "common/ipc.h"
#include "dmd/delivery.h"
#include "dmd/spawn.h"

enum child_state {
	CHILD_DOWN,	/* not running; a timer may start it */
	CHILD_STARTING, /* runs, has not said ready */
	CHILD_READY,
	CHILD_ENDING, /* asked to, or has closed its channel */
	CHILD_STATES
};

struct children;

struct child {
	enum role role;
	enum child_state state;
	pid_t pid;	 /* 0: none */
	struct ipc *ipc; /* NULL: none */
	uint32_t layers; /* of its sandbox, as it says (ready) */
	uint64_t restarts;
	uint64_t started_ns; /* monotonic */
	uint64_t ready_ns;   /* monotonic; 0: not yet in this life */
	bool has_signed;     /* sign_tls came in this life */
	struct delivery delivery;
	struct children *all;
};

struct children_owner {
	ipc_handler *const *handlers; /* ctx is the struct child */
	/* It is about to run. */
	void (*starting)(void *ctx, struct child *);
	/* It runs: send it its configuration. The links follow. */
	void (*started)(void *ctx, struct child *);
	/* Its channel is gone. */
	void (*ended)(void *ctx, struct child *);
	/* It has answered the ping of that number. */
	void (*answered)(void *ctx, struct child *, uint64_t number);
	/* A state changed. */
	void (*changed)(void *ctx);
	/* After children_stop(): none is left. */
	void (*stopped)(void *ctx);
	/* It ended CHILDREN_TRIES times before all were ready once. */
	void (*hopeless)(void *ctx, struct child *);
	void *ctx;
};

/* More than dm-store needs: if a damaged index ended one start, the next one
 * detects it. */
#define CHILDREN_TRIES 5
/* One that is told to end is killed after so many seconds without a sign of
 * life, and after so many in all (dmd.service has TimeoutStopSec= for three).
 */
#define CHILDREN_STOP_S 5
#define CHILDREN_STOP_MOST_S 25
#define CHILDREN_PING_S 5

/* owner is copied. */
struct children *children_new(
    struct event_base *, struct spawn *, const struct children_owner *);
void children_free(struct children *);

/* Starts all. */
void children_start(struct children *);

/* Stops one after the other: dm-net, dm-store, resolver. Again: kills. */
void children_stop(struct children *);

/*
 * Ends the resolver in order, if it is ready, and starts it at once: not a
 * failure, so it is not counted and not waited for. why: the reason, for the
 * log.
 */
void children_renew_resolver(struct children *, const char *why);

/* After SIGCHLD. Also waits for children of other processes: of the first
 * process of a container, and of the process that executed dmd. */
void children_reap(struct children *);

/* For the handlers of daemon.c. */
void child_is_ready(struct child *, uint32_t layers);
void child_is_accused(struct child *accuser, uint64_t role, const char *reason);
void *child_owner(const struct child *);

struct child *children_get(struct children *, enum role);
bool children_are_ready(const struct children *);
const char *child_state_name(enum child_state);

/* To dm-net, once its TLS key is signed. */
void children_send_restarts(struct children *);

/* To each child with a channel; roles is a mask of 1 << role. */
void children_send(
    struct children *, unsigned roles, enum ipc_message, const void *msg);

#endif
