/* SPDX-License-Identifier: ISC */
/*
 * tls_load is what p2p_load is measured against: OpenSSL alone over blocking
 * loopback sockets, two processes, with the same certificates and the same
 * checks of them, and no multistream, yamux or event loop.
 *
 *	tls_load stream MIB		prints MB/s
 *	tls_load handshake SECONDS PARALLEL
 *		TCP, both sides' handshake, one byte back; prints connections
 *		a second
 *	tls_load echo SECONDS
 *		128 bytes there and back, one at a time, without TLS; prints
 *		round trips a second
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dm-net/libp2p/cert.h"

#define PARALLEL_MAX 16
#define IO_BYTES (128 * 1024)
#define ECHO_BYTES 128

static double
now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* --- TLS as libp2p has it --------------------------------------------- */

static X509 *
certificate(const struct p2p_tls_key *key)
{
	EVP_PKEY *identity = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t text[sizeof(P2P_TLS_SIGN_PREFIX) - 1 + P2P_SPKI_LEN];
	uint8_t public_key[32], signature[64];
	size_t len = sizeof(public_key), signature_len = sizeof(signature);
	X509 *cert;

	memcpy(text, P2P_TLS_SIGN_PREFIX, sizeof(text) - P2P_SPKI_LEN);
	p2p_tls_key_spki(key, text + sizeof(text) - P2P_SPKI_LEN);
	if (EVP_PKEY_get_raw_public_key(identity, public_key, &len) != 1 ||
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, identity) != 1 ||
	    EVP_DigestSign(
		ctx, signature, &signature_len, text, sizeof(text)) != 1)
		errx(1, "signing failed");
	cert = cert_make(key, public_key, signature);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(identity);
	return cert;
}

static int
on_verify(X509_STORE_CTX *store, void *arg)
{
	struct peer_id peer;

	return cert_check(X509_STORE_CTX_get0_cert(store), time(NULL), NULL,
		   &peer) == CERT_OK;
}

static SSL_CTX *
context(void)
{
	struct p2p_tls_key *key = p2p_tls_key_new();
	X509 *cert = certificate(key);
	SSL_CTX *c = SSL_CTX_new(TLS_method());

	SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION);
	SSL_CTX_set_ciphersuites(c, "TLS_AES_128_GCM_SHA256");
	SSL_CTX_set1_groups_list(c, "X25519");
	SSL_CTX_set_num_tickets(c, 0);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(
	    c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(c, on_verify, NULL);
	SSL_CTX_use_certificate(c, cert);
	SSL_CTX_use_PrivateKey(c, cert_key(key));
	X509_free(cert);
	p2p_tls_key_free(key);
	return c;
}

static SSL *
start(SSL_CTX *c, int fd, bool is_server)
{
	SSL *ssl = SSL_new(c);
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	SSL_set_fd(ssl, fd);
	if ((is_server ? SSL_accept(ssl) : SSL_connect(ssl)) != 1)
		errx(1, "the handshake failed");
	return ssl;
}

static void
end(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	SSL_free(ssl);
	close(fd);
}

/* --- sockets ---------------------------------------------------------- */

static int
listener(struct sockaddr_in *sin)
{
	socklen_t len = sizeof(*sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*sin = (struct sockaddr_in){.sin_family = AF_INET};
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)sin, len) != 0 ||
	    listen(fd, 64) != 0 ||
	    getsockname(fd, (struct sockaddr *)sin, &len) != 0)
		err(1, "listen");
	return fd;
}

static int
dial(const struct sockaddr_in *sin)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)sin, sizeof(*sin)) != 0)
		err(1, "connect");
	return fd;
}

/* A child that serves until it is killed. */
static pid_t
server(int listen_fd, void (*serve)(SSL *))
{
	pid_t pid = fork();
	SSL_CTX *c;

	if (pid < 0)
		err(1, "fork");
	if (pid > 0)
		return pid;
	c = context();
	for (;;) {
		int fd = accept(listen_fd, NULL, NULL);
		SSL *ssl;

		if (fd < 0)
			err(1, "accept");
		ssl = start(c, fd, true);
		serve(ssl);
		end(ssl);
	}
}

static void
serve_byte(SSL *ssl)
{
	char byte = 'y';

	SSL_write(ssl, &byte, 1);
	SSL_read(ssl, &byte, 1);
}

static void
serve_bytes(SSL *ssl)
{
	static char buf[IO_BYTES];
	char byte = 'y';
	uint64_t left;
	size_t n;

	if (SSL_read_ex(ssl, &left, sizeof(left), &n) != 1 || n != sizeof(left))
		errx(1, "no count came");
	for (; left > 0; left -= n) {
		if (SSL_read_ex(ssl, buf, sizeof(buf), &n) != 1)
			errx(1, "too few bytes came");
	}
	SSL_write(ssl, &byte, 1);
	SSL_read(ssl, &byte, 1);
}

/* --- measuring -------------------------------------------------------- */

static void
measure_stream(const struct sockaddr_in *sin, uint64_t bytes)
{
	static char buf[IO_BYTES];
	SSL_CTX *c = context();
	SSL *ssl = start(c, dial(sin), false);
	double start_s = now_s();
	uint64_t left = bytes;
	size_t n;

	memset(buf, 'x', sizeof(buf));
	if (SSL_write_ex(ssl, &bytes, sizeof(bytes), &n) != 1)
		errx(1, "write");
	for (; left > 0; left -= n) {
		size_t len = left < sizeof(buf) ? (size_t)left : sizeof(buf);

		if (SSL_write_ex(ssl, buf, len, &n) != 1)
			errx(1, "write");
	}
	if (SSL_read_ex(ssl, buf, 1, &n) != 1)
		errx(1, "not all bytes arrived");
	printf("%.1f\n", (double)bytes / 1e6 / (now_s() - start_s));
	end(ssl);
	SSL_CTX_free(c);
}

static uint64_t
handshakes(const struct sockaddr_in *sin, double until_s)
{
	SSL_CTX *c = context();
	uint64_t done = 0;
	char byte;

	for (; now_s() < until_s; done++) {
		SSL *ssl = start(c, dial(sin), false);

		if (SSL_read(ssl, &byte, 1) != 1)
			errx(1, "no byte came");
		end(ssl);
	}
	SSL_CTX_free(c);
	return done;
}

/* Each of the parallel dialers is a process. */
static void
measure_handshake(const struct sockaddr_in *sin, double seconds, int parallel)
{
	double start_s = now_s();
	uint64_t done = 0, one;
	int fds[2];

	if (pipe(fds) != 0)
		err(1, "pipe");
	for (int i = 0; i < parallel; i++) {
		if (fork() != 0)
			continue;
		one = handshakes(sin, start_s + seconds);
		if (write(fds[1], &one, sizeof(one)) != sizeof(one))
			err(1, "write");
		_exit(0);
	}
	for (int i = 0; i < parallel; i++) {
		if (read(fds[0], &one, sizeof(one)) != sizeof(one))
			err(1, "read");
		done += one;
	}
	printf("%.1f\n", (double)done / (now_s() - start_s));
}

/* --- without TLS ------------------------------------------------------ */

static void
pass_on(int fd, uint8_t buf[static ECHO_BYTES])
{
	if (send(fd, buf, ECHO_BYTES, MSG_NOSIGNAL) != ECHO_BYTES ||
	    recv(fd, buf, ECHO_BYTES, MSG_WAITALL) != ECHO_BYTES)
		err(1, "echo");
}

static pid_t
echo_server(int listen_fd)
{
	uint8_t buf[ECHO_BYTES];
	pid_t pid = fork();
	int fd, one = 1;

	if (pid != 0)
		return pid;
	fd = accept(listen_fd, NULL, NULL);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (recv(fd, buf, ECHO_BYTES, MSG_WAITALL) == ECHO_BYTES)
		for (;;)
			pass_on(fd, buf);
	_exit(1);
}

static void
measure_echo(const struct sockaddr_in *sin, double seconds)
{
	double begin = now_s(), until = begin + seconds;
	uint8_t buf[ECHO_BYTES] = {0};
	int fd = dial(sin);
	unsigned count;

	for (count = 0; now_s() < until; count++)
		pass_on(fd, buf);
	printf("%.1f\n", count / (now_s() - begin));
}

static int
echo(double seconds)
{
	struct sockaddr_in sin;
	pid_t pid = echo_server(listener(&sin));

	measure_echo(&sin, seconds);
	fflush(stdout);
	kill(pid, SIGKILL);
	return 0;
}

int
main(int argc, char **argv)
{
	bool is_stream = argc == 3 && strcmp(argv[1], "stream") == 0;
	int parallel = is_stream || argc != 4 ? 1 : atoi(argv[3]);
	struct sockaddr_in sin;
	pid_t pids[PARALLEL_MAX];
	int fd;

	if (argc == 3 && strcmp(argv[1], "echo") == 0)
		return echo(atoi(argv[2]));
	if (!is_stream && (argc != 4 || strcmp(argv[1], "handshake") != 0))
		errx(2, "usage: tls_load stream MIB | "
			"handshake SECONDS PARALLEL | echo SECONDS");
	if (parallel < 1 || parallel > PARALLEL_MAX)
		errx(2, "1 to %d at once", PARALLEL_MAX);
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = listener(&sin);
	for (int i = 0; i < parallel; i++)
		pids[i] = server(fd, is_stream ? serve_bytes : serve_byte);
	if (is_stream)
		measure_stream(&sin, (uint64_t)atoi(argv[2]) << 20);
	else
		measure_handshake(&sin, atoi(argv[2]), parallel);
	fflush(stdout);
	for (int i = 0; i < parallel; i++)
		kill(pids[i], SIGKILL);
	return 0;
}
