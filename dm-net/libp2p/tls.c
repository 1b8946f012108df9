/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/algorithms.h"
#include "dm-net/libp2p/cert_shape.h"
#include "dm-net/libp2p/judged.h"
#include "dm-net/libp2p/mem.h"

#define ALPN_YAMUX "\x0c/yamux/1.0.0"
#define ALPN_LIBP2P "\x06libp2p"
/* The certificate message of a peer; theirs have about 400 bytes. */
#define CERT_LIST_MAX 8192
/* A record beside its content, and a KeyUpdate that goes before it. */
#define RECORD_ROOM (TLS_PLAIN_MAX + 512)
#define SECOND_NS 1000000000u

struct tls_ctx {
	struct algorithms algorithms;
	SSL_CTX *ssl_ctx;
	BIO_METHOD *bio_method;
	int64_t wall_s;
	enum tls_alpn alpn;
	uint64_t rekey_records;
	struct judged judged;
};

struct tls {
	struct tls_ctx *ctx;
	SSL *ssl;
	struct sendbuf *out;
	const uint8_t *in;
	size_t in_len;
	uint64_t now_ns;
	bool has_expected;
	struct peer_id expected;
	bool has_shape; /* the peer's certificate may be decoded */
	bool has_peer;
	struct peer_id peer;
	uint8_t digest[JUDGED_DIGEST_BYTES]; /* of its certificate */
	enum cert_error cert_error;
	const char *error;
	bool is_alert; /* the error is one that came */
	bool is_up;
	uint64_t records_out; /* under the present key */
	uint64_t records_in;
	unsigned int tokens; /* for messages after the handshake */
	uint64_t token_ns;
	bool is_flood;
};

/* Nearly always there are none, and clearing goes over all places. */
static void
forget_errors(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

/* --- bytes for OpenSSL ------------------------------------------------ */

static int
bio_read(BIO *bio, char *buf, size_t size, size_t *len)
{
	struct tls *tls = BIO_get_data(bio);
	size_t n = size < tls->in_len ? size : tls->in_len;

	BIO_clear_retry_flags(bio);
	if (n == 0) {
		BIO_set_retry_read(bio);
		return 0;
	}
	memcpy(buf, tls->in, n);
	tls->in += n;
	tls->in_len -= n;
	*len = n;
	return 1;
}

static int
bio_write(BIO *bio, const char *buf, size_t size, size_t *len)
{
	struct tls *tls = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (!sendbuf_put(tls->out, buf, size)) {
		BIO_set_retry_write(bio);
		return 0;
	}
	*len = size;
	return 1;
}

static long
bio_ctrl(BIO *bio, int command, long num, void *ptr)
{
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *
bio_method_new(void)
{
	BIO_METHOD *method = mem_need(
	    BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "p2p"));

	BIO_meth_set_read_ex(method, bio_read);
	BIO_meth_set_write_ex(method, bio_write);
	BIO_meth_set_ctrl(method, bio_ctrl);
	return method;
}

/* --- what OpenSSL asks ------------------------------------------------ */

/* All of it each time, but for signatures that were verified before. */
static enum cert_error
judge(struct tls *tls, X509 *cert)
{
	unsigned int len = sizeof(tls->digest);
	enum cert_error error = cert_read(cert, tls->ctx->wall_s,
	    tls->has_expected ? &tls->expected : NULL, &tls->peer);

	if (error != CERT_OK)
		return error;
	if (X509_digest(cert, EVP_sha256(), tls->digest, &len) != 1)
		return CERT_SIGNATURE;
	if (judged_has(&tls->ctx->judged, tls->digest))
		return CERT_OK;
	return cert_prove(cert);
}

/* The whole judgement on a peer's certificate; there is no other. */
static int
on_verify(X509_STORE_CTX *store, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
	    store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls *tls = SSL_get_app_data(ssl);
	X509 *cert = X509_STORE_CTX_get0_cert(store);

	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	if (cert == NULL || !tls->has_shape)
		return 0; /* look_at_certificate() said why */
	tls->cert_error = judge(tls, cert);
	if (tls->cert_error != CERT_OK) {
		tls->error = cert_error_text(tls->cert_error);
		return 0;
	}
	tls->has_peer = true;
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

static bool
is_alpn(const uint8_t *entry, const char *name)
{
	return entry[0] == (uint8_t)name[0] &&
	       memcmp(entry, name, (size_t)entry[0] + 1) == 0;
}

/* The client's first choice that is our muxer, else "libp2p". OpenSSL has
 * checked that the entries are whole. */
static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned int in_len, void *arg)
{
	const unsigned char *plain = NULL;

	for (unsigned int i = 0; i < in_len; i += 1u + in[i]) {
		if (is_alpn(in + i, ALPN_YAMUX)) {
			*out = in + i + 1;
			*out_len = in[i];
			return SSL_TLSEXT_ERR_OK;
		}
		if (plain == NULL && is_alpn(in + i, ALPN_LIBP2P))
			plain = in + i;
	}
	if (plain == NULL)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = plain + 1;
	*out_len = plain[0];
	return SSL_TLSEXT_ERR_OK;
}

/*
 * The peer's Certificate message is here, decrypted and whole, and OpenSSL has
 * not decoded it. A callback for messages cannot refuse one. So a message that
 * must not be decoded is overwritten: it has a context that nobody asked for,
 * the first thing that OpenSSL reads, and an error in every version of it.
 * on_verify() looks at has_shape, should OpenSSL ever come that far.
 */
static void
look_at_certificate(struct tls *tls, uint8_t *message, size_t len)
{
	struct cert_shape shape;

	tls->cert_error = cert_shape_look(message, len, &shape);
	tls->has_shape = tls->cert_error == CERT_OK;
	if (tls->has_shape)
		return;
	tls->error = cert_error_text(tls->cert_error);
	if (len > SSL3_HM_HEADER_LENGTH) {
		message[SSL3_HM_HEADER_LENGTH] = 0xff;
		memset(message + SSL3_HM_HEADER_LENGTH + 1, 0,
		    len - SSL3_HM_HEADER_LENGTH - 1);
	}
}

/* A KeyUpdate costs us key derivations and an answer, a ticket memory. */
static void
count_message(struct tls *tls)
{
	uint64_t earned;

	earned = (tls->now_ns - tls->token_ns) / SECOND_NS;
	tls->token_ns += earned * SECOND_NS;
	if (earned > TLS_MESSAGES_BURST - tls->tokens)
		earned = TLS_MESSAGES_BURST - tls->tokens;
	tls->tokens += (unsigned int)earned;
	if (tls->tokens == 0)
		tls->is_flood = true;
	else
		tls->tokens--;
}

/* OpenSSL lends `buf`, which is its own and not constant. */
static void
on_message(int is_write, int version, int type, const void *buf, size_t len,
    SSL *ssl, void *arg)
{
	struct tls *tls = arg;
	uint8_t *message = (uint8_t *)(uintptr_t)buf;

	if (is_write || type != SSL3_RT_HANDSHAKE || len == 0)
		return;
	if (tls->is_up)
		count_message(tls);
	else if (message[0] == SSL3_MT_CERTIFICATE)
		look_at_certificate(tls, message, len);
}

/* --- context ---------------------------------------------------------- */

static void
need(int ok)
{
	if (ok != 1) {
		ERR_print_errors_fp(stderr);
		abort();
	}
}

struct tls_ctx *
tls_ctx_new(const struct p2p_tls_key *key, X509 *cert)
{
	struct tls_ctx *ctx = mem_new(sizeof(*ctx));
	SSL_CTX *c;

	algorithms_init(&ctx->algorithms);
	c = mem_need(
	    SSL_CTX_new_ex(ctx->algorithms.context, NULL, TLS_method()));
	ctx->ssl_ctx = c;
	ctx->bio_method = bio_method_new();
	ctx->rekey_records = TLS_REKEY_RECORDS;
	need(SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) == 1);
	need(SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) == 1);
	need(SSL_CTX_set_ciphersuites(c,
	    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
	    "TLS_CHACHA20_POLY1305_SHA256"));
	need(SSL_CTX_set1_groups_list(c, "X25519:P-256:P-384") == 1);
	/* RSA is left out: nobody needs it, and rust refuses it too. */
	need(SSL_CTX_set1_sigalgs_list(c,
		 "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ed25519") == 1);
	SSL_CTX_set_options(c,
	    SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION /* since OpenSSL 3.2 */
	SSL_CTX_set_options(c, SSL_OP_NO_RX_CERTIFICATE_COMPRESSION);
#endif
	need(SSL_CTX_set_num_tickets(c, 0));
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	/* Nobody else signed ours, so do not look for a chain each time. */
	SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_max_cert_list(c, CERT_LIST_MAX);
	SSL_CTX_set_verify(
	    c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(c, on_verify, NULL);
	SSL_CTX_set_alpn_select_cb(c, on_alpn, NULL);
	need(SSL_CTX_use_certificate(c, cert));
	need(SSL_CTX_use_PrivateKey(c, cert_key(key)));
	return ctx;
}

void
tls_ctx_free(struct tls_ctx *ctx)
{
	if (ctx == NULL)
		return;
	SSL_CTX_free(ctx->ssl_ctx);
	algorithms_clear(&ctx->algorithms);
	BIO_meth_free(ctx->bio_method);
	free(ctx);
}

void
tls_ctx_set_wall_time(struct tls_ctx *ctx, int64_t unix_s)
{
	ctx->wall_s = unix_s;
}

void
tls_ctx_set_alpn(struct tls_ctx *ctx, enum tls_alpn alpn)
{
	ctx->alpn = alpn;
}

void
tls_ctx_set_rekey(struct tls_ctx *ctx, uint64_t records)
{
	ctx->rekey_records = records;
}

/* --- connection ------------------------------------------------------- */

static void
offer_alpn(struct tls *tls)
{
	static const char both[] = ALPN_YAMUX ALPN_LIBP2P;
	static const char plain[] = ALPN_LIBP2P;
	const char *list = tls->ctx->alpn == TLS_ALPN_MUXER ? both : plain;

	if (tls->ctx->alpn == TLS_ALPN_NONE)
		return;
	/* Returns 0 for success, unlike its siblings. */
	need(SSL_set_alpn_protos(tls->ssl, (const unsigned char *)list,
		 (unsigned int)strlen(list)) == 0);
}

struct tls *
tls_new(struct tls_ctx *ctx, bool is_server, const struct peer_id *expected,
    struct sendbuf *out)
{
	struct tls *tls = mem_new(sizeof(*tls));
	BIO *bio = mem_need(BIO_new(ctx->bio_method));

	tls->ctx = ctx;
	tls->out = out;
	tls->tokens = TLS_MESSAGES_BURST;
	tls->has_expected = expected != NULL;
	if (expected != NULL)
		tls->expected = *expected;
	tls->ssl = mem_need(SSL_new(ctx->ssl_ctx));
	BIO_set_data(bio, tls);
	BIO_set_init(bio, 1);
	SSL_set_bio(tls->ssl, bio, bio);
	SSL_set_app_data(tls->ssl, tls);
	SSL_set_msg_callback(tls->ssl, on_message);
	SSL_set_msg_callback_arg(tls->ssl, tls);
	if (is_server) {
		SSL_set_accept_state(tls->ssl);
	} else {
		SSL_set_connect_state(tls->ssl);
		offer_alpn(tls);
	}
	return tls;
}

void
tls_free(struct tls *tls)
{
	if (tls == NULL)
		return;
	SSL_free(tls->ssl);
	free(tls);
}

void
tls_feed(struct tls *tls, const uint8_t *in, size_t in_len, uint64_t now_ns)
{
	if (tls->now_ns == 0)
		tls->token_ns = now_ns;
	tls->in = in;
	tls->in_len = in_len;
	tls->now_ns = now_ns;
}

/* The meaning of a call that failed. */
static enum tls_status
status_of(struct tls *tls, int ret)
{
	unsigned long code;
	const char *reason;

	switch (SSL_get_error(tls->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANT;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_EOF;
	default:
		break;
	}
	code = ERR_peek_error();
	reason = code == 0 ? NULL : ERR_reason_error_string(code);
	/* an alert that came has its number above this offset */
	if (tls->error == NULL)
		tls->is_alert = ERR_GET_LIB(code) == ERR_LIB_SSL &&
				ERR_GET_REASON(code) > SSL_AD_REASON_OFFSET;
	if (tls->error == NULL)
		tls->error = reason != NULL ? reason : "TLS error";
	forget_errors();
	return TLS_ERROR;
}

enum tls_status
tls_handshake(struct tls *tls)
{
	int ret;

	forget_errors();
	ret = SSL_do_handshake(tls->ssl);
	if (ret != 1)
		return status_of(tls, ret);
	if (!tls->has_peer) { /* on_verify() was not asked? */
		tls->error = "certificate: not judged";
		return TLS_ERROR;
	}
	tls->is_up = true;
	return TLS_OK;
}

/* Each side rekeys what it sends; one that never does is asked to. */
static void
rekey(struct tls *tls)
{
	uint64_t max = tls->ctx->rekey_records;

	if (tls->records_out < max && tls->records_in < max)
		return;
	SSL_key_update(tls->ssl, tls->records_in >= max
				     ? SSL_KEY_UPDATE_REQUESTED
				     : SSL_KEY_UPDATE_NOT_REQUESTED);
	tls->records_out = 0;
	tls->records_in = 0;
}

enum tls_status
tls_read(struct tls *tls, uint8_t *buf, size_t *len)
{
	int ret;

	forget_errors();
	ret = SSL_read_ex(tls->ssl, buf, TLS_PLAIN_MAX, len);
	if (tls->is_flood) {
		tls->error = "too many TLS messages after the handshake";
		return TLS_FLOOD;
	}
	if (ret != 1)
		return status_of(tls, ret);
	tls->records_in++;
	return TLS_OK;
}

bool
tls_can_write(const struct tls *tls)
{
	return sendbuf_room(tls->out) >= RECORD_ROOM;
}

enum tls_status
tls_write(struct tls *tls, const uint8_t *buf, size_t len)
{
	size_t done = 0;
	int ret;

	rekey(tls);
	forget_errors();
	ret = SSL_write_ex(tls->ssl, buf, len, &done);
	if (ret == 1 && done == len) {
		tls->records_out++;
		return TLS_OK;
	}
	status_of(tls, ret);
	return TLS_ERROR;
}

void
tls_close(struct tls *tls)
{
	forget_errors();
	if (tls->is_up && tls->error == NULL)
		SSL_shutdown(tls->ssl);
	forget_errors();
}

const struct peer_id *
tls_peer(const struct tls *tls)
{
	return tls->is_up ? &tls->peer : NULL;
}

bool
tls_has_muxer(const struct tls *tls)
{
	const unsigned char *name;
	unsigned int len;

	SSL_get0_alpn_selected(tls->ssl, &name, &len);
	return len == sizeof(ALPN_YAMUX) - 2 &&
	       memcmp(name, &ALPN_YAMUX[1], len) == 0;
}

void
tls_remember(struct tls *tls)
{
	if (tls->is_up)
		judged_add(&tls->ctx->judged, tls->digest);
}

bool
tls_is_wrong_peer(const struct tls *tls)
{
	return tls->cert_error == CERT_PEER;
}

bool
tls_is_alert(const struct tls *tls)
{
	return tls->is_alert;
}

SSL *
tls_ssl(struct tls *tls)
{
	return tls->ssl;
}

const char *
tls_error(const struct tls *tls)
{
	return tls->error != NULL ? tls->error : "TLS error";
}
