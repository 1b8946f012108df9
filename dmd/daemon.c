/* SPDX-License-Identifier: ISC */
#include "dmd/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/sandbox/sandbox.h"
#include "common/signals.h"
#include "common/xevent.h"
#include "dmd/commands.h"
#include "dmd/confine.h"
#include "dmd/daemon_state.h"
#include "dmd/faults.h"
#include "dmd/listening.h"
#include "dmd/logging.h"
#include "dmd/handlers.h"
#include "dmd/own_record.h"
#include "dmd/reload.h"

#define LOOK_US 5000000

static void
on_interfaces(void *ctx)
{
	struct dmd *d = ctx;

	if (d->is_stopping)
		return;
	log_debug("the interfaces have changed");
	listening_send_addresses(d);
	listening_update(d);
	reload_follow_zones(d);
}

/* --- the children ----------------------------------------------------- */

static void
on_child_starting(void *ctx, struct child *c)
{
	struct dmd *d = ctx;

	if (c->role == ROLE_RESOLVER)
		resolver_watch_take(&d->resolver_watch);
}

static void
on_child_started(void *ctx, struct child *c)
{
	struct dmd *d = ctx;

	if (d->log == SPAWN_LOG_SYSLOG) {
		d->sinks_lost |= 1u << c->role;
		logging_send_sinks(d);
	}
	/* dm-net first has its TLS key signed: handlers.c */
	if (c->role == ROLE_STORE) {
		directories_open_again(&d->prepared);
		reload_send(d, c);
	}
}

static void
on_child_ended(void *ctx, struct child *c)
{
	struct dmd *d = ctx;

	d->sinks_lost &= ~(1u << c->role);
	if (c->role == ROLE_NET)
		listen_attach(d->listen, NULL);
}

static void
tell_ready(const struct dmd *d)
{
	char peer[PEER_ID_TEXT_SIZE];

	peer_id_format(identity_peer(d->identity), peer);
	log_info("ready: dmd %s with %s, peer id %s", DMD_VERSION,
	    d->options->config_path, peer);
}

static void
on_child_answered(void *ctx, struct child *c, uint64_t number)
{
	reload_answered(ctx, c, number);
}

static void
on_child_changed(void *ctx)
{
	struct dmd *d = ctx;

	if (d->is_stopping || d->children == NULL)
		return;
	children_send_restarts(d->children);
	if (!children_are_ready(d->children)) {
		notify_send(&d->notify,
		    "STATUS=dm-net %s, dm-store %s, resolver %s",
		    child_state_name(
			children_get(d->children, ROLE_NET)->state),
		    child_state_name(
			children_get(d->children, ROLE_STORE)->state),
		    child_state_name(
			children_get(d->children, ROLE_RESOLVER)->state));
		return;
	}
	notify_send(
	    &d->notify, "%sSTATUS=serving", d->is_ready ? "" : "READY=1\n");
	if (!d->is_ready)
		tell_ready(d);
	d->is_ready = true;
	if (d->background_fd != -1)
		logging_leave_terminal(d);
}

static void
on_children_stopped(void *ctx)
{
	struct dmd *d = ctx;

	event_base_loopbreak(d->base);
}

static void
on_hopeless(void *ctx, struct child *c)
{
	struct dmd *d = ctx;

	log_error("%s does not start: giving up%s", role_name(c->role),
	    d->log == SPAWN_LOG_SYSLOG
		? " (the system's log, or dmd -d, says why)"
		: "");
	d->exit_code = EX_SOFTWARE;
	daemon_stop(d);
}

/* --- stop, signals --- */

static void
on_signal(evutil_socket_t sig, short what, void *arg)
{
	char text[RELOAD_TEXT_MAX];
	struct dmd *d = arg;

	switch (sig) {
	case SIGCHLD:
		children_reap(d->children);
		break;
	case SIGHUP:
		if (!d->is_stopping)
			reload_now(d, text);
		break;
	default:
		daemon_stop(d);
		break;
	}
}

/* Looks for changes that no event reports: a directory that the children hold
 * open was removed or replaced, so that they work where no user sees it; a
 * listening socket was shut down; the clock was set. */
static void
on_look(evutil_socket_t unused, short what, void *arg)
{
	struct dmd *d = arg;
	const char *gone = directories_missing(&d->prepared);

	if (gone != NULL && !d->is_state_gone)
		log_error("%s%s was removed or replaced while dmd runs, so no "
			  "file is kept: restart dmd",
		    d->config->state_dir, gone);
	d->is_state_gone = gone != NULL;
	netlink_look(d->netlink);
	listening_update(d);
	daemon_check_resolver(d);
	notify_flush(&d->notify);
}

static void
on_watchdog(evutil_socket_t unused, short what, void *arg)
{
	struct dmd *d = arg;

	notify_send(&d->notify, "WATCHDOG=1");
}

/* --- life --- */

static struct event *
repeat_new(struct dmd *d, event_callback_fn fn, uint64_t us)
{
	struct timeval tv = {
	    (time_t)(us / 1000000), (suseconds_t)(us % 1000000)};
	struct event *e = xevent(d->base, -1, EV_PERSIST, fn, d);

	xevent_add(e, &tv);
	return e;
}

static void
events_new(struct dmd *d)
{
	static const int signals[] = {SIGCHLD, SIGHUP, SIGTERM, SIGINT};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		d->signals[i] = xevent(
		    d->base, signals[i], EV_SIGNAL | EV_PERSIST, on_signal, d);
		xevent_add(d->signals[i], NULL);
	}
	signals_release();
	d->listen_timer = xevent(d->base, -1, 0, listening_on_timer, d);
	d->record_timer = xevent(d->base, -1, 0, own_record_on_timer, d);
	if (d->log == SPAWN_LOG_SYSLOG)
		d->sink_timer = repeat_new(d, logging_on_timer, 1000000);
	d->look_timer = repeat_new(d, on_look, LOOK_US);
	if (d->notify.watchdog_us >= 2)
		d->watchdog =
		    repeat_new(d, on_watchdog, d->notify.watchdog_us / 2);
}

int
daemon_open(struct dmd *d, const struct options *options, struct config *config,
    int background_fd)
{
	int code;

	d->options = options;
	d->config = config;
	d->generation = 1;
	d->background_fd = background_fd;
	d->started_ns = clock_mono_ns();
	d->started_unix_ns = clock_unix_ns();
	d->log = background_fd != -1		       ? SPAWN_LOG_SYSLOG
		 : log_get_style() == LOG_STYLE_PREFIX ? SPAWN_LOG_JOURNAL
						       : SPAWN_LOG_STDERR;
	notify_open(&d->notify);
	if ((code = confine_check_descriptors(config)) != 0 ||
	    (code = users_find(config, &d->users)) != 0 ||
	    (code = faults_at_start(config, &d->users)) != 0 ||
	    (code = directories_prepare(config, &d->users, &d->prepared)) != 0)
		return code;
	d->identity = identity_open(config->cluster.identity_key, &code);
	if (d->identity == NULL)
		return code;
	d->spawn = spawn_new(config, &d->users, &d->prepared, d->log, &code);
	if (d->spawn == NULL)
		return code;
	d->base = event_base_new();
	if (d->base == NULL)
		fatal("libevent does not start");
	d->netlink = netlink_new(d->base, on_interfaces, d);
	d->listen = listen_new();
	if (listening_open(d, &code) > 0)
		return code;
	listening_warn_missing(d);
	d->own = commands_serve(d);
	d->control = control_new(
	    d->base, config->control_socket, &d->users, d->own, &code);
	return d->control == NULL ? code : 0;
}

int
daemon_run(struct dmd *d)
{
	const struct children_owner owner = {.handlers = handlers_table(),
	    .starting = on_child_starting,
	    .started = on_child_started,
	    .ended = on_child_ended,
	    .answered = on_child_answered,
	    .changed = on_child_changed,
	    .stopped = on_children_stopped,
	    .hopeless = on_hopeless,
	    .ctx = d};
	char text[256];

	/* before the children, which inherit the lost rights */
	if (confine(d->config, &d->layers) == -1) {
		log_error("cannot confine dmd: %s", strerror(errno));
		return EX_OSERR;
	}
	sandbox_describe(d->layers, text, sizeof(text));
	log_debug("own sandbox: %s", text);
	events_new(d);
	own_record_update(d);
	d->children = children_new(d->base, d->spawn, &owner);
	control_attach(d->control, d->children);
	children_start(d->children);
	event_base_dispatch(d->base);
	log_info("stopped");
	return d->exit_code;
}

static void
event_clear(struct event *e)
{
	if (e != NULL)
		event_free(e);
}

void
daemon_close(struct dmd *d)
{
	control_free(d->control);
	if (d->own != NULL)
		control_server_free(d->own);
	children_free(d->children);
	listen_free(d->listen);
	netlink_free(d->netlink);
	spawn_free(d->spawn);
	identity_free(d->identity);
	for (size_t i = 0; i < sizeof(d->signals) / sizeof(d->signals[0]); i++)
		event_clear(d->signals[i]);
	event_clear(d->record_timer);
	event_clear(d->listen_timer);
	event_clear(d->sink_timer);
	event_clear(d->look_timer);
	event_clear(d->watchdog);
	if (d->base != NULL)
		event_base_free(d->base);
	notify_close(&d->notify);
	directories_clear(&d->prepared);
	config_free(d->config);
	if (d->background_fd != -1)
		close(d->background_fd);
}
