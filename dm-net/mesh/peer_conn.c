/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/peer_conn.h"

/*
 * One TCP connection to a peer: moves bytes between its socket and the
 * p2p_conn, keeps its timer, and tells the core when it is up and when it is
 * gone. A connection is freed at the end of a turn of its own, never inside a
 * callback of the connection.
 */
#include <errno.h>
#include <event2/event.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xevent.h"
#include "dm-net/mesh/file_receive.h"
#include "dm-net/mesh/mesh_address.h"
#include "dm-net/mesh/mesh_config.h"
#include "dm-net/mesh/mesh_notes.h"
#include "dm-net/mesh/mesh_turn.h"
#include "dm-net/mesh/peer_conns.h"
#include "dm-net/mesh/peer_warnings.h"
#include "dm-net/mesh/sync_streams.h"
#include "dm-net/mesh/twin.h"

#define READS_PER_TURN 8
#define WRITES_PER_TURN 16
#define USER_TIMEOUT_MS 20000
/* Timers that are further off come together, so many times a second. */
#define COARSE_FROM_NS (2 * NS_PER_S)
#define COARSE_NS (UINT64_C(250) * 1000000)

static void
settle(struct peer_conn *c)
{
	if (!c->is_half_open)
		return;
	c->is_half_open = false;
	admission_leave(c->mesh->admission, &c->place);
}

/* --- what a handshake costs ------------------------------------------- */

static uint64_t
meter_begin(const struct peer_conn *c)
{
	return c->is_half_open ? clock_thread_ns() : 0;
}

/* Charges the source for what was computed since; 0: nothing. */
static void
meter_end(struct peer_conn *c, uint64_t begin_ns, uint64_t now_ns)
{
	const struct ledger_who who = {.source = c->source};
	uint64_t cost_ns;

	if (begin_ns == 0)
		return;
	cost_ns = clock_thread_ns() - begin_ns;
	c->handshake_ns += cost_ns;
	ledger_charge(c->mesh->ledger, &who, LEDGER_HANDSHAKE, cost_ns, now_ns);
}

/* A peer that the configuration names pays for itself, once it is known. */
static void
meter_settle(const struct peer_conn *c, const struct peer_id *peer)
{
	struct ledger *ledger = c->mesh->ledger;
	struct ledger_who who = {.source = c->source, .peer = *peer};
	uint64_t now_ns = clock_mono_ns();

	if (!sync_is_trusted(c->mesh->sync, peer))
		return;
	ledger_give_back(
	    ledger, &who, LEDGER_HANDSHAKE, c->handshake_ns, now_ns);
	who.has_account = true;
	ledger_charge(ledger, &who, LEDGER_HANDSHAKE, c->handshake_ns, now_ns);
}

/* --- moving bytes ----------------------------------------------------- */

/* Takes what came in, as far as one turn may. */
static void
take(struct peer_conn *c, uint64_t now_ns)
{
	uint8_t *buf;
	size_t len;
	ssize_t n;

	for (int i = 0; i < READS_PER_TURN && p2p_conn_wants_read(c->p2p) &&
			!p2p_conn_is_closed(c->p2p);
	     i++) {
		buf = p2p_conn_recv_buffer(c->p2p, &len);
		n = recv(c->fd, buf, len, MSG_DONTWAIT);
		if (n > 0) {
			admission_spoke(&c->place);
			p2p_conn_recv_done(c->p2p, (size_t)n, now_ns);
			if ((size_t)n < len)
				break;
			continue;
		}
		p2p_conn_recv_done(c->p2p, 0, now_ns);
		if (n == 0)
			p2p_conn_recv_eof(c->p2p, now_ns);
		else if (errno != EAGAIN && errno != EWOULDBLOCK &&
			 errno != EINTR)
			p2p_conn_io_error(c->p2p, errno, now_ns);
		break;
	}
}

/* The socket refuses to send. The peer may have closed it, and the reason that
 * the peer gave may still wait to be read: it says more than the error. */
static void
send_failed(struct peer_conn *c, int err, uint64_t now_ns)
{
	p2p_conn_send_done(c->p2p, 0, now_ns);
	take(c, now_ns);
	if (!p2p_conn_is_closed(c->p2p))
		p2p_conn_io_error(c->p2p, err, now_ns);
}

/* Sends what there is. False once the socket is full. */
static bool
flush(struct peer_conn *c, uint64_t now_ns)
{
	const uint8_t *buf;
	size_t len;
	ssize_t n;

	for (int i = 0; i < WRITES_PER_TURN; i++) {
		buf = p2p_conn_send_buffer(c->p2p, &len, now_ns);
		if (len == 0)
			return true;
		n = send(c->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK &&
		    errno != EINTR) {
			send_failed(c, errno, now_ns);
			return true;
		}
		p2p_conn_send_done(c->p2p, n == -1 ? 0 : (size_t)n, now_ns);
		if (n == -1 || (size_t)n < len)
			return false;
	}
	return false;
}

static void
set_event(struct event *e, bool *is_added, bool wanted)
{
	if (*is_added == wanted)
		return;
	*is_added = wanted;
	if (wanted)
		event_add(e, NULL);
	else
		event_del(e);
}

/* A timer that is far away may be a little late, together with others. */
static uint64_t
coarse(uint64_t now_ns, uint64_t at_ns)
{
	if (at_ns == UINT64_MAX || at_ns < now_ns + COARSE_FROM_NS)
		return at_ns;
	return (at_ns / COARSE_NS + 1) * COARSE_NS;
}

static void
set_timer(struct peer_conn *c, uint64_t now_ns)
{
	uint64_t at_ns = coarse(now_ns, p2p_conn_next_deadline_ns(c->p2p));
	struct timeval tv;

	/* an earlier timer only means a turn too many */
	if (at_ns == UINT64_MAX ||
	    (c->timer_at_ns > now_ns && c->timer_at_ns <= at_ns))
		return;
	c->timer_at_ns = at_ns;
	tv = mesh_wait(now_ns, at_ns);
	event_add(c->timer_event, &tv);
}

/* After any driver call: send, ask for events, or end. */
static void
settle_turn(struct peer_conn *c, uint64_t now_ns)
{
	bool is_full = false;

	if (!p2p_conn_is_closed(c->p2p) && p2p_conn_wants_write(c->p2p))
		is_full = !flush(c, now_ns);
	if (p2p_conn_is_closed(c->p2p)) {
		peer_conn_free(c);
		return;
	}
	set_event(c->read_event, &c->reading, p2p_conn_wants_read(c->p2p));
	set_event(c->write_event, &c->writing,
	    is_full || p2p_conn_wants_write(c->p2p));
	set_timer(c, now_ns);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct peer_conn *c = arg;
	uint64_t now_ns = mesh_now(c->mesh);
	uint64_t begin_ns = meter_begin(c);

	take(c, now_ns);
	meter_end(c, begin_ns, now_ns);
	settle_turn(c, now_ns);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct peer_conn *c = arg;
	uint64_t now_ns = mesh_now(c->mesh);

	flush(c, now_ns);
	settle_turn(c, now_ns);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct peer_conn *c = arg;
	uint64_t now_ns = mesh_now(c->mesh);

	p2p_conn_turn(c->p2p, now_ns);
	settle_turn(c, now_ns);
}

static void
tell_rtt(struct peer_conn *c)
{
	uint64_t rtt_ns = p2p_conn_rtt_ns(c->p2p);

	if (!c->is_reported || rtt_ns == c->rtt_ns)
		return;
	c->rtt_ns = rtt_ns;
	sync_rtt(c->mesh->sync, c->id, rtt_ns);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct peer_conn *c = arg;

	c->timer_at_ns = 0;
	mesh_now(c->mesh);
	tell_rtt(c);
	on_turn(fd, what, arg);
}

/* --- what the connection says ----------------------------------------- */

static bool
judge_peer(struct p2p_conn *conn, const struct peer_id *peer)
{
	struct peer_conn *c = p2p_conn_user(conn);

	const struct ledger_who who = {.source = c->source, .peer = *peer};
	uint64_t now_ns = clock_mono_ns();

	if (!mesh_is_allowed(c->mesh, peer)) {
		peer_warnings_uninvited(c, peer);
		return false;
	}
	/* it broke rules not long ago; whom we dial was waited for */
	if (p2p_conn_role(conn) == P2P_LISTENER &&
	    ledger_is_shunned(c->mesh->ledger, peer, now_ns)) {
		ledger_refused(c->mesh->ledger, &who, LEDGER_OFFENCE, now_ns);
		return false;
	}
	return true;
}

/* The remote address as the core keeps it: only what was dialled can be
 * dialled again. A zone is the interface's number, as dial.c takes it. */
static void
remote_addr(const struct peer_conn *c, struct sync_addr *out)
{
	const struct sockaddr_in6 *in6 = (const void *)&c->remote;
	struct multiaddr addr;
	struct multiaddr_raw raw;
	char zone[12] = "";

	out->len = 0;
	if (c->remote.ss_family == AF_INET6 && in6->sin6_scope_id != 0)
		snprintf(zone, sizeof(zone), "%u", in6->sin6_scope_id);
	if (!multiaddr_from_sockaddr(&addr, (const void *)&c->remote, zone) ||
	    multiaddr_build(&raw, &addr) != MULTIADDR_OK)
		return;
	out->len = raw.len;
	memcpy(out->bytes, raw.bytes, raw.len);
}

/* Rules that were broken by that peer and no other. */
static bool
is_its_own(enum p2p_reason reason)
{
	return reason == P2P_REASON_PROTOCOL || reason == P2P_REASON_FLOOD;
}

/* Broken rules, also by who came in and has not proven who it is, end in the
 * canonical line; the rest is everyday life. */
static bool
is_misbehaviour(enum p2p_reason reason)
{
	return is_its_own(reason) || reason == P2P_REASON_TLS;
}

/* Of two that dial each other one connection is surplus. */
static bool
is_only_one(const struct peer_conn *c, const struct peer_id *peer)
{
	const struct peer_conn *other;
	const struct peer_id *id;

	LIST_FOREACH(other, &c->mesh->conns, next) {
		id = p2p_conn_peer_id(other->p2p);
		if (other != c && other->is_reported && id != NULL &&
		    peer_id_equal(id, peer))
			return false;
	}
	return true;
}

static void
tell_established(const struct peer_conn *c, const struct peer_id *peer)
{
	char address[ADDRESS_TEXT_SIZE], name[PEER_ID_TEXT_SIZE];

	if (!is_only_one(c, peer))
		return;
	peer_id_format(peer, name);
	mesh_tell(c->mesh, "connected %s address=%s peer=%s",
	    p2p_conn_role(c->p2p) == P2P_DIALER ? "to" : "from",
	    peer_conn_address(c, address), name);
}

static void
tell_closed(const struct peer_conn *c, const char *address, const char *name,
    enum p2p_reason reason, const char *text)
{
	const struct peer_id *peer = p2p_conn_peer_id(c->p2p);
	bool is_dialled = p2p_conn_role(c->p2p) == P2P_DIALER;

	/* what was dialled and is no peer was not reached: dial.c says so */
	if (is_misbehaviour(reason) && (peer != NULL || !is_dialled))
		peer_warnings_misbehaving(c, p2p_reason_name(reason), text);
	else if (c->is_reported && !c->mesh->is_ending && peer != NULL &&
		 is_only_one(c, peer))
		mesh_tell(c->mesh, "disconnected address=%s peer=%s: %s: %s",
		    address, name, p2p_reason_name(reason), text);
	else
		log_debug("connection address=%s peer=%s ended: %s: %s",
		    address, name, p2p_reason_name(reason), text);
}

static void
on_established(struct p2p_conn *conn, const struct peer_id *peer)
{
	struct peer_conn *c = p2p_conn_user(conn);
	struct sync_addr addr;
	bool is_outbound = p2p_conn_role(conn) == P2P_DIALER;

	if (!is_outbound)
		meter_settle(c, peer);
	settle(c);
	mesh_note_clear(c->mesh, peer);
	if (c->outcome != NULL)
		c->outcome->established(c->outcome);
	remote_addr(c, &addr);
	c->is_reported = true;
	c->since_ns = clock_unix_ns();
	tell_established(c, peer);
	twin_look(c, peer);
	sync_streams_open(c);
	sync_connected(c->mesh->sync, c->id, peer, is_outbound,
	    addr.len > 0 ? &addr : NULL);
	mesh_kick(c->mesh);
}

static void
on_identify(struct p2p_conn *conn, const struct identify *id)
{
	struct peer_conn *c = p2p_conn_user(conn);

	if (!id->has_record || id->record.len > SYNC_RECORD_MAX)
		return;
	sync_peer_record(
	    c->mesh->sync, c->id, id->record.bytes, id->record.len);
	mesh_kick(c->mesh);
}

static void
on_closed(struct p2p_conn *conn, enum p2p_reason reason, const char *text)
{
	struct peer_conn *c = p2p_conn_user(conn);
	const struct peer_id *peer = p2p_conn_peer_id(conn);
	char address[ADDRESS_TEXT_SIZE], name[PEER_ID_TEXT_SIZE] = "-";
	char why[MESH_ERROR_MAX];
	struct netsource source;

	if (peer != NULL)
		peer_id_format(peer, name);
	peer_conn_address(c, address);
	if (reason == P2P_REASON_GOAWAY)
		text = "the peer closed the connection: see its log for the "
		       "reason";
	tell_closed(c, address, name, reason, text);
	if (peer != NULL && is_its_own(reason)) {
		source = mesh_address_source(&c->remote);
		sync_misbehaved(c->mesh->sync, peer, &source);
	}
	if (peer != NULL && reason != P2P_REASON_LOCAL)
		mesh_note(
		    c->mesh, peer, "%s: %s", p2p_reason_name(reason), text);
	snprintf(why, sizeof(why), "%s: %s", p2p_reason_name(reason), text);
	if (c->outcome != NULL)
		c->outcome->closed(c->outcome, why);
}

static void
on_wake(struct p2p_conn *conn)
{
	struct peer_conn *c = p2p_conn_user(conn);

	event_active(c->turn_event, EV_TIMEOUT, 0);
}

const struct p2p_callbacks peer_conn_callbacks = {
    .judge_peer = judge_peer,
    .on_established = on_established,
    .on_identify = on_identify,
    .on_closed = on_closed,
    .on_wake = on_wake,
};

/* --- life ------------------------------------------------------------- */

static void
set_options(int fd)
{
	int one = 1, timeout = USER_TIMEOUT_MS, lowat = 128 << 10;

	/* none of these is worth a connection */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(
	    fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
	(void)setsockopt(
	    fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof(lowat));
}

static struct event *
new_event(struct peer_conn *c, int fd, short what, event_callback_fn fn)
{
	return xevent(c->mesh->base, fd, what, fn, c);
}

struct peer_conn *
peer_conn_new(struct mesh *m, int fd, enum p2p_role role,
    const struct peer_id *expected, const struct sockaddr *remote,
    socklen_t remote_len, struct peer_conn_outcome *outcome)
{
	uint64_t now_ns = mesh_now(m);
	struct peer_conn *c = xcalloc(1, sizeof(*c));
	struct multiaddr addr;
	struct multiaddr_raw raw;
	bool has_addr;

	c->mesh = m;
	c->id = ++m->last_link_id;
	c->fd = fd;
	c->outcome = outcome;
	memcpy(&c->remote, remote,
	    remote_len < sizeof(c->remote) ? remote_len : sizeof(c->remote));
	set_options(fd);
	has_addr = multiaddr_from_sockaddr(&addr, remote, NULL) &&
		   multiaddr_build(&raw, &addr) == MULTIADDR_OK;
	c->read_event = new_event(c, fd, EV_READ | EV_PERSIST, on_readable);
	c->write_event = new_event(c, fd, EV_WRITE | EV_PERSIST, on_writable);
	c->timer_event = new_event(c, -1, 0, on_timer);
	c->turn_event = new_event(c, -1, 0, on_turn);
	LIST_INSERT_HEAD(&m->conns, c, next);
	LIST_INSERT_HEAD(
	    &m->conns_by_id[c->id % PEER_CONN_BUCKETS], c, same_bucket);
	c->p2p = p2p_conn_new(
	    m->host, role, expected, has_addr ? &raw : NULL, now_ns, c);
	event_active(c->turn_event, EV_TIMEOUT, 0);
	return c;
}

void
peer_conn_say_goodbye(struct peer_conn *c)
{
	uint64_t now_ns = clock_mono_ns();

	p2p_conn_close(c->p2p, 0, "closing");
	p2p_conn_turn(c->p2p, now_ns);
	flush(c, now_ns);
}

void
peer_conn_free(struct peer_conn *c)
{
	struct mesh *m = c->mesh;

	settle(c);
	file_receive_conn_gone(c);
	if (c->outcome != NULL)
		c->outcome->closed(c->outcome, "ended");
	LIST_REMOVE(c, next);
	LIST_REMOVE(c, same_bucket);
	p2p_conn_free(c->p2p);
	if (c->is_reported && !m->is_ending) {
		sync_disconnected(m->sync, c->id);
		mesh_kick(m);
	}
	event_free(c->read_event);
	event_free(c->write_event);
	event_free(c->timer_event);
	event_free(c->turn_event);
	close(c->fd);
	free(c->outbox);
	free(c);
	m->has_gone = true;
}

/* The allocator alone would keep all of it, if one small object that stays was
 * allocated after it. */
void
peer_conn_tick(struct mesh *m)
{
#ifdef __GLIBC__
	if (m->has_gone)
		malloc_trim(0);
#endif
	m->has_gone = false;
}
