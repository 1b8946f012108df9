/* SPDX-License-Identifier: ISC */
/*
 * The smallest node of libp2p(3): prints its address, serves /echo/1.0.0, a
 * stream at a time, and every host's ping, to one connection after the other.
 */
#include <netinet/in.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dm-net/libp2p/host.h"

static uint8_t echo[4096]; /* what came, and has not gone back */
static size_t echo_len;
static bool is_eof;

static void
on_open(struct p2p_stream *s)
{
	echo_len = is_eof = 0;
}

/* The stream keeps the bytes that are not taken, and grants no window for
 * them. */
static size_t
on_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	if (len > sizeof(echo) - echo_len)
		len = sizeof(echo) - echo_len;
	memcpy(echo + echo_len, data, len);
	echo_len += len;
	p2p_stream_want_write(s);
	return len;
}

static void
on_eof(struct p2p_stream *s)
{
	is_eof = true;
	p2p_stream_want_write(s);
}

static size_t
on_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	size_t n = echo_len < room ? echo_len : room;

	memcpy(out, echo, n);
	memmove(echo, echo + n, echo_len - n);
	echo_len -= n;
	if (echo_len == 0 && is_eof)
		p2p_stream_shutdown(s);
	p2p_stream_want_read(s);
	return n;
}

static const struct p2p_stream_handlers handlers = {
    on_open, on_data, on_eof, on_writable, NULL};

static struct p2p_host *
host_new(void)
{
	static const struct p2p_callbacks callbacks; /* all are welcome */
	struct p2p_tls_key *key = p2p_tls_key_new();
	EVP_PKEY *identity = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t text[21 + P2P_SPKI_LEN] = P2P_TLS_SIGN_PREFIX;
	uint8_t public[32], signature[64];
	size_t len = 32, signature_len = 64;
	struct p2p_host *host;

	p2p_tls_key_spki(key, text + 21);
	EVP_PKEY_get_raw_public_key(identity, public, &len);
	EVP_DigestSignInit(md, NULL, NULL, NULL, identity);
	EVP_DigestSign(md, signature, &signature_len, text, sizeof(text));
	host = p2p_host_new(&(struct p2p_host_config){
	    key, public, signature, "echo", &callbacks, NULL});
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(identity);
	p2p_tls_key_free(key);
	p2p_host_serve(host, "/echo/1.0.0", P2P_CLASS_SYNC, 1, &handlers, NULL);
	return host;
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The owner of a connection moves its bytes and keeps its time. */
static void
turn(struct p2p_conn *c, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	const uint8_t *out;
	size_t len;
	ssize_t n;

	p.events |= p2p_conn_wants_write(c) ? POLLOUT : 0;
	poll(&p, 1, p2p_conn_next_deadline_ns(c) <= now_ns() ? 0 : 100);
	if ((p.revents & ~POLLOUT) != 0) {
		n = recv(fd, p2p_conn_recv_buffer(c, &len), 16384, 0);
		p2p_conn_recv_done(c, n > 0 ? (size_t)n : 0, now_ns());
		if (n <= 0)
			p2p_conn_recv_eof(c, now_ns());
	}
	p2p_conn_turn(c, now_ns());
	out = p2p_conn_send_buffer(c, &len, now_ns());
	if (len == 0)
		return;
	n = send(fd, out, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	p2p_conn_send_done(c, n > 0 ? (size_t)n : 0, now_ns());
}

int
main(void)
{
	struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
	struct sockaddr_in sin = {AF_INET, 0, loopback, {0}};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0), peer_fd;
	struct p2p_host *host;
	struct p2p_conn *c;
	char id[PEER_ID_TEXT_SIZE];

	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	host = host_new();
	if (bind(fd, (void *)&sin, len) != 0 || listen(fd, 16) != 0 ||
	    getsockname(fd, (void *)&sin, &len) != 0)
		return 1;
	peer_id_format(p2p_host_peer_id(host), id);
	dprintf(1, "/ip4/127.0.0.1/tcp/%u/p2p/%s\n", ntohs(sin.sin_port), id);
	while ((peer_fd = accept(fd, NULL, NULL)) >= 0) {
		c = p2p_conn_new(
		    host, P2P_LISTENER, NULL, NULL, now_ns(), NULL);
		while (!p2p_conn_is_closed(c))
			turn(c, peer_fd);
		p2p_conn_free(c);
		close(peer_fd);
	}
	return 1;
}
