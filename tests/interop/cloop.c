/* SPDX-License-Identifier: ISC */
#include "tests/interop/cloop.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dm-net/libp2p/peer_record.h"

static EVP_PKEY *identity;

uint64_t
cloop_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* --- the identity, which a daemon has in another process --------------- */

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

/* --- what the host says ------------------------------------------------ */

static void
on_established(struct p2p_conn *c, const struct peer_id *peer)
{
	struct link *link = p2p_conn_user(c);

	(void)peer;
	link->is_established = true;
}

static void
on_identify(struct p2p_conn *c, const struct identify *id)
{
	struct link *link = p2p_conn_user(c);

	link->identify = *id;
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

static const struct p2p_callbacks callbacks = {
    .on_established = on_established,
    .on_identify = on_identify,
    .on_closed = on_closed,
    /* No on_wake: this loop looks at each deadline before it waits. */
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
	for (size_t i = 0; i < CLOOP_LINKS_MAX; i++)
		loop->links[i].fd = -1;
	identity_load(seed_hex);
	loop->host = make_host(loop);
}

void
cloop_advertise(struct cloop *loop, uint16_t port)
{
	uint8_t payload[PEER_RECORD_PAYLOAD_MAX];
	uint8_t text[PEER_RECORD_SIGNED_MAX];
	uint8_t envelope[PEER_RECORD_ENVELOPE_MAX];
	uint8_t signature[64];
	struct multiaddr addr = {
	    .host = MULTIADDR_IP4, .port = port, .ip = {127, 0, 0, 1}};
	const struct peer_id *id = p2p_host_peer_id(loop->host);
	struct multiaddr_raw raw;
	struct envelope_bytes body = {payload, 0};
	size_t len;

	multiaddr_build(&raw, &addr);
	body.len =
	    peer_record_payload(payload, sizeof(payload), id, 1, &raw, 1);
	len = peer_record_signed(text, sizeof(text), body);
	identity_sign(text, len, signature);
	len = peer_record_seal(envelope, sizeof(envelope), id, body, signature);
	if (p2p_host_set_addresses(loop->host, &raw, 1) != 0 ||
	    p2p_host_set_record(loop->host, envelope, len) != 0)
		err(2, "advertise");
}

/* --- sockets ----------------------------------------------------------- */

static struct link *
add_link(struct cloop *loop, int fd, enum p2p_role role,
    const struct peer_id *expected, const struct sockaddr *sa)
{
	struct multiaddr remote;
	struct multiaddr_raw raw;
	int one = 1;

	for (size_t i = 0; i < CLOOP_LINKS_MAX; i++) {
		struct link *link = &loop->links[i];

		if (link->fd >= 0 || link->conn != NULL)
			continue;
		memset(link, 0, sizeof(*link));
		link->loop = loop;
		link->fd = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		multiaddr_from_sockaddr(&remote, sa, NULL);
		multiaddr_build(&raw, &remote);
		link->conn = p2p_conn_new(
		    loop->host, role, expected, &raw, cloop_now_ns(), link);
		return link;
	}
	close(fd);
	return NULL;
}

/* The connection's end stays readable in the link until it is used again. */
static void
drop_link(struct link *link)
{
	p2p_conn_free(link->conn);
	link->conn = NULL;
	close(link->fd);
	link->fd = -1;
}

uint16_t
cloop_listen(struct cloop *loop)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t len = sizeof(sin);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	loop->listen_fd =
	    socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (loop->listen_fd < 0 ||
	    bind(loop->listen_fd, (struct sockaddr *)&sin, len) != 0 ||
	    listen(loop->listen_fd, 64) != 0 ||
	    getsockname(loop->listen_fd, (struct sockaddr *)&sin, &len) != 0)
		err(2, "listen");
	return ntohs(sin.sin_port);
}

static void
accept_one(struct cloop *loop)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd = accept4(loop->listen_fd, (struct sockaddr *)&ss, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		add_link(loop, fd, P2P_LISTENER, NULL, (struct sockaddr *)&ss);
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
	if (connect(fd, (struct sockaddr *)&ss, len) != 0 &&
	    errno != EINPROGRESS)
		err(2, "connect");
	link = add_link(loop, fd, P2P_DIALER,
	    addr->has_peer_id ? &addr->peer_id : NULL, (struct sockaddr *)&ss);
	if (link == NULL)
		errx(2, "too many connections");
	link->is_connecting = true;
	return link;
}

static void
do_recv(struct link *link)
{
	size_t size;
	uint8_t *buf = p2p_conn_recv_buffer(link->conn, &size);
	ssize_t n = recv(link->fd, buf, size, 0);

	if (n > 0)
		p2p_conn_recv_done(link->conn, (size_t)n, cloop_now_ns());
	else if (n == 0)
		p2p_conn_recv_eof(link->conn, cloop_now_ns());
	else if (errno != EAGAIN && errno != EINTR)
		p2p_conn_io_error(link->conn, errno, cloop_now_ns());
}

static void
do_send(struct link *link)
{
	size_t len;
	const uint8_t *buf;
	ssize_t n;

	do {
		buf = p2p_conn_send_buffer(link->conn, &len, cloop_now_ns());
		if (len == 0)
			return;
		n = send(link->fd, buf, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			p2p_conn_io_error(link->conn, errno, cloop_now_ns());
			return;
		}
		p2p_conn_send_done(
		    link->conn, n < 0 ? 0 : (size_t)n, cloop_now_ns());
	} while (n > 0 && (size_t)n == len);
}

static void
serve_link(struct link *link, short events)
{
	if (link->is_connecting && events == 0)
		return;
	link->is_connecting = false;
	if ((events & (POLLIN | POLLHUP | POLLERR)) != 0 &&
	    p2p_conn_wants_read(link->conn))
		do_recv(link);
	if (p2p_conn_next_deadline_ns(link->conn) <= cloop_now_ns())
		p2p_conn_turn(link->conn, cloop_now_ns());
	if (p2p_conn_wants_write(link->conn))
		do_send(link);
	if (p2p_conn_is_closed(link->conn))
		drop_link(link);
}

/* --- the loop ---------------------------------------------------------- */

static short
events_of(const struct link *link)
{
	short events = 0;

	if (link->is_connecting)
		return POLLOUT;
	if (p2p_conn_wants_read(link->conn))
		events |= POLLIN;
	if (p2p_conn_wants_write(link->conn))
		events |= POLLOUT;
	return events;
}

static int
timeout_ms(struct cloop *loop, uint64_t until_ns)
{
	uint64_t now = cloop_now_ns();

	for (size_t i = 0; i < CLOOP_LINKS_MAX; i++) {
		struct link *link = &loop->links[i];
		uint64_t at = link->conn == NULL
				  ? UINT64_MAX
				  : p2p_conn_next_deadline_ns(link->conn);

		if (at < until_ns)
			until_ns = at;
	}
	if (until_ns <= now)
		return 0;
	return (int)((until_ns - now) / 1000000 + 1);
}

static void
wait_once(struct cloop *loop, uint64_t until_ns)
{
	struct pollfd fds[CLOOP_LINKS_MAX + 2];
	char junk[64];

	for (size_t i = 0; i < CLOOP_LINKS_MAX; i++) {
		struct link *link = &loop->links[i];

		fds[i] = (struct pollfd){.fd = link->fd};
		if (link->conn != NULL)
			fds[i].events = events_of(link);
	}
	fds[CLOOP_LINKS_MAX] =
	    (struct pollfd){.fd = loop->listen_fd, .events = POLLIN};
	fds[CLOOP_LINKS_MAX + 1] = (struct pollfd){
	    .fd = loop->is_on_stdin ? STDIN_FILENO : -1, .events = POLLIN};
	if (poll(fds, CLOOP_LINKS_MAX + 2, timeout_ms(loop, until_ns)) < 0 &&
	    errno != EINTR)
		err(2, "poll");
	for (size_t i = 0; i < CLOOP_LINKS_MAX; i++) {
		if (loop->links[i].conn != NULL)
			serve_link(&loop->links[i], fds[i].revents);
	}
	if ((fds[CLOOP_LINKS_MAX].revents & POLLIN) != 0)
		accept_one(loop);
	if (fds[CLOOP_LINKS_MAX + 1].revents != 0 &&
	    read(STDIN_FILENO, junk, sizeof(junk)) <= 0)
		loop->is_over = true;
}

bool
cloop_run(struct cloop *loop, const bool *done, unsigned int seconds)
{
	uint64_t until = cloop_now_ns() + seconds * 1000000000ull;

	while (!*done && !loop->is_over && cloop_now_ns() < until)
		wait_once(loop, until);
	return *done;
}

void
cloop_wait(struct cloop *loop)
{
	wait_once(loop, cloop_now_ns() + 1000000000u);
}

void
cloop_clear(struct cloop *loop)
{
	for (size_t i = 0; i < CLOOP_LINKS_MAX; i++) {
		if (loop->links[i].conn != NULL)
			drop_link(&loop->links[i]);
	}
	if (loop->listen_fd >= 0)
		close(loop->listen_fd);
	p2p_host_free(loop->host);
	EVP_PKEY_free(identity);
}
