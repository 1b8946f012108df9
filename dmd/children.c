/* SPDX-License-Identifier: ISC */
#include "dmd/children.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xevent.h"
#include "dmd/backoff.h"

#define SILENT_PINGS_MAX \
	((unsigned)(IPC_SILENT_NS_MAX / NS_PER_S / CHILDREN_PING_S))

/* The fields that only the watching of a child needs. */
struct watch {
	struct backoff backoff;
	struct event *timer; /* DOWN: start; ENDING: kill */
	uint64_t told_ns;    /* to end */
	unsigned silent;     /* pings in a row without an answer */
	unsigned tries;	     /* ends before all were ready once */
	bool is_renewed;     /* it ends since we want another */
	uint64_t accused_ns; /* when it last accused a sibling; 0: never */
};

struct children {
	struct event_base *base;
	struct spawn *spawn;
	struct children_owner owner;
	struct child child[ROLE_COUNT]; /* [ROLE_DMD] is not used */
	struct watch watch[ROLE_COUNT];
	struct event *ping;
	bool was_ready; /* all of them, once */
	bool is_stopping;
};

/* The order in which they are stopped; started in the reverse. */
static const enum role order[] = {ROLE_NET, ROLE_STORE, ROLE_RESOLVER};
#define ORDER_N (sizeof(order) / sizeof(order[0]))

static const char *const state_names[CHILD_STATES] = {
    "down", "starting", "ready", "ending"};

static void child_start(struct child *);
static void stop_next(struct children *);

static struct watch *
watch_of(struct child *c)
{
	return &c->all->watch[c->role];
}

static void
timer_set(struct child *c, uint64_t ns)
{
	struct timeval tv = {
	    (time_t)(ns / NS_PER_S), (suseconds_t)(ns % NS_PER_S / 1000)};

	evtimer_add(watch_of(c)->timer, &tv);
}

/* The only writer of a state. */
static void
child_enter(struct child *c, enum child_state state)
{
	if (c->state == state)
		return;
	log_debug("%s: %s -> %s", role_name(c->role), state_names[c->state],
	    state_names[state]);
	evtimer_del(watch_of(c)->timer);
	c->state = state;
	c->all->owner.changed(c->all->owner.ctx);
}

static void
child_kill(struct child *c)
{
	if (c->pid != 0 && kill(c->pid, SIGKILL) == -1)
		log_error(
		    "cannot kill %s: %s", role_name(c->role), strerror(errno));
}

static void
channel_drop(struct child *c)
{
	if (c->ipc == NULL)
		return;
	c->all->owner.ended(c->all->owner.ctx, c);
	ipc_free(c->ipc);
	c->ipc = NULL;
}

/* The child has closed its channel, or broken its rules. */
static void
on_closed(void *ctx, struct ipc *ipc, const char *violation)
{
	struct child *c = ctx;

	if (violation != NULL) {
		log_error("%s (pid %ld) looks compromised and is killed: %s",
		    role_name(c->role), (long)c->pid, violation);
		/* before it can see its channel close */
		child_kill(c);
	}
	channel_drop(c);
	if (c->state == CHILD_ENDING)
		return;
	child_enter(c, CHILD_ENDING);
	timer_set(c, CHILDREN_STOP_S * NS_PER_S);
}

static void
on_ponged(void *ctx, struct ipc *ipc, uint64_t number)
{
	struct child *c = ctx;

	c->all->owner.answered(c->all->owner.ctx, c, number);
}

static bool
is_linked(enum role a, enum role b)
{
	return a != b && (a == ROLE_NET || b == ROLE_NET);
}

/* A new socketpair between the two, if both are there. */
static void
children_link(struct child *a, struct child *b)
{
	struct ipc_link to_a = {.role = b->role}, to_b = {.role = a->role};
	int fds[2];

	if (a->ipc == NULL || b->ipc == NULL || !is_linked(a->role, b->role))
		return;
	if (ipc_pair(fds) == -1) {
		log_error("cannot join %s and %s: %s", role_name(a->role),
		    role_name(b->role), strerror(errno));
		return;
	}
	ipc_send(a->ipc, IPC_LINK, &to_a, fds[0]);
	ipc_send(b->ipc, IPC_LINK, &to_b, fds[1]);
}

static void
child_retry(struct child *c)
{
	uint64_t now_ns = clock_mono_ns();
	uint64_t delay_ns = backoff_next_ns(&watch_of(c)->backoff, now_ns,
	    c->ready_ns != 0 ? now_ns - c->ready_ns : 0);

	c->ready_ns = 0;
	child_enter(c, CHILD_DOWN);
	if (delay_ns > 0)
		log_warn("%s is started again in %llu s", role_name(c->role),
		    (unsigned long long)(delay_ns / NS_PER_S));
	timer_set(c, delay_ns);
}

static void
child_start(struct child *c)
{
	struct children *all = c->all;
	struct ipc_owner owner = {
	    .handlers = all->owner.handlers, .closed = on_closed, .ctx = c};
	int fds[2];

	if (ipc_pair(fds) == -1) {
		log_error("cannot make a channel: %s", strerror(errno));
		child_retry(c);
		return;
	}
	all->owner.starting(all->owner.ctx, c);
	c->pid = spawn_child(all->spawn, c->role, fds[1]);
	close(fds[1]);
	if (c->pid == -1) {
		log_error(
		    "cannot start %s: %s", role_name(c->role), strerror(errno));
		c->pid = 0;
		close(fds[0]);
		child_retry(c);
		return;
	}
	log_debug("%s runs as pid %ld", role_name(c->role), (long)c->pid);
	c->has_signed = false;
	c->layers = 0;
	memset(&c->delivery, 0, sizeof(c->delivery));
	c->started_ns = clock_mono_ns();
	c->ipc = ipc_new(all->base, fds[0], ROLE_DMD, c->role, &owner);
	ipc_on_pong(c->ipc, on_ponged);
	watch_of(c)->silent = 0;
	child_enter(c, CHILD_STARTING);
	all->owner.started(all->owner.ctx, c);
	for (size_t i = 0; i < ORDER_N; i++)
		children_link(c, &all->child[order[i]]);
}

/* The child was told to end: asks it for a sign of life, and looks again after
 * a while. */
static void
stop_wait(struct child *c)
{
	ipc_ping(c->ipc);
	timer_set(c, CHILDREN_STOP_S * NS_PER_S);
}

/* The child was told to end, and has read or sent something since the last
 * look: it works through what came before that message. */
static bool
is_still_busy(struct child *c)
{
	struct watch *w = watch_of(c);

	if (c->ipc == NULL || !ipc_is_active(c->ipc) ||
	    clock_mono_ns() - w->told_ns >= CHILDREN_STOP_MOST_S * NS_PER_S)
		return false;
	log_info("%s is busy: it gets more time to end", role_name(c->role));
	return true;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;

	if (c->state == CHILD_DOWN) {
		if (!c->all->is_stopping)
			child_start(c);
		return;
	}
	if (is_still_busy(c)) {
		stop_wait(c);
		return;
	}
	log_warn("%s does not end by itself and is killed", role_name(c->role));
	child_kill(c);
}

/* --- signs of life ---------------------------------------------------- */

static void
child_check(struct child *c)
{
	struct watch *w = watch_of(c);

	if (c->ipc == NULL || c->state == CHILD_ENDING)
		return;
	if (ipc_is_active(c->ipc)) {
		if (w->silent >= SILENT_PINGS_MAX)
			log_warn("%s answers again", role_name(c->role));
		w->silent = 0;
	} else if (++w->silent == SILENT_PINGS_MAX) {
		log_warn("%s (pid %ld) has been silent for %u s%s",
		    role_name(c->role), (long)c->pid,
		    w->silent * CHILDREN_PING_S,
		    c->role == ROLE_STORE ? "; its disk may be slow"
					  : " and is killed");
		if (c->role != ROLE_STORE)
			child_kill(c);
	}
	/* two pings under way are enough: a stopped child must not find
	 * thousands */
	if (w->silent <= 1)
		ipc_ping(c->ipc);
}

/* Counts rounds, not time: if dmd itself was stopped, or the machine slept, no
 * child is to blame. */
static void
on_ping(evutil_socket_t fd, short what, void *arg)
{
	struct children *all = arg;

	for (size_t i = 0; i < ORDER_N; i++)
		child_check(&all->child[order[i]]);
}

/* --- ends ------------------------------------------------------------- */

static void
log_end(const struct child *c, int status, bool is_wanted)
{
	const char *name = role_name(c->role);
	int sig;

	if (WIFEXITED(status)) {
		if ((c->all->is_stopping || is_wanted) &&
		    WEXITSTATUS(status) == 0)
			log_debug("%s has ended", name);
		else
			log_error("%s (pid %ld) ended with status %d", name,
			    (long)c->pid, WEXITSTATUS(status));
		return;
	}
	sig = WTERMSIG(status);
	if (sig == SIGSYS)
		log_error("%s (pid %ld) looks compromised: its sandbox "
			  "stopped a system call that it never needs",
		    name, (long)c->pid);
	else
		log_error("%s (pid %ld) was ended by signal %d (%s)", name,
		    (long)c->pid, sig, strsignal(sig));
}

static void
child_reaped(struct child *c, int status)
{
	struct children *all = c->all;
	struct watch *w = watch_of(c);
	bool is_renewed = w->is_renewed;

	w->is_renewed = false;
	log_end(c, status, is_renewed);
	channel_drop(c);
	c->pid = 0;
	if (all->is_stopping) {
		child_enter(c, CHILD_DOWN);
		stop_next(all);
		return;
	}
	if (is_renewed) {
		c->ready_ns = 0;
		child_enter(c, CHILD_DOWN);
		child_start(c);
		return;
	}
	if (!all->was_ready && ++w->tries >= CHILDREN_TRIES) {
		child_enter(c, CHILD_DOWN);
		all->owner.hopeless(all->owner.ctx, c);
		return;
	}
	c->restarts++;
	child_retry(c);
}

static struct child *
child_of_pid(struct children *all, pid_t pid)
{
	for (size_t i = 0; i < ORDER_N; i++)
		if (all->child[order[i]].pid == pid)
			return &all->child[order[i]];
	return NULL;
}

void
children_reap(struct children *all)
{
	struct child *c;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		c = child_of_pid(all, pid);
		if (c != NULL)
			child_reaped(c, status);
		else
			log_debug(
			    "process %ld, which dmd did not start, has ended",
			    (long)pid);
	}
}

/* The ping comes first: a child that has read it is at work. */
static void
child_tell_stop(struct child *c)
{
	child_enter(c, CHILD_ENDING);
	watch_of(c)->told_ns = clock_mono_ns();
	if (c->ipc == NULL) {
		timer_set(c, CHILDREN_STOP_S * NS_PER_S);
		return;
	}
	(void)ipc_is_active(c->ipc); /* from now on */
	stop_wait(c);
	ipc_send(c->ipc, IPC_STOP, NULL, -1);
}

static void
stop_next(struct children *all)
{
	for (size_t i = 0; i < ORDER_N; i++) {
		struct child *c = &all->child[order[i]];

		if (c->pid == 0)
			continue;
		child_tell_stop(c);
		return;
	}
	all->owner.stopped(all->owner.ctx);
}

void
children_renew_resolver(struct children *all, const char *why)
{
	struct child *c = &all->child[ROLE_RESOLVER];

	/* one that is starting is looked at again when it is ready */
	if (all->is_stopping || c->state != CHILD_READY)
		return;
	log_info("the resolver is started anew: %s", why);
	watch_of(c)->is_renewed = true;
	child_tell_stop(c);
}

void
children_stop(struct children *all)
{
	if (all->is_stopping) {
		for (size_t i = 0; i < ORDER_N; i++)
			child_kill(&all->child[order[i]]);
		return;
	}
	all->is_stopping = true;
	for (size_t i = 0; i < ORDER_N; i++)
		if (all->child[order[i]].state == CHILD_DOWN)
			evtimer_del(all->watch[order[i]].timer);
	stop_next(all);
}

/* --- what they say ---------------------------------------------------- */

void
child_is_ready(struct child *c, uint32_t layers)
{
	if (c->state == CHILD_READY) {
		ipc_violate(c->ipc, "ready came twice");
		return;
	}
	if (c->state != CHILD_STARTING)
		return;
	c->layers = layers;
	c->ready_ns = clock_mono_ns();
	child_enter(c, CHILD_READY);
	if (c->restarts > 0)
		log_warn("%s runs again (pid %ld)", role_name(c->role),
		    (long)c->pid);
	if (children_are_ready(c->all))
		c->all->was_ready = true;
}

/*
 * dmd cannot tell which of the two lies. It believes one accusation; a child
 * that accuses again within a minute is started anew as well, so that a child
 * that was taken over cannot keep its sibling down.
 */
static void
accuser_check(struct child *accuser)
{
	struct watch *w = watch_of(accuser);
	uint64_t now_ns = clock_mono_ns(), before_ns = w->accused_ns;

	w->accused_ns = now_ns;
	if (before_ns == 0 || now_ns - before_ns >= BACKOFF_CALM_NS)
		return;
	log_error("%s (pid %ld) accuses again within a minute and is killed "
		  "too",
	    role_name(accuser->role), (long)accuser->pid);
	child_kill(accuser);
}

void
child_is_accused(struct child *accuser, uint64_t role, const char *reason)
{
	struct child *c;
	char safe[256];

	if (role == ROLE_DMD || role >= ROLE_COUNT ||
	    !is_linked(accuser->role, (enum role)role)) {
		ipc_violate(accuser->ipc, "violated names no sibling");
		return;
	}
	c = &accuser->all->child[role];
	if (c->pid == 0 || c->state == CHILD_ENDING)
		return;
	log_error("%s (pid %ld) looks compromised and is killed; %s says: %s",
	    role_name(c->role), (long)c->pid, role_name(accuser->role),
	    log_escape(reason, strlen(reason), safe, sizeof(safe)));
	child_kill(c);
	accuser_check(accuser);
}

void *
child_owner(const struct child *c)
{
	return c->all->owner.ctx;
}

/* --- life ------------------------------------------------------------- */

struct children *
children_new(struct event_base *base, struct spawn *spawn,
    const struct children_owner *owner)
{
	struct children *all = xcalloc(1, sizeof(*all));
	struct timeval period = {.tv_sec = CHILDREN_PING_S};

	all->base = base;
	all->spawn = spawn;
	all->owner = *owner;
	for (size_t i = 0; i < ORDER_N; i++) {
		struct child *c = &all->child[order[i]];

		c->role = order[i];
		c->all = all;
		watch_of(c)->timer = xevent(base, -1, 0, on_timer, c);
	}
	all->ping = xevent(base, -1, EV_PERSIST, on_ping, all);
	xevent_add(all->ping, &period);
	return all;
}

void
children_free(struct children *all)
{
	if (all == NULL)
		return;
	for (size_t i = 0; i < ORDER_N; i++) {
		ipc_free(all->child[order[i]].ipc);
		event_free(all->watch[order[i]].timer);
	}
	event_free(all->ping);
	free(all);
}

void
children_start(struct children *all)
{
	for (size_t i = ORDER_N; i-- > 0;)
		child_start(&all->child[order[i]]);
}

struct child *
children_get(struct children *all, enum role role)
{
	return &all->child[role];
}

bool
children_are_ready(const struct children *all)
{
	for (size_t i = 0; i < ORDER_N; i++)
		if (all->child[order[i]].state != CHILD_READY)
			return false;
	return true;
}

const char *
child_state_name(enum child_state state)
{
	return state_names[state];
}

void
children_send(
    struct children *all, unsigned roles, enum ipc_message m, const void *msg)
{
	for (size_t i = 0; i < ORDER_N; i++) {
		const struct child *c = &all->child[order[i]];

		if (c->ipc != NULL && (roles & (1u << c->role)) != 0)
			ipc_send(c->ipc, m, msg, -1);
	}
}

void
children_send_restarts(struct children *all)
{
	const struct child *net = &all->child[ROLE_NET];
	const struct ipc_restarts m = {.net = net->restarts,
	    .store = all->child[ROLE_STORE].restarts,
	    .resolver = all->child[ROLE_RESOLVER].restarts};

	if (net->ipc != NULL && net->has_signed)
		ipc_send(net->ipc, IPC_RESTARTS, &m, -1);
}
