/* SPDX-License-Identifier: ISC */
/*
 * One TCP connection to a peer: moves bytes between its socket and the
 * p2p_conn, keeps its timer, and tells the core when it is up and when it is
 * gone. A link is freed at the end of a turn of its own, never inside a
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
#include "dm-net/mesh_internal.h"

#define READS_PER_TURN 8
#define WRITES_PER_TURN 16
#define USER_TIMEOUT_MS 20000
/* Timers that are further off come together, so many times a second. */
#define COARSE_FROM_NS (2 * NS_PER_S)
#define COARSE_NS (UINT64_C(250) * 1000000)

static void
settle(struct link *l)
{
	if (!l->is_half_open)
		return;
	l->is_half_open = false;
	admission_settled(l->mesh->admission, &l->source);
}

/* --- moving bytes ----------------------------------------------------- */

/* Takes what came in, as far as one turn may. */
static void
take(struct link *l, uint64_t now_ns)
{
	uint8_t *buf;
	size_t len;
	ssize_t n;

	for (int i = 0; i < READS_PER_TURN && p2p_conn_wants_read(l->conn) &&
			!p2p_conn_is_closed(l->conn);
	     i++) {
		buf = p2p_conn_recv_buffer(l->conn, &len);
		n = recv(l->fd, buf, len, MSG_DONTWAIT);
		if (n > 0) {
			p2p_conn_recv_done(l->conn, (size_t)n, now_ns);
			if ((size_t)n < len)
				break;
			continue;
		}
		p2p_conn_recv_done(l->conn, 0, now_ns);
		if (n == 0)
			p2p_conn_recv_eof(l->conn, now_ns);
		else if (errno != EAGAIN && errno != EWOULDBLOCK &&
			 errno != EINTR)
			p2p_conn_io_error(l->conn, errno, now_ns);
		break;
	}
}

/* The socket refuses to send. The peer may have closed it, and the reason that
 * the peer gave may still wait to be read: it says more than the error. */
static void
send_failed(struct link *l, int err, uint64_t now_ns)
{
	p2p_conn_send_done(l->conn, 0, now_ns);
	take(l, now_ns);
	if (!p2p_conn_is_closed(l->conn))
		p2p_conn_io_error(l->conn, err, now_ns);
}

/* Sends what there is. False once the socket is full. */
static bool
flush(struct link *l, uint64_t now_ns)
{
	const uint8_t *buf;
	size_t len;
	ssize_t n;

	for (int i = 0; i < WRITES_PER_TURN; i++) {
		buf = p2p_conn_send_buffer(l->conn, &len, now_ns);
		if (len == 0)
			return true;
		n = send(l->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK &&
		    errno != EINTR) {
			send_failed(l, errno, now_ns);
			return true;
		}
		p2p_conn_send_done(l->conn, n == -1 ? 0 : (size_t)n, now_ns);
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

/* What is not soon may be a little late, along with others. */
static uint64_t
coarse(uint64_t now_ns, uint64_t at_ns)
{
	if (at_ns == UINT64_MAX || at_ns < now_ns + COARSE_FROM_NS)
		return at_ns;
	return (at_ns / COARSE_NS + 1) * COARSE_NS;
}

static void
set_timer(struct link *l, uint64_t now_ns)
{
	uint64_t at_ns = coarse(now_ns, p2p_conn_next_deadline_ns(l->conn));
	struct timeval tv;

	/* an earlier timer only means a turn too many */
	if (at_ns == UINT64_MAX ||
	    (l->timer_at_ns > now_ns && l->timer_at_ns <= at_ns))
		return;
	l->timer_at_ns = at_ns;
	tv = mesh_wait(now_ns, at_ns);
	event_add(l->timer_event, &tv);
}

/* After any driver call: send, ask for events, or end. */
static void
settle_turn(struct link *l, uint64_t now_ns)
{
	bool is_full = false;

	if (!p2p_conn_is_closed(l->conn) && p2p_conn_wants_write(l->conn))
		is_full = !flush(l, now_ns);
	if (p2p_conn_is_closed(l->conn)) {
		link_free(l);
		return;
	}
	set_event(l->read_event, &l->reading, p2p_conn_wants_read(l->conn));
	set_event(l->write_event, &l->writing,
	    is_full || p2p_conn_wants_write(l->conn));
	set_timer(l, now_ns);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;
	uint64_t now_ns = mesh_now(l->mesh);

	take(l, now_ns);
	settle_turn(l, now_ns);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;
	uint64_t now_ns = mesh_now(l->mesh);

	flush(l, now_ns);
	settle_turn(l, now_ns);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;
	uint64_t now_ns = mesh_now(l->mesh);

	p2p_conn_turn(l->conn, now_ns);
	settle_turn(l, now_ns);
}

static void
tell_rtt(struct link *l)
{
	uint64_t rtt_ns = p2p_conn_rtt_ns(l->conn);

	if (!l->is_reported || rtt_ns == l->rtt_ns)
		return;
	l->rtt_ns = rtt_ns;
	sync_rtt(l->mesh->sync, l->id, rtt_ns);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;

	l->timer_at_ns = 0;
	mesh_now(l->mesh);
	tell_rtt(l);
	on_turn(fd, what, arg);
}

/* --- what the connection says ----------------------------------------- */

static bool
judge_peer(struct p2p_conn *conn, const struct peer_id *peer)
{
	struct link *l = p2p_conn_user(conn);

	if (mesh_is_allowed(l->mesh, peer))
		return true;
	accuse_uninvited(l, peer);
	return false;
}

/* The remote address as the core keeps it: only what was dialled can be
 * dialled again. A zone is the interface's number, as dial.c takes it. */
static void
remote_addr(const struct link *l, struct sync_addr *out)
{
	const struct sockaddr_in6 *in6 = (const void *)&l->remote;
	struct multiaddr addr;
	struct multiaddr_raw raw;
	char zone[12] = "";

	out->len = 0;
	if (l->remote.ss_family == AF_INET6 && in6->sin6_scope_id != 0)
		snprintf(zone, sizeof(zone), "%u", in6->sin6_scope_id);
	if (!multiaddr_from_sockaddr(&addr, (const void *)&l->remote, zone) ||
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
is_only_one(const struct link *l, const struct peer_id *peer)
{
	const struct link *other;
	const struct peer_id *id;

	LIST_FOREACH(other, &l->mesh->links, next) {
		id = p2p_conn_peer_id(other->conn);
		if (other != l && other->is_reported && id != NULL &&
		    peer_id_equal(id, peer))
			return false;
	}
	return true;
}

static void
tell_established(const struct link *l, const struct peer_id *peer)
{
	char address[LINK_ADDRESS_MAX], name[PEER_ID_TEXT_SIZE];

	if (!is_only_one(l, peer))
		return;
	peer_id_format(peer, name);
	mesh_tell(l->mesh, "connected %s address=%s peer=%s",
	    p2p_conn_role(l->conn) == P2P_DIALER ? "to" : "from",
	    link_address(l, address), name);
}

static void
tell_closed(const struct link *l, const char *address, const char *name,
    enum p2p_reason reason, const char *text)
{
	const struct peer_id *peer = p2p_conn_peer_id(l->conn);
	bool is_dialled = p2p_conn_role(l->conn) == P2P_DIALER;

	/* what was dialled and is no peer was not reached: dial.c says so */
	if (is_misbehaviour(reason) && (peer != NULL || !is_dialled))
		accuse_misbehaving(l, p2p_reason_name(reason), text);
	else if (l->is_reported && !l->mesh->is_ending && peer != NULL &&
		 is_only_one(l, peer))
		mesh_tell(l->mesh, "disconnected address=%s peer=%s: %s: %s",
		    address, name, p2p_reason_name(reason), text);
	else
		log_debug("connection address=%s peer=%s ended: %s: %s",
		    address, name, p2p_reason_name(reason), text);
}

static void
on_established(struct p2p_conn *conn, const struct peer_id *peer)
{
	struct link *l = p2p_conn_user(conn);
	struct sync_addr addr;
	bool is_outbound = p2p_conn_role(conn) == P2P_DIALER;

	settle(l);
	mesh_note_clear(l->mesh, peer);
	if (l->outcome != NULL)
		l->outcome->established(l->outcome);
	remote_addr(l, &addr);
	l->is_reported = true;
	l->since_ns = clock_unix_ns();
	tell_established(l, peer);
	twin_look(l, peer);
	announce_open(l);
	sync_connected(l->mesh->sync, l->id, peer, is_outbound,
	    addr.len > 0 ? &addr : NULL);
	mesh_kick(l->mesh);
}

static void
on_identify(struct p2p_conn *conn, const struct identify *id)
{
	struct link *l = p2p_conn_user(conn);

	if (!id->has_record || id->record.len > SYNC_RECORD_MAX)
		return;
	sync_peer_record(
	    l->mesh->sync, l->id, id->record.bytes, id->record.len);
	mesh_kick(l->mesh);
}

static void
on_closed(struct p2p_conn *conn, enum p2p_reason reason, const char *text)
{
	struct link *l = p2p_conn_user(conn);
	const struct peer_id *peer = p2p_conn_peer_id(conn);
	char address[LINK_ADDRESS_MAX], name[PEER_ID_TEXT_SIZE] = "-";
	char why[MESH_ERROR_MAX];

	if (peer != NULL)
		peer_id_format(peer, name);
	link_address(l, address);
	if (reason == P2P_REASON_GOAWAY)
		text = "the peer ended it: its log says why";
	tell_closed(l, address, name, reason, text);
	if (peer != NULL && is_its_own(reason))
		sync_misbehaved(l->mesh->sync, peer);
	if (peer != NULL && reason != P2P_REASON_LOCAL)
		mesh_note(
		    l->mesh, peer, "%s: %s", p2p_reason_name(reason), text);
	snprintf(why, sizeof(why), "%s: %s", p2p_reason_name(reason), text);
	if (l->outcome != NULL)
		l->outcome->closed(l->outcome, why);
}

static void
on_wake(struct p2p_conn *conn)
{
	struct link *l = p2p_conn_user(conn);

	event_active(l->turn_event, EV_TIMEOUT, 0);
}

const struct p2p_callbacks link_callbacks = {
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
new_event(struct link *l, int fd, short what, event_callback_fn fn)
{
	return xevent(l->mesh->base, fd, what, fn, l);
}

struct link *
link_new(struct mesh *m, int fd, enum p2p_role role,
    const struct peer_id *expected, const struct sockaddr *remote,
    socklen_t remote_len, struct link_outcome *outcome)
{
	uint64_t now_ns = mesh_now(m);
	struct link *l = xcalloc(1, sizeof(*l));
	struct multiaddr addr;
	struct multiaddr_raw raw;
	bool has_addr;

	l->mesh = m;
	l->id = ++m->last_link_id;
	l->fd = fd;
	l->outcome = outcome;
	memcpy(&l->remote, remote,
	    remote_len < sizeof(l->remote) ? remote_len : sizeof(l->remote));
	set_options(fd);
	has_addr = multiaddr_from_sockaddr(&addr, remote, NULL) &&
		   multiaddr_build(&raw, &addr) == MULTIADDR_OK;
	l->read_event = new_event(l, fd, EV_READ | EV_PERSIST, on_readable);
	l->write_event = new_event(l, fd, EV_WRITE | EV_PERSIST, on_writable);
	l->timer_event = new_event(l, -1, 0, on_timer);
	l->turn_event = new_event(l, -1, 0, on_turn);
	LIST_INSERT_HEAD(&m->links, l, next);
	LIST_INSERT_HEAD(&m->links_by_id[l->id % LINK_BUCKETS], l, same_bucket);
	l->conn = p2p_conn_new(
	    m->host, role, expected, has_addr ? &raw : NULL, now_ns, l);
	event_active(l->turn_event, EV_TIMEOUT, 0);
	return l;
}

void
link_say_goodbye(struct link *l)
{
	uint64_t now_ns = clock_mono_ns();

	p2p_conn_close(l->conn, 0, "closing");
	p2p_conn_turn(l->conn, now_ns);
	flush(l, now_ns);
}

void
link_free(struct link *l)
{
	struct mesh *m = l->mesh;

	settle(l);
	transfer_link_gone(l);
	if (l->outcome != NULL)
		l->outcome->closed(l->outcome, "ended");
	LIST_REMOVE(l, next);
	LIST_REMOVE(l, same_bucket);
	p2p_conn_free(l->conn);
	if (l->is_reported && !m->is_ending) {
		sync_disconnected(m->sync, l->id);
		mesh_kick(m);
	}
	event_free(l->read_event);
	event_free(l->write_event);
	event_free(l->timer_event);
	event_free(l->turn_event);
	close(l->fd);
	free(l->outbox);
	free(l);
	m->has_gone = true;
}

/* The allocator alone would keep all of it, if only one small thing that stays
 * was made behind it. */
void
link_tick(struct mesh *m)
{
#ifdef __GLIBC__
	if (m->has_gone)
		malloc_trim(0);
#endif
	m->has_gone = false;
}
