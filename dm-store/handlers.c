/* SPDX-License-Identifier: ISC */
#include "dm-store/handlers.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/control_serve.h"
#include "common/log.h"
#include "common/xevent.h"
#include "dm-store/queries.h"
#include "dm-store/commit.h"
#include "dm-store/commands.h"
#include "dm-store/expire.h"
#include "dm-store/put.h"
#include "dm-store/rejects.h"
#include "dm-store/reload.h"
#include "dm-store/scrub.h"
#include "dm-store/index_feed.h"
#include "dm-store/state_dirs.h"
#include "dm-store/store_log.h"
#include "dm-store/ticket.h"
#include "dm-store/watch.h"

#define IPC_RECEIVER_STORE
#define IPC_CONTEXT struct store
#include "common/ipc_dispatch.h"

static void
send_to_net(struct store *s, enum ipc_message m, const void *msg, int fd)
{
	if (s->net != NULL)
		ipc_send(s->net, m, msg, fd);
	else if (fd != -1)
		close(fd);
}

static void
send_stats(struct store *s)
{
	uint8_t rejected[VERDICT_COUNT * 8];
	struct ipc_store_stats m;

	for (size_t v = 0; v < VERDICT_COUNT; v++)
		row_put_u64(rejected + 8 * v, s->stats.rejected[v]);
	m.files = index_count(s->index, VIEW_COMMITTED, INDEX_VISIBLE);
	m.records = index_count(s->index, VIEW_COMMITTED, INDEX_RECORDS);
	m.bytes = s->stats.bytes;
	m.free_bytes = files_free(&s->files);
	m.rejected = bytes_of(rejected, sizeof(rejected));
	m.conflicts = s->stats.conflicts;
	m.damaged = s->stats.damaged;
	m.quarantined = s->files.quarantined;
	m.healed = s->stats.healed;
	m.wanted = index_count(s->index, VIEW_COMMITTED, INDEX_WANTED);
	m.writable = s->stats.is_writable;
	s->stats.is_changed = false;
	s->send(s, IPC_STORE_STATS, &m, -1);
}

/* --- the channels --- */

static void
net_opened(void *ctx, struct ipc *ipc)
{
	send_stats(ctx);
}

/* Questions of the old link are not answered over the next one. */
static void
net_drop(struct store *s)
{
	ipc_free(s->net);
	s->net = NULL;
	s->link++;
	puts_drop_link(s);
	tickets_clear(s->tickets);
	index_feed_reset(s);
	s->suspects = 0;
}

static void
net_closed(void *ctx, struct ipc *ipc, const char *violation)
{
	struct store *s = ctx;
	struct ipc_violated m;

	if (violation != NULL) {
		log_error(
		    "dm-net broke the protocol of its channel: %s", violation);
		m.role = ROLE_NET;
		m.reason = bytes_text(violation);
		if (m.reason.len > 200)
			m.reason.len = 200;
		ipc_send(s->dmd, IPC_VIOLATED, &m, -1);
	}
	if (ipc == s->net)
		net_drop(s);
	else
		ipc_free(ipc);
}

static void
finish(struct store *s)
{
	index_feed_settle(s);
	rejects_settle(s);
	scrub_settle(s);
	commit_settle(s);
	index_settled(s->files.index_fd);
	event_base_loopbreak(s->base);
}

/* dmd is gone, and dm-store goes with it; what was decided is kept. */
static void
dmd_closed(void *ctx, struct ipc *ipc, const char *violation)
{
	if (violation != NULL)
		log_error(
		    "dmd broke the protocol of its channel: %s", violation);
	finish(ctx);
}

/* Uploads are refused below min_free. */
static void
check_room(struct store *s)
{
	bool is_read_only = index_is_read_only(s->index);
	uint64_t free_now = files_free(&s->files);
	bool is_writable =
	    !is_read_only &&
	    (s->policy == NULL || free_now == FILES_FREE_UNKNOWN ||
		free_now > s->policy->min_free);

	if (is_read_only && !state_dirs_is_read_only(&s->files)) {
		log_warn("state_dir can be written again: dm-store restarts");
		finish(s);
	}

	store_log_room(s, is_writable);
	if (is_writable != s->stats.is_writable)
		s->stats.is_changed = true;
	s->stats.is_writable = is_writable;
}

/* Peers can order suspects: this is all the credit that there is. */
static void
suspects_tick(struct store *s)
{
	struct ipc_suspect_credit m = {.messages = s->suspects};

	if (s->net == NULL || s->suspects == 0)
		return;
	s->suspects = 0;
	ipc_send(s->net, IPC_SUSPECT_CREDIT, &m, -1);
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct store *s = arg;

	reload_tick(s);
	expire_tick(s);
	commit_tick(s);
	rejects_tick(s);
	store_log_tick(s);
	watch_tick(s);
	index_feed_tick(s);
	suspects_tick(s);
	check_room(s);
	if (s->stats.is_changed)
		send_stats(s);
	if (!s->is_sink_lost && log_sink_is_lost()) {
		const struct ipc_log_sink_lost m = {};

		s->is_sink_lost = true;
		ipc_send(s->dmd, IPC_LOG_SINK_LOST, &m, -1);
	}
}

void
handlers_start(struct store *s, int fd)
{
	static const struct timeval second = {1, 0};
	const struct ipc_owner owner = {store_handlers, NULL, dmd_closed, s};

	s->send = send_to_net;
	s->dmd = ipc_new(s->base, fd, ROLE_STORE, ROLE_DMD, &owner);
	s->control = commands_serve(s);
	s->second = xevent(s->base, -1, EV_PERSIST, on_second, s);
	xevent_add(s->second, &second);
}

void
handlers_end(struct store *s)
{
	control_server_free(s->control);
	ipc_free(s->net);
	ipc_free(s->dmd);
	if (s->second != NULL)
		event_free(s->second);
	s->control = NULL;
	s->net = s->dmd = NULL;
	s->second = NULL;
}

/* --- dmd --- */

void
store_on_stop(struct store *s, struct ipc *ipc, const struct ipc_stop *m)
{
	finish(s);
}

void
store_on_log_level(
    struct store *s, struct ipc *ipc, const struct ipc_log_level *m)
{
	log_set_level((enum log_level)m->level);
}

void
store_on_log_sink(
    struct store *s, struct ipc *ipc, const struct ipc_log_sink *m, int fd)
{
	log_set_sink(fd);
	s->is_sink_lost = false;
}

void
store_on_link(
    struct store *s, struct ipc *ipc, const struct ipc_link *m, int fd)
{
	const struct ipc_owner owner = {
	    store_handlers, net_opened, net_closed, s};

	if (m->role != ROLE_NET) {
		close(fd);
		ipc_violate(
		    ipc, "a channel to %s", role_name((enum role)m->role));
		return;
	}
	net_drop(s);
	s->net = ipc_new(s->base, fd, ROLE_STORE, ROLE_NET, &owner);
}

void
store_on_config_begin(
    struct store *s, struct ipc *ipc, const struct ipc_config_begin *m)
{
	policy_free(s->coming);
	s->coming = policy_new(m);
	if (s->coming == NULL)
		ipc_violate(ipc, "a malformed configuration");
}

void
store_on_config_name(
    struct store *s, struct ipc *ipc, const struct ipc_config_name *m)
{
	if (s->coming == NULL || !policy_add(s->coming, m->pattern, m->signers))
		ipc_violate(ipc, "a malformed name in the configuration");
}

/* The first configuration is in force for all names. */
static void
on_applied(struct store *s)
{
	const struct ipc_ready ready = {s->layers};

	if (s->is_ready)
		return;
	s->is_ready = true;
	expire_tick(s);
	watch_start(s);
	scrub_start(s);
	ipc_send(s->dmd, IPC_READY, &ready, -1);
}

void
store_on_config_commit(
    struct store *s, struct ipc *ipc, const struct ipc_config_commit *m)
{
	struct policy *policy = s->coming;

	s->coming = NULL;
	if (policy == NULL || policy->generation != m->generation ||
	    !policy_seal(policy)) {
		policy_free(policy);
		ipc_violate(
		    ipc, "the end of a configuration that is not complete");
		return;
	}
	reload_apply(s, policy, on_applied);
}

void
store_on_client(
    struct store *s, struct ipc *ipc, const struct ipc_client *m, int fd)
{
	control_server_take(
	    s->control, fd, m->header, m->uid, m->gid, m->privileged);
}

/* --- dm-net --- */

void
store_on_judge(struct store *s, struct ipc *ipc, const struct ipc_judge *m)
{
	queries_judge(s, m);
}

void
store_on_put_begin(
    struct store *s, struct ipc *ipc, const struct ipc_put_begin *m)
{
	const char *why;

	if (!put_on_begin(s, m, &why))
		ipc_violate(ipc, "%s", why);
}

void
store_on_put_data(
    struct store *s, struct ipc *ipc, const struct ipc_put_data *m)
{
	const char *why;

	if (!put_on_data(s, m, &why))
		ipc_violate(ipc, "%s", why);
}

void
store_on_put_end(struct store *s, struct ipc *ipc, const struct ipc_put_end *m)
{
	put_on_end(s, m);
}

void
store_on_put_abort(
    struct store *s, struct ipc *ipc, const struct ipc_put_abort *m)
{
	put_on_abort(s, m);
}

void
store_on_put_whole(
    struct store *s, struct ipc *ipc, const struct ipc_put_whole *m)
{
	const char *why;

	if (!put_on_whole(s, m, &why))
		ipc_violate(ipc, "%s", why);
}

void
store_on_open(struct store *s, struct ipc *ipc, const struct ipc_open *m)
{
	queries_open(s, m);
}

void
store_on_read_entry(
    struct store *s, struct ipc *ipc, const struct ipc_read_entry *m)
{
	queries_read_entry(s, m);
}

void
store_on_list(struct store *s, struct ipc *ipc, const struct ipc_list *m)
{
	queries_list(s, m);
}

void
store_on_index_credit(
    struct store *s, struct ipc *ipc, const struct ipc_index_credit *m)
{
	if (!index_feed_credit(s, m->messages))
		ipc_violate(ipc, "more index credit than the window");
}

void
store_on_suspect(struct store *s, struct ipc *ipc, const struct ipc_suspect *m)
{
	if (s->suspects == IPC_SUSPECT_WINDOW) {
		ipc_violate(ipc, "more suspects than the window");
		return;
	}
	s->suspects++;
	scrub_suspect(s, m->key, m->version);
}

void
store_on_drop_ticket(
    struct store *s, struct ipc *ipc, const struct ipc_drop_ticket *m)
{
	ticket_return(s->tickets, m->ticket);
}

void
store_on_refused(struct store *s, struct ipc *ipc, const struct ipc_refused *m)
{
	if (!rejects_relayed(s, m))
		ipc_violate(ipc, "a malformed refusal");
}

void
store_on_save_peer(
    struct store *s, struct ipc *ipc, const struct ipc_save_peer *m)
{
	index_feed_save_peer(s, m);
}
