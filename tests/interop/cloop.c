/* SPDX-License-Identifier: ISC */
#include "tests/interop/cloop.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dm-net/libp2p/peer_record.h"

/* Timers may be that late. */
#define TIMERS_NS 50000000u

static EVP_PKEY *identity;

uint64_t
cloop_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t
cloop_time_ns(const struct cloop *loop)
{
	return cloop_now_ns() + loop->ahead_ns;
}

/* --- the identity, which a daemon has in another process -------------- */

static void
identity_load(const char *seed_hex)
{
	uint8_t seed[32];

	if (seed_hex == NULL) {
		identity = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		return;
	}
	for (size_t i = 0; i < sizeof(seed); i++) {
		if (sscanf(seed_hex + 2 * i, "%2hhx", &seed[i]) != 1)
			errx(2, "the seed must be 64 hex digits");
	}
	identity = EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
}

static void
identity_sign(const void *text, size_t len, uint8_t signature[static 64])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t signature_len = 64;

	if (EVP_DigestSignInit(ctx, NULL, NULL, NULL, identity) != 1 ||
	    EVP_DigestSign(ctx, signature, &signature_len, text, len) != 1)
		errx(2, "signing failed");
	EVP_MD_CTX_free(ctx);
}

/* --- those that want a turn before the loop waits --------------------- */

static void
wake_link(struct link *link)
{
	if (link->is_woken)
		return;
	link->is_woken = true;
	link->wake_next = link->loop->woken;
	link->loop->woken = link;
}

static void
unwake_link(struct link *link)
{
	struct link **at = &link->loop->woken;

	if (!link->is_woken)
		return;
	link->is_woken = false;
	while (*at != link)
		at = &(*at)->wake_next;
	*at = link->wake_next;
}

/* --- what the host says ----------------------------------------------- */

static void
on_established(struct p2p_conn *c, const struct peer_id *peer)
{
	struct link *link = p2p_conn_user(c);

	link->is_established = true;
}

static void
on_identify(struct p2p_conn *c, const struct identify *id)
{
	struct link *link = p2p_conn_user(c);

	if (link->loop->identify != NULL)
		*link->loop->identify = *id;
	link->has_identify = true;
}

static void
on_closed(struct p2p_conn *c, enum p2p_reason reason, const char *text)
{
	struct link *link = p2p_conn_user(c);

	link->is_closed = true;
	link->reason = reason;
	snprintf(link->text, sizeof(link->text), "%s", text);
}

static void
on_wake(struct p2p_conn *c)
{
	wake_link(p2p_conn_user(c));
}

static const struct p2p_callbacks callbacks = {
    .on_established = on_established,
    .on_identify = on_identify,
    .on_closed = on_closed,
    .on_wake = on_wake,
};

static struct p2p_host *
make_host(struct cloop *loop)
{
	struct p2p_tls_key *key = p2p_tls_key_new();
	uint8_t text[sizeof(P2P_TLS_SIGN_PREFIX) - 1 + P2P_SPKI_LEN];
	uint8_t public_key[32], signature[64];
	size_t len = sizeof(public_key);
	struct p2p_host *host;

	EVP_PKEY_get_raw_public_key(identity, public_key, &len);
	memcpy(text, P2P_TLS_SIGN_PREFIX, sizeof(text) - P2P_SPKI_LEN);
	p2p_tls_key_spki(key, text + sizeof(text) - P2P_SPKI_LEN);
	identity_sign(text, sizeof(text), signature);
	host = p2p_host_new(&(struct p2p_host_config){
	    .tls_key = key,
	    .ed25519_key = public_key,
	    .signature = signature,
	    .agent = "cpeer",
	    .callbacks = &callbacks,
	    .user = loop,
	});
	if (host == NULL)
		err(2, "p2p_host_new");
	p2p_tls_key_free(key);
	p2p_host_set_wall_time(host, time(NULL));
	return host;
}

void
cloop_init(struct cloop *loop, const char *seed_hex)
{
	memset(loop, 0, sizeof(*loop));
	loop->listen_fd = -1;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		err(2, "epoll_create1");
	loop->wake_ns = UINT64_MAX;
	EVP_PKEY_free(identity);
	identity_load(seed_hex);
	loop->host = make_host(loop);
}

size_t
cloop_advertise_all(struct cloop *loop, const struct multiaddr *addrs,
    size_t count, uint8_t *out, size_t size)
{
	uint8_t payload[PEER_RECORD_PAYLOAD_MAX];
	uint8_t text[PEER_RECORD_SIGNED_MAX];
	uint8_t envelope[PEER_RECORD_ENVELOPE_MAX];
	uint8_t signature[64];
	const struct peer_id *id = p2p_host_peer_id(loop->host);
	struct multiaddr_raw raw[PEER_RECORD_ADDRS_MAX];
	struct envelope_bytes body = {payload, 0};
	size_t len;

	for (size_t i = 0; i < count; i++)
		multiaddr_build(&raw[i], &addrs[i]);
	body.len = peer_record_payload(
	    payload, sizeof(payload), id, cloop_now_ns(), raw, count);
	len = peer_record_signed(text, sizeof(text), body);
	identity_sign(text, len, signature);
	len = peer_record_seal(envelope, sizeof(envelope), id, body, signature);
	if (p2p_host_set_addresses(loop->host, raw, count) != 0 ||
	    p2p_host_set_record(loop->host, envelope, len) != 0)
		err(2, "advertise");
	if (out != NULL && len <= size)
		memcpy(out, envelope, len);
	return len;
}

void
cloop_advertise(struct cloop *loop, uint16_t port)
{
	struct multiaddr addr = {
	    .host = MULTIADDR_IP4, .port = port, .ip = {127, 0, 0, 1}};

	cloop_advertise_all(loop, &addr, 1, NULL, 0);
}

/* --- sockets ---------------------------------------------------------- */

static struct link *
take_link(struct cloop *loop)
{
	struct link *link = loop->unused;

	if (link == NULL)
		return calloc(1, sizeof(*link));
	loop->unused = link->next;
	memset(link, 0, sizeof(*link));
	return link;
}

static struct link *
add_link(struct cloop *loop, int fd, enum p2p_role role,
    const struct peer_id *expected, const struct sockaddr *sa)
{
	struct link *link = take_link(loop);
	struct multiaddr remote;
	struct multiaddr_raw raw;
	int one = 1;

	if (link == NULL)
		err(2, "no memory");
	link->loop = loop;
	link->fd = fd;
	link->next = loop->links;
	if (link->next != NULL)
		link->next->back = &link->next;
	link->back = &loop->links;
	loop->links = link;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	multiaddr_from_sockaddr(&remote, sa, NULL);
	multiaddr_build(&raw, &remote);
	link->conn = p2p_conn_new(
	    loop->host, role, expected, &raw, cloop_time_ns(loop), link);
	return link;
}

void
cloop_drop(struct link *link)
{
	struct cloop *loop = link->loop;

	unwake_link(link);
	p2p_conn_free(link->conn);
	link->conn = NULL;
	close(link->fd);
	link->fd = -1;
	*link->back = link->next;
	if (link->next != NULL)
		link->next->back = link->back;
	link->next = loop->unused;
	loop->unused = link;
}

/* Asks for the events that the connection wants, and for its next turn. */
static void
watch_link(struct link *link)
{
	struct cloop *loop = link->loop;
	struct epoll_event event = {.data.ptr = link};
	uint64_t at = link->is_connecting
			  ? UINT64_MAX
			  : p2p_conn_next_deadline_ns(link->conn);

	if (link->is_connecting || p2p_conn_wants_write(link->conn))
		event.events |= EPOLLOUT;
	if (!link->is_connecting && p2p_conn_wants_read(link->conn))
		event.events |= EPOLLIN;
	if (at <= cloop_time_ns(loop))
		wake_link(link);
	else if (at < loop->wake_ns)
		loop->wake_ns = at;
	if (link->is_watched && event.events == link->events)
		return;
	if (epoll_ctl(loop->epoll_fd,
		link->is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, link->fd,
		&event) != 0)
		err(2, "epoll_ctl");
	link->is_watched = true;
	link->events = event.events;
}

static void
watch_fd(struct cloop *loop, int fd, void *what)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};

	/* a file cannot be watched, and has no end to wait for */
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0 &&
	    errno != EPERM)
		err(2, "epoll_ctl");
}

void
cloop_watch_stdin(struct cloop *loop)
{
	watch_fd(loop, STDIN_FILENO, &loop->is_over);
}

uint16_t
cloop_listen(struct cloop *loop)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t len = sizeof(sin);

	sin.sin_addr = loop->source;
	if (sin.sin_addr.s_addr == 0)
		sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	loop->listen_fd =
	    socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (loop->listen_fd < 0 ||
	    bind(loop->listen_fd, (struct sockaddr *)&sin, len) != 0 ||
	    listen(loop->listen_fd, 64) != 0 ||
	    getsockname(loop->listen_fd, (struct sockaddr *)&sin, &len) != 0)
		err(2, "listen");
	watch_fd(loop, loop->listen_fd, &loop->listen_fd);
	return ntohs(sin.sin_port);
}

static void
accept_all(struct cloop *loop)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd;

	while ((fd = accept4(loop->listen_fd, (struct sockaddr *)&ss, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		watch_link(add_link(
		    loop, fd, P2P_LISTENER, NULL, (struct sockaddr *)&ss));
		len = sizeof(ss);
	}
}

static void
bind_source(int fd, struct in_addr source)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = source};

	if (source.s_addr != 0 &&
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0)
		err(2, "bind");
}

struct link *
cloop_dial(struct cloop *loop, const struct multiaddr *addr)
{
	struct sockaddr_storage ss;
	socklen_t len = multiaddr_to_sockaddr(addr, &ss, 0);
	struct link *link;
	int fd;

	fd =
	    socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (len == 0 || fd < 0)
		errx(2, "not an address to dial");
	bind_source(fd, loop->source);
	if (connect(fd, (struct sockaddr *)&ss, len) != 0 &&
	    errno != EINPROGRESS)
		err(2, "connect");
	link = add_link(loop, fd, P2P_DIALER,
	    addr->has_peer_id ? &addr->peer_id : NULL, (struct sockaddr *)&ss);
	link->is_connecting = true;
	watch_link(link);
	return link;
}

static void
do_recv(struct link *link)
{
	size_t size;
	uint8_t *buf = p2p_conn_recv_buffer(link->conn, &size);
	ssize_t n = recv(link->fd, buf, size, 0);

	link->loop->received += n > 0 ? (uint64_t)n : 0;
	if (n > 0)
		p2p_conn_recv_done(
		    link->conn, (size_t)n, cloop_time_ns(link->loop));
	else if (n == 0)
		p2p_conn_recv_eof(link->conn, cloop_time_ns(link->loop));
	else if (errno != EAGAIN && errno != EINTR)
		p2p_conn_io_error(link->conn, errno, cloop_time_ns(link->loop));
}

static void
do_send(struct link *link)
{
	size_t len;
	const uint8_t *buf;
	ssize_t n;

	do {
		buf = p2p_conn_send_buffer(
		    link->conn, &len, cloop_time_ns(link->loop));
		if (len == 0)
			return;
		n = send(link->fd, buf, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			p2p_conn_send_done(
			    link->conn, 0, cloop_time_ns(link->loop));
			p2p_conn_io_error(
			    link->conn, errno, cloop_time_ns(link->loop));
			return;
		}
		link->loop->sent += n > 0 ? (uint64_t)n : 0;
		p2p_conn_send_done(link->conn, n < 0 ? 0 : (size_t)n,
		    cloop_time_ns(link->loop));
	} while (n > 0 && (size_t)n == len);
}

static void
serve_link(struct link *link, uint32_t events)
{
	if (link->is_connecting && events == 0) {
		unwake_link(link); /* not before the socket is connected */
		return;
	}
	link->is_connecting = false;
	unwake_link(link);
	if ((events & ~(uint32_t)EPOLLOUT) != 0 &&
	    p2p_conn_wants_read(link->conn))
		do_recv(link);
	if (link->loop->is_enough != NULL && link->loop->is_enough(link)) {
		link->has_enough = true;
		return;
	}
	p2p_conn_turn(link->conn, cloop_time_ns(link->loop));
	if (p2p_conn_wants_write(link->conn))
		do_send(link);
	if (p2p_conn_is_closed(link->conn))
		cloop_drop(link);
	else
		watch_link(link);
}

/* --- the loop --------------------------------------------------------- */

static int
timeout_ms(const struct cloop *loop, uint64_t until_ns)
{
	uint64_t now = cloop_time_ns(loop);

	if (loop->wake_ns < until_ns)
		until_ns = loop->wake_ns;
	if (until_ns <= now || loop->woken != NULL)
		return 0;
	return (int)((until_ns - now) / 1000000 + 1);
}

/* Gives a turn to those whose time has come. All are looked at for that, so
 * it is not done often. */
static void
serve_timers(struct cloop *loop)
{
	struct link *link, *next;

	if (cloop_time_ns(loop) < loop->wake_ns)
		return;
	loop->wake_ns = UINT64_MAX;
	for (link = loop->links; link != NULL; link = next) {
		next = link->next;
		if (p2p_conn_next_deadline_ns(link->conn) <=
		    cloop_time_ns(loop))
			serve_link(link, 0);
		else
			watch_link(link);
	}
	if (loop->wake_ns < cloop_time_ns(loop) + TIMERS_NS)
		loop->wake_ns = cloop_time_ns(loop) + TIMERS_NS;
}

static void
serve_woken(struct cloop *loop)
{
	struct link *link = loop->woken, *next;

	for (; link != NULL; link = next) {
		next = link->wake_next;
		serve_link(link, 0);
	}
}

static void
serve_stdin(struct cloop *loop)
{
	char text[64];
	ssize_t n = read(STDIN_FILENO, text, sizeof(text));

	if (n <= 0)
		loop->is_over = true;
	else if (loop->on_stdin != NULL)
		loop->on_stdin(loop);
}

static void
wait_once(struct cloop *loop, uint64_t until_ns)
{
	struct epoll_event events[64];
	int n =
	    epoll_wait(loop->epoll_fd, events, 64, timeout_ms(loop, until_ns));

	if (n < 0 && errno != EINTR)
		err(2, "epoll_wait");
	/* One link has one event, so none that follows is of one dropped. */
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == &loop->listen_fd)
			accept_all(loop);
		else if (events[i].data.ptr == &loop->is_over)
			serve_stdin(loop);
		else
			serve_link(events[i].data.ptr, events[i].events);
	}
	serve_timers(loop);
	serve_woken(loop);
}

bool
cloop_run(struct cloop *loop, const bool *done, unsigned int seconds)
{
	uint64_t until = cloop_time_ns(loop) + seconds * 1000000000ull;

	while (!*done && !loop->is_over && cloop_time_ns(loop) < until)
		wait_once(loop, until);
	return *done;
}

void
cloop_wait(struct cloop *loop)
{
	wait_once(loop, cloop_time_ns(loop) + 1000000000u);
}

void
cloop_wait_until(struct cloop *loop, uint64_t until_ns)
{
	wait_once(loop, until_ns);
}

void
cloop_clear(struct cloop *loop)
{
	struct link *link;

	while (loop->links != NULL)
		cloop_drop(loop->links);
	while ((link = loop->unused) != NULL) {
		loop->unused = link->next;
		free(link);
	}
	if (loop->listen_fd >= 0)
		close(loop->listen_fd);
	close(loop->epoll_fd);
	p2p_host_free(loop->host);
	EVP_PKEY_free(identity);
	identity = NULL;
}
