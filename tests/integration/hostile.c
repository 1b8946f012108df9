/* SPDX-License-Identifier: ISC */
/*
 * hostile does one wrong thing to a libp2p listener, and says how it ended:
 *
 *	hostile PORT ATTACK [SECONDS [ADDRESS]]
 *
 * prints "closed PORT" if the other side ended the connection within that time
 * (20 s), else "open PORT", PORT being ours, at ADDRESS (127.0.0.1). It speaks
 * TLS by OpenSSL and writes every other byte itself, so nothing of what is
 * tested helps it. "hostile list" prints the names of the attacks.
 *
 *	hostile listen PORT ATTACK
 *
 * does it to whoever dials it, the peer whose seed is 00 01 .. 1f, and prints
 * the seconds since its start for each; until it is killed.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEADER "\x13/multistream/1.0.0\n"
#define TLS HEADER "\x0b/tls/1.0.0\n"
#define YAMUX HEADER "\x0d/yamux/1.0.0\n"
#define LIBP2P_OID "1.3.6.1.4.1.53594.1.1"
#define FLOOD 200000

enum { DATA, WINDOW, PING, AWAY };
enum { SYN = 1, ACK = 2, FIN = 4, RST = 8 };

struct attacker {
	uint16_t port;
	struct in_addr address; /* ours */
	bool is_listener;
	int fd;
	SSL *ssl;
	bool is_closed; /* by the other side */
	double until_s;
};

/* What is wrong with our certificate. */
enum flaw {
	FLAW_NONE,
	FLAW_ABSENT,
	FLAW_TWO,
	FLAW_EXPLICIT,
	FLAW_EXPLICIT_CHAIN,
	FLAW_RSA,
	FLAW_EXPIRED,
	FLAW_BINDING,
	FLAW_CRITICAL,
	FLAW_NO_EXTENSION,
	FLAW_TLS12,
	FLAW_SELF_SIGNATURE
};

static double
now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static bool
is_over(const struct attacker *a)
{
	return a->is_closed || now_s() >= a->until_s;
}

static void
pause_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* --- bytes ------------------------------------------------------------ */

static void
wait_for(struct attacker *a, short events)
{
	struct pollfd fd = {.fd = a->fd, .events = events};

	if (!is_over(a))
		poll(&fd, 1, 100);
}

/* How many bytes were read or written; 0 if none could be. */
static size_t
result(struct attacker *a, int n)
{
	int error;

	if (n > 0)
		return (size_t)n;
	if (a->ssl == NULL) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			a->is_closed = true;
		return 0;
	}
	error = SSL_get_error(a->ssl, n);
	if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
		a->is_closed = true;
	return 0;
}

static size_t
take(struct attacker *a, void *buf, size_t size)
{
	if (a->ssl != NULL)
		return result(a, SSL_read(a->ssl, buf, (int)size));
	return result(a, (int)recv(a->fd, buf, size, 0));
}

static void
drain(struct attacker *a)
{
	char junk[65536];

	while (!a->is_closed && take(a, junk, sizeof(junk)) > 0)
		;
}

/* All of it, reading meanwhile if `reads`. */
static void
put(struct attacker *a, const void *bytes, size_t len, bool reads)
{
	const char *p = bytes;

	while (len > 0 && !is_over(a)) {
		size_t n = result(
		    a, a->ssl != NULL ? SSL_write(a->ssl, p, (int)len)
				      : (int)send(a->fd, p, len, MSG_NOSIGNAL));

		p += n;
		len -= n;
		if (reads)
			drain(a);
		if (n == 0)
			wait_for(a, reads ? POLLIN | POLLOUT : POLLOUT);
	}
}

/* Past TLS, if that is up. */
static void
put_raw(struct attacker *a, const void *bytes, size_t len)
{
	SSL *ssl = a->ssl;

	a->ssl = NULL;
	put(a, bytes, len, false);
	a->ssl = ssl;
}

static void
put_text(struct attacker *a, const char *text)
{
	put(a, text, strlen(text), false);
}

static void
frame(struct attacker *a, unsigned type, unsigned flags, uint32_t id,
    uint32_t length, bool reads)
{
	uint8_t h[12] = {0, (uint8_t)type, (uint8_t)(flags >> 8),
	    (uint8_t)flags, (uint8_t)(id >> 24), (uint8_t)(id >> 16),
	    (uint8_t)(id >> 8), (uint8_t)id, (uint8_t)(length >> 24),
	    (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length};

	put(a, h, sizeof(h), reads);
}

static void
data(struct attacker *a, unsigned flags, uint32_t id, const void *bytes,
    size_t len)
{
	frame(a, DATA, flags, id, (uint32_t)len, false);
	put(a, bytes, len, false);
}

static void
data_text(struct attacker *a, unsigned flags, uint32_t id, const char *text)
{
	data(a, flags, id, text, strlen(text));
}

static void
until_closed(struct attacker *a)
{
	while (!is_over(a)) {
		drain(a);
		if (!a->is_closed)
			wait_for(a, POLLIN);
	}
}

/* --- getting there ---------------------------------------------------- */

static void
set_timeouts(const struct attacker *a)
{
	struct timeval timeout = {.tv_usec = 50000};

	setsockopt(a->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(a->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
}

static void
dial(struct attacker *a)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_port = htons(a->port)};
	struct sockaddr_in ours = {
	    .sin_family = AF_INET, .sin_addr = a->address};

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (a->fd < 0 ||
	    bind(a->fd, (struct sockaddr *)&ours, sizeof(ours)) != 0 ||
	    connect(a->fd, (struct sockaddr *)&sin, sizeof(sin)) != 0)
		err(2, "connect");
	set_timeouts(a);
}

static void
add_extension(X509 *cert, const char *oid_text, bool is_critical,
    const uint8_t *value, int len)
{
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	ASN1_OBJECT *oid = OBJ_txt2obj(oid_text, 1);
	X509_EXTENSION *ext;

	ASN1_OCTET_STRING_set(octets, value, len);
	ext = X509_EXTENSION_create_by_OBJ(NULL, oid, is_critical, octets);
	X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	ASN1_OBJECT_free(oid);
	ASN1_OCTET_STRING_free(octets);
}

/* A dialer is another one each time. */
static EVP_PKEY *
identity_of(const struct attacker *a)
{
	uint8_t seed[32];

	if (!a->is_listener)
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	for (uint8_t i = 0; i < sizeof(seed); i++)
		seed[i] = i;
	return EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
}

static void
add_identity(
    const struct attacker *a, X509 *cert, EVP_PKEY *key, enum flaw flaw)
{
	static const uint8_t head[] = {0x30, 0x68, 0x04, 0x24, 8, 1, 0x12, 32};
	EVP_PKEY *identity = identity_of(a);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t text[1024] = "libp2p-tls-handshake:", value[106];
	uint8_t *der = text + 21;
	size_t key_len = 32, signature_len = 64;
	int len = 21 + i2d_PUBKEY(key, &der);

	memcpy(value, head, sizeof(head));
	EVP_PKEY_get_raw_public_key(identity, value + 8, &key_len);
	value[40] = 0x04;
	value[41] = 0x40;
	EVP_DigestSignInit(ctx, NULL, NULL, NULL, identity);
	EVP_DigestSign(ctx, value + 42, &signature_len, text, (size_t)len);
	if (flaw == FLAW_BINDING)
		value[60] ^= 1;
	add_extension(cert, LIBP2P_OID, false, value, sizeof(value));
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(identity);
}

static X509 *
certificate(const struct attacker *a, EVP_PKEY *key, enum flaw flaw)
{
	static const uint8_t null[] = {5, 0};
	X509 *cert = X509_new();
	bool is_old = flaw == FLAW_EXPIRED;

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), is_old ? -7200 : -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), is_old ? -3600 : 3600);
	X509_set_pubkey(cert, key);
	if (flaw != FLAW_NO_EXTENSION)
		add_identity(a, cert, key, flaw);
	if (flaw == FLAW_CRITICAL)
		add_extension(cert, "1.2.3.4.5", true, null, sizeof(null));
	X509_sign(cert, key, EVP_sha256());
	if (flaw == FLAW_SELF_SIGNATURE) {
		EVP_PKEY *other = EVP_EC_gen("P-256");

		X509_sign(cert, other, EVP_sha256());
		EVP_PKEY_free(other);
	}
	return cert;
}

static int
choose_alpn(SSL *ssl, const uint8_t **out, uint8_t *out_len, const uint8_t *in,
    unsigned int in_len, void *alpn)
{
	const uint8_t *ours = alpn;

	*out = ours + 1;
	*out_len = ours[0];
	return SSL_TLSEXT_ERR_OK;
}

/*
 * Gives a certificate that OpenSSL has been told to send another key: a curve
 * with explicit parameters and compressed points. Decoding it costs square
 * roots, and for them P-224 has one of the worst primes.
 */
static void
make_explicit(X509 *cert, EVP_PKEY *signer)
{
	EVP_PKEY *key = EVP_EC_gen("P-224");

	EVP_PKEY_set_utf8_string_param(
	    key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit");
	EVP_PKEY_set_utf8_string_param(
	    key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed");
	X509_set_pubkey(cert, key);
	X509_sign(cert, signer, EVP_sha256());
	EVP_PKEY_free(key);
}

/* A handshake, with early choice of yamux unless `alpn` says otherwise. */
static void
tls(struct attacker *a, enum flaw flaw, const char *alpn)
{
	SSL_CTX *c = SSL_CTX_new(TLS_method());
	EVP_PKEY *key = flaw == FLAW_RSA
			    ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
			    : EVP_EC_gen("P-256");
	X509 *cert = certificate(a, key, flaw);
	int ret;

	SSL_CTX_set_max_proto_version(
	    c, flaw == FLAW_TLS12 ? TLS1_2_VERSION : TLS1_3_VERSION);
	SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE |
				SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (flaw != FLAW_ABSENT) {
		SSL_CTX_use_certificate(c, cert);
		SSL_CTX_use_PrivateKey(c, key);
	}
	SSL_CTX_set_security_level(c, 0);
	for (int i = flaw == FLAW_TWO ? 1 : flaw == FLAW_EXPLICIT_CHAIN ? 10 : 0;
	     i > 0; i--)
		SSL_CTX_add1_chain_cert(c, cert);
	if (flaw == FLAW_EXPLICIT || flaw == FLAW_EXPLICIT_CHAIN)
		make_explicit(cert, key);
	a->ssl = SSL_new(c);
	SSL_set_fd(a->ssl, a->fd);
	SSL_set_alpn_protos(
	    a->ssl, (const uint8_t *)alpn, (unsigned int)strlen(alpn));
	SSL_CTX_set_alpn_select_cb(c, choose_alpn, (void *)(uintptr_t)alpn);
	while ((ret = a->is_listener ? SSL_accept(a->ssl)
				     : SSL_connect(a->ssl)) != 1 &&
	       !is_over(a))
		result(a, ret);
	X509_free(cert);
	EVP_PKEY_free(key);
	SSL_CTX_free(c);
}

static void
to_tls(struct attacker *a)
{
	char answer[32];
	size_t have = 0;

	put_text(a, TLS);
	while (have < sizeof(answer) && !is_over(a))
		have += take(a, answer + have, sizeof(answer) - have);
}

static void
to_muxer(struct attacker *a)
{
	to_tls(a);
	tls(a, FLAW_NONE, "\x06libp2p");
}

static void
to_yamux(struct attacker *a)
{
	to_tls(a);
	tls(a, FLAW_NONE, "\x0c/yamux/1.0.0");
}

/* --- attacks: negotiation --------------------------------------------- */

static void
garbage_of(struct attacker *a)
{
	uint8_t junk[4096];

	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (uint8_t)(i * 2654435761u >> 13);
	put(a, junk, sizeof(junk), false);
}

static void
slow_of(struct attacker *a, const char *text)
{
	for (; *text != '\0' && !is_over(a); text++) {
		put(a, text, 1, true);
		for (int i = 0; i < 10 && !is_over(a); i++) {
			pause_ms(100);
			drain(a);
		}
	}
}

static void
proposals_of(struct attacker *a, bool reads)
{
	put_text(a, HEADER);
	for (int i = 0; i < FLOOD && !is_over(a); i++)
		put(a, "\x08/nothin\n", 9, reads);
}

/* clang-format off */
static void plain_garbage(struct attacker *a) { garbage_of(a); }
static void plain_http(struct attacker *a)
    { put_text(a, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); }
static void plain_slow(struct attacker *a) { slow_of(a, TLS); }
static void plain_silent(struct attacker *a) { (void)a; }
static void varint_long(struct attacker *a)
    { put(a, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, false); }
static void varint_large(struct attacker *a) { put(a, "\xff\x7f", 2, false); }
static void varint_not_minimal(struct attacker *a)
    { put(a, "\x93\x00/multistream/1.0.0\n", 21, false); }
static void varint_zero(struct attacker *a) { put(a, "\0", 1, false); }
static void no_newline(struct attacker *a)
    { put_text(a, "\x13/multistream/1.0.0x"); }
static void proposals(struct attacker *a) { proposals_of(a, true); }
static void proposals_unread(struct attacker *a) { proposals_of(a, false); }

static void tls_garbage(struct attacker *a) { to_tls(a); garbage_of(a); }
static void tls_slow(struct attacker *a)
    { to_tls(a); slow_of(a, "\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03ssssssss"); }
static void tls_silent(struct attacker *a) { to_tls(a); }
static void tls_12(struct attacker *a)
    { to_tls(a); tls(a, FLAW_TLS12, "\x06libp2p"); }
static void tls_alpn(struct attacker *a)
    { to_tls(a); tls(a, FLAW_NONE, "\x08http/1.1"); }
#define CERT(name, flaw)						\
	static void name(struct attacker *a)				\
	    { to_tls(a); tls(a, flaw, "\x0c/yamux/1.0.0"); }
CERT(cert_none, FLAW_ABSENT)
CERT(cert_two, FLAW_TWO)
CERT(cert_explicit, FLAW_EXPLICIT)
CERT(cert_explicit_chain, FLAW_EXPLICIT_CHAIN)
CERT(cert_rsa, FLAW_RSA)
CERT(cert_expired, FLAW_EXPIRED)
CERT(cert_binding, FLAW_BINDING)
CERT(cert_critical, FLAW_CRITICAL)
CERT(cert_no_extension, FLAW_NO_EXTENSION)
CERT(cert_self_signature, FLAW_SELF_SIGNATURE)

static void muxer_garbage(struct attacker *a) { to_muxer(a); garbage_of(a); }
static void muxer_slow(struct attacker *a) { to_muxer(a); slow_of(a, YAMUX); }
static void muxer_proposals(struct attacker *a)
    { to_muxer(a); proposals_of(a, true); }
/* clang-format on */

/* --- attacks: yamux --------------------------------------------------- */

struct header {
	uint8_t version, type;
	uint16_t flags;
	uint32_t id, length;
};

static void
one_header(struct attacker *a, struct header h)
{
	uint8_t b[12] = {h.version, h.type, (uint8_t)(h.flags >> 8),
	    (uint8_t)h.flags, 0, 0, 0, (uint8_t)h.id, (uint8_t)(h.length >> 24),
	    (uint8_t)(h.length >> 16), (uint8_t)(h.length >> 8),
	    (uint8_t)h.length};

	to_yamux(a);
	put(a, b, sizeof(b), false);
}

/* clang-format off */
#define ONE(name, ...)							\
	static void name(struct attacker *a)				\
	    { one_header(a, (struct header){__VA_ARGS__}); }
ONE(yamux_version, 1, DATA, SYN, 1, 0)
ONE(yamux_type, 0, 4, 0, 0, 0)
ONE(yamux_flags, 0, DATA, 0x10, 1, 0)
ONE(yamux_syn_ack, 0, WINDOW, SYN | ACK, 1, 0)
ONE(yamux_syn_rst, 0, WINDOW, SYN | RST, 1, 0)
ONE(yamux_parity, 0, WINDOW, SYN, 2, 0)
ONE(yamux_id_0, 0, WINDOW, SYN, 0, 0)
ONE(yamux_data_id_0, 0, DATA, 0, 0, 10)
ONE(yamux_syn_data, 0, DATA, SYN, 1, 262145)
ONE(yamux_length, 0, DATA, 0, 1, 0xffffffff)
ONE(yamux_pong, 0, PING, ACK, 0, 77)
ONE(yamux_ping_id, 0, PING, SYN, 1, 0)
ONE(yamux_ping_flags, 0, PING, 0, 0, 0)
ONE(yamux_away_id, 0, AWAY, 0, 1, 0)
ONE(away_normal, 0, AWAY, 0, 0, 0)
ONE(away_protocol, 0, AWAY, 0, 0, 1)
ONE(away_internal, 0, AWAY, 0, 0, 2)
ONE(away_other, 0, AWAY, 0, 0, 0x1003)

static void yamux_garbage(struct attacker *a) { to_yamux(a); garbage_of(a); }
/* clang-format on */

static void
yamux_reused(struct attacker *a)
{
	to_yamux(a);
	frame(a, WINDOW, SYN, 1, 0, false);
	frame(a, WINDOW, SYN, 1, 0, false);
}

static void
yamux_overflow(struct attacker *a)
{
	to_yamux(a);
	frame(a, WINDOW, SYN, 1, 0xffffffff, false);
}

static void
yamux_overflow_later(struct attacker *a)
{
	to_yamux(a);
	frame(a, WINDOW, SYN, 1, 0x80000000, false);
	frame(a, WINDOW, 0, 1, 0x80000000, false);
}

/* What was said before is a part of the window too. */
static void
yamux_window(struct attacker *a)
{
	to_yamux(a);
	data_text(a, SYN, 1, HEADER "\x11/ipfs/ping/1.0.0\n");
	frame(a, DATA, 0, 1, 262144, false);
}

/* In one record: once the answer to the first frame is out the stream is over,
 * and nobody knows it any more. */
static void
yamux_after_fin(struct attacker *a)
{
	static const char both[] =
	    "\0\0\0\5\0\0\0\1\0\0\0\x26" HEADER
	    "\x11/ipfs/ping/1.0.0\n"
	    "\0\0\0\0\0\0\0\1\0\0\0\4more";

	to_yamux(a);
	put(a, both, sizeof(both) - 1, false);
}

/* Reads until these bytes came. */
static void
await(struct attacker *a, const void *bytes, size_t len)
{
	static char seen[65536];
	size_t have = 0;

	while (!is_over(a) && have < sizeof(seen) &&
	       memmem(seen, have, bytes, len) == NULL)
		have += take(a, seen + have, sizeof(seen) - have);
}

/* Data for a stream that both sides ended: as with any unknown one. */
static void
yamux_after_end(struct attacker *a)
{
	to_yamux(a);
	data_text(a, SYN | FIN, 1, HEADER "\x11/ipfs/ping/1.0.0\n");
	await(a, "\0\1\0\4\0\0\0\1", 8); /* FIN */
	data_text(a, 0, 1, "more");
}

static void
syns_of(struct attacker *a, bool reads)
{
	to_yamux(a);
	for (uint32_t i = 0; i < FLOOD && !is_over(a); i++)
		frame(a, WINDOW, SYN, 2 * i + 1, 0, reads);
}

static void
streams_of(struct attacker *a, bool reads)
{
	to_yamux(a);
	for (uint32_t i = 0; i < FLOOD && !is_over(a); i++) {
		frame(a, WINDOW, SYN, 2 * i + 1, 0, reads);
		frame(a, WINDOW, RST, 2 * i + 1, 0, reads);
	}
}

static void
pings_of(struct attacker *a, bool reads)
{
	to_yamux(a);
	for (uint32_t i = 0; i < 5 * FLOOD && !is_over(a); i++)
		frame(a, PING, SYN, 0, i, reads);
}

static void
yamux_slow(struct attacker *a)
{
	to_yamux(a);
	frame(a, WINDOW, SYN, 1, 0, true);
	until_closed(a);
}

/* Opens as many streams of a protocol as there may be, with a text each. */
static void
many(struct attacker *a, const char *text, size_t len)
{
	to_yamux(a);
	for (uint32_t i = 0; i < 5000 && !is_over(a); i++)
		data(a, SYN, 2 * i + 1, text, len);
}

static void
identify_streams(struct attacker *a)
{
	const char *text = HEADER "\x0f/ipfs/id/1.0.0\n";

	many(a, text, strlen(text));
}

/* The messages are as large as may be, and their parts as many. */
static void
identify_push(struct attacker *a)
{
	static const char head[] = HEADER "\x14/ipfs/id/push/1.0.0\n";
	char text[sizeof(head) + 8200];
	size_t len = sizeof(head) - 1;

	memcpy(text, head, len);
	text[len++] = (char)0xfe; /* 8190 bytes */
	text[len++] = 0x3f;
	for (int i = 0; i < 4095; i++) { /* an empty protocol each */
		text[len++] = 0x1a;
		text[len++] = 0;
	}
	to_yamux(a);
	for (uint32_t i = 0; i < 2000 && !is_over(a); i++)
		data(a, SYN | FIN, 2 * i + 1, text, len);
}

static void
identify_endless(struct attacker *a)
{
	static char block[16000];

	to_yamux(a);
	data_text(a, SYN, 1, HEADER "\x14/ipfs/id/push/1.0.0\n");
	for (int i = 0; i < 1000 && !is_over(a); i++)
		data(a, 0, 1, block, sizeof(block));
}

static void
stream_garbage(struct attacker *a)
{
	to_yamux(a);
	for (uint32_t i = 0; i < 100; i++)
		data(a, SYN, 2 * i + 1, "\xff\xff\xff\xff\xff", 5);
}

/* Asks for answers without end, and reads none of them. */
static void
never_reads(struct attacker *a)
{
	static char block[16384];

	to_yamux(a);
	for (uint32_t i = 0; i < 200; i++)
		data_text(a, SYN, 2 * i + 1, HEADER "\x11/ipfs/ping/1.0.0\n");
	while (!is_over(a)) {
		for (uint32_t i = 0; i < 200 && !is_over(a); i++) {
			frame(a, WINDOW, 0, 2 * i + 1, 1 << 16, false);
			data(a, 0, 2 * i + 1, block, 1024);
		}
	}
}

/* Requests for content as large as a frame, none of which is answered with
 * any. */
static size_t
requests(uint8_t out[static 16384])
{
	static const uint8_t head[] = {54, 0x93, 0xc4, 16};
	size_t len = 0;

	memset(out, 0, 16384);
	for (; len + 55 <= 16384; len += 55) {
		memcpy(out + len, head, sizeof(head));
		out[len + 20] = 0xc4;
		out[len + 21] = 32;
	}
	return len;
}

/* Opens as many streams as there may be, of what is answered one after the
 * other, fills the window of each, and reads nothing. */
static void
hoards(struct attacker *a)
{
	static const char *const protocols[] = {
	    HEADER "\x18/data-mesher/file/1.0.0\n",
	    HEADER "\x11/ipfs/ping/1.0.0\n"};
	uint8_t block[16384];
	size_t len = requests(block);

	to_yamux(a);
	for (uint32_t i = 0; i < 256; i++)
		data_text(a, SYN, 2 * i + 1, protocols[i % 2]);
	for (size_t sent = len; sent < 262000; sent += len)
		for (uint32_t i = 0; i < 256 && !is_over(a); i++)
			data(a, 0, 2 * i + 1, block, len);
	while (!is_over(a))
		pause_ms(100);
}

/* So many frames in one record: what comes in one turn is answered in one. */
static void
data_each(struct attacker *a, uint32_t from, uint32_t end, uint8_t len)
{
	static uint8_t out[16384];
	size_t n = 0;

	for (uint32_t id = from; id < end; id += 2, n += 12u + len) {
		memset(out + n, 0, 12u + len);
		out[n + 6] = (uint8_t)(id >> 8);
		out[n + 7] = (uint8_t)id;
		out[n + 11] = len;
	}
	put(a, out, n, false);
}

/* As many streams as there may be, each with all that may wait on it and no
 * byte more, while answers wait to be sent until no more may wait of these. At
 * the end half a record of TLS. */
static void
hoards_quietly(struct attacker *a)
{
	static const uint8_t half[5 + 16000] = {0x17, 3, 3, 0x41, 0};
	const uint32_t files = 1, pushes = 17, pings = 21, end = 2 * 250 + 1;
	uint8_t block[16384];
	int small = 65536;

	setsockopt(a->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	requests(block);
	to_yamux(a);
	for (uint32_t id = files; id < pushes; id += 2)
		data_text(a, SYN, id, HEADER "\x18/data-mesher/file/1.0.0\n");
	for (uint32_t id = pushes; id < pings; id += 2)
		data_text(a, SYN, id, HEADER "\x14/ipfs/id/push/1.0.0\n");
	for (uint32_t id = pings; id < end; id += 2)
		data_text(a, SYN, id, HEADER "\x11/ipfs/ping/1.0.0\n");
	for (int i = 0; i < 72; i++, pause_ms(10))
		data_each(a, pings, end, 32);
	for (uint32_t id = files; id < pushes; id += 2)
		data(a, 0, id, block, 16384 - 16384 % 55);
	for (uint32_t id = pushes; id < pings; id += 2)
		data(a, 0, id, block, 8000);
	put_raw(a, half, sizeof(half));
	while (!is_over(a))
		pause_ms(100);
}

/* clang-format off */
static void syns(struct attacker *a) { syns_of(a, true); }
static void syns_unread(struct attacker *a) { syns_of(a, false); }
static void streams(struct attacker *a) { streams_of(a, true); }
static void streams_unread(struct attacker *a) { streams_of(a, false); }
static void pings(struct attacker *a) { pings_of(a, true); }
static void pings_unread(struct attacker *a) { pings_of(a, false); }

#define ATTACK(name) {#name, name}
static const struct attack {
	const char *name;
	void (*run)(struct attacker *);
} attacks[] = {
	ATTACK(plain_garbage), ATTACK(plain_http), ATTACK(plain_slow),
	ATTACK(plain_silent), ATTACK(varint_long), ATTACK(varint_large),
	ATTACK(varint_not_minimal), ATTACK(varint_zero), ATTACK(no_newline),
	ATTACK(proposals), ATTACK(proposals_unread),
	ATTACK(tls_garbage), ATTACK(tls_slow), ATTACK(tls_silent),
	ATTACK(tls_12), ATTACK(tls_alpn), ATTACK(cert_none), ATTACK(cert_two),
	ATTACK(cert_explicit), ATTACK(cert_explicit_chain),
	ATTACK(cert_rsa), ATTACK(cert_expired), ATTACK(cert_binding),
	ATTACK(cert_critical), ATTACK(cert_no_extension),
	ATTACK(cert_self_signature),
	ATTACK(muxer_garbage), ATTACK(muxer_slow), ATTACK(muxer_proposals),
	ATTACK(yamux_version), ATTACK(yamux_type), ATTACK(yamux_flags),
	ATTACK(yamux_syn_ack), ATTACK(yamux_syn_rst), ATTACK(yamux_parity),
	ATTACK(yamux_id_0), ATTACK(yamux_data_id_0), ATTACK(yamux_syn_data),
	ATTACK(yamux_length), ATTACK(yamux_pong), ATTACK(yamux_ping_id),
	ATTACK(yamux_ping_flags), ATTACK(yamux_away_id),
	ATTACK(yamux_garbage), ATTACK(yamux_reused), ATTACK(yamux_overflow),
	ATTACK(yamux_overflow_later), ATTACK(yamux_window),
	ATTACK(yamux_after_fin), ATTACK(yamux_after_end), ATTACK(yamux_slow),
	ATTACK(away_normal), ATTACK(away_protocol), ATTACK(away_internal),
	ATTACK(away_other),
	ATTACK(syns), ATTACK(syns_unread), ATTACK(streams),
	ATTACK(streams_unread), ATTACK(pings), ATTACK(pings_unread),
	ATTACK(identify_streams), ATTACK(identify_push),
	ATTACK(identify_endless), ATTACK(stream_garbage), ATTACK(never_reads),
	ATTACK(hoards), ATTACK(hoards_quietly),
};
/* clang-format on */

#define ATTACKS (sizeof(attacks) / sizeof(attacks[0]))

static const struct attack *
find(const char *name)
{
	for (size_t i = 0; i < ATTACKS; i++) {
		if (strcmp(attacks[i].name, name) == 0)
			return &attacks[i];
	}
	errx(2, "%s: no such attack", name);
}

/* --- being dialled ---------------------------------------------------- */

static void
listen_for(struct attacker a, const struct attack *attack)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_port = htons(a.port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	double start_s = now_s();

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0 ||
	    listen(fd, 16) != 0)
		err(2, "listen");
	a.is_listener = true;
	puts("listening");
	for (;;) {
		fflush(stdout);
		a.fd = accept(fd, NULL, NULL);
		if (a.fd < 0)
			err(2, "accept");
		printf("%.3f\n", now_s() - start_s);
		set_timeouts(&a);
		a.ssl = NULL;
		a.is_closed = false;
		a.until_s = now_s() + 20;
		attack->run(&a);
		until_closed(&a);
		SSL_free(a.ssl);
		close(a.fd);
	}
}

int
main(int argc, char **argv)
{
	struct attacker a = {.fd = -1};
	const struct attack *attack;
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (argc == 2 && strcmp(argv[1], "list") == 0) {
		for (size_t i = 0; i < ATTACKS; i++)
			puts(attacks[i].name);
		return 0;
	}
	if (argc < 3)
		errx(2, "usage: hostile PORT ATTACK [SECONDS [ADDRESS]] | "
			"listen PORT ATTACK | list");
	a.address.s_addr = htonl(INADDR_LOOPBACK);
	if (strcmp(argv[1], "listen") == 0 && argc == 4) {
		a.port = (uint16_t)atoi(argv[2]);
		listen_for(a, find(argv[3]));
	}
	attack = find(argv[2]);
	a.port = (uint16_t)atoi(argv[1]);
	a.until_s = now_s() + (argc > 3 ? atoi(argv[3]) : 20);
	if (argc > 4 && inet_pton(AF_INET, argv[4], &a.address) != 1)
		errx(2, "%s: not an address", argv[4]);
	dial(&a);
	getsockname(a.fd, (struct sockaddr *)&sin, &len);
	attack->run(&a);
	until_closed(&a);
	printf("%s %u\n", a.is_closed ? "closed" : "open", ntohs(sin.sin_port));
	return 0;
}
