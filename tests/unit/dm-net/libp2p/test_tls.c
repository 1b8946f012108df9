/* SPDX-License-Identifier: ISC */
/* A peer that comes back with a certificate that was judged before, and one
 * whose certificate must not even be decoded. */
#include "dm-net/libp2p/tls.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/ssl.h>

#include "tests/unit/dm-net/libp2p/badcert.h"

#define NOW 1800000000

struct met {
	enum tls_status status;
	bool is_wrong_peer;
	char error[80];
};

static unsigned int n_decoded; /* by both sides */

/* Stands before OpenSSL's own, which libssl calls by its name. */
X509 *
d2i_X509(X509 **cert, const unsigned char **in, long len)
{
	n_decoded++;
	return (X509 *)ASN1_item_d2i(
	    (ASN1_VALUE **)cert, in, len, ASN1_ITEM_rptr(X509));
}

static struct tls_ctx *
node_new(void)
{
	struct p2p_tls_key *key = p2p_tls_key_new();
	uint8_t spki[P2P_SPKI_LEN], signature[64];
	struct bytes identity = hex(KEY_PROTO);
	struct tls_ctx *ctx;
	X509 *cert;

	p2p_tls_key_spki(key, spki);
	badcert_sign(SEED, spki, sizeof(spki), signature);
	cert = cert_make(key, identity.at + 4, signature);
	assert_non_null(cert);
	ctx = tls_ctx_new(key, cert);
	tls_ctx_set_wall_time(ctx, NOW);
	X509_free(cert);
	p2p_tls_key_free(key);
	return ctx;
}

static int
any_cert(X509_STORE_CTX *store, void *arg)
{
	return 1;
}

static SSL *
peer_new(X509 *cert, EVP_PKEY *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	SSL_CTX_set_cert_verify_callback(ctx, any_cert, NULL);
	assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
	ssl = SSL_new(ctx);
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_connect_state(ssl);
	SSL_CTX_free(ctx);
	return ssl;
}

/* Two flights there, one back. */
static void
shake_hands(struct tls *tls, struct sendbuf *out, SSL *peer, struct met *met)
{
	uint8_t in[16384];

	for (int i = 0; i < 2; i++) {
		int n;

		SSL_do_handshake(peer);
		n = BIO_read(SSL_get_wbio(peer), in, sizeof(in));
		assert_true(n > 0);
		tls_feed(tls, in, (size_t)n, 1);
		met->status = tls_handshake(tls);
		if (out->len == 0)
			continue;
		BIO_write(
		    SSL_get_rbio(peer), out->bytes + out->head, (int)out->len);
		sendbuf_taken(out, out->len);
	}
}

/* The peer dials, and is remembered if it got in. */
static struct met
meet(struct tls_ctx *ctx, X509 *cert, EVP_PKEY *key,
    const struct peer_id *expected)
{
	struct sendbuf out = {0};
	struct tls *tls = tls_new(ctx, true, expected, &out);
	SSL *peer = peer_new(cert, key);
	struct met met = {0};

	shake_hands(tls, &out, peer, &met);
	met.is_wrong_peer = tls_is_wrong_peer(tls);
	snprintf(met.error, sizeof(met.error), "%s", tls_error(tls));
	tls_remember(tls); /* as if, where it did not get in */
	SSL_free(peer);
	tls_free(tls);
	sendbuf_clear(&out);
	ERR_clear_error();
	return met;
}

/* A key that looks as if it were the certificate's. */
static EVP_PKEY *
forge(EVP_PKEY *key)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *forged = NULL;
	OSSL_PARAM *params;
	uint8_t point[65];
	size_t len;
	BIGNUM *secret = BN_new();

	BN_set_word(secret, 12345);
	EVP_PKEY_get_octet_string_param(
	    key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len);
	OSSL_PARAM_BLD_push_utf8_string(
	    build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
	OSSL_PARAM_BLD_push_octet_string(
	    build, OSSL_PKEY_PARAM_PUB_KEY, point, len);
	OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, secret);
	params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_fromdata_init(ctx);
	assert_int_equal(
	    EVP_PKEY_fromdata(ctx, &forged, EVP_PKEY_KEYPAIR, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	BN_free(secret);
	return forged;
}

static void
test_comes_back(void **state)
{
	struct tls_ctx *ctx = node_new();
	EVP_PKEY *key, *forged;
	X509 *cert = badcert_make(&(struct badcert){0}, &key);
	struct peer_id other = {0};
	uint8_t other_key[32] = {0};
	struct met met;

	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    meet(ctx, cert, key, NULL).status, TLS_OK);
	/* Whoever has only seen the certificate is not let in. */
	forged = forge(key);
	met = meet(ctx, cert, forged, NULL);
	assert_int_equal(met.status, TLS_ERROR);
	assert_non_null(strstr(met.error, "signature")); /* TLS's own */
	assert_null(strstr(met.error, "certificate"));
	/* A known peer is not any peer. */
	other_key[0] = 9; /* base point of curve25519, any will do */
	assert_true(peer_id_from_key(&other, other_key));
	met = meet(ctx, cert, key, &other);
	assert_int_equal(met.status, TLS_ERROR);
	assert_true(met.is_wrong_peer);
	X509_free(cert);
	EVP_PKEY_free(forged);
	EVP_PKEY_free(key);
	tls_ctx_free(ctx);
}

static void
test_dates_are_judged_each_time(void **state)
{
	struct tls_ctx *ctx = node_new();
	EVP_PKEY *key;
	X509 *cert = badcert_make(
	    &(struct badcert){.not_after = "20300101000000Z"}, &key);

	assert_int_equal(meet(ctx, cert, key, NULL).status, TLS_OK);
	tls_ctx_set_wall_time(ctx, 1893456001); /* 2030-01-01T00:00:01Z */
	assert_int_equal(meet(ctx, cert, key, NULL).status, TLS_ERROR);
	tls_ctx_set_wall_time(ctx, NOW);
	assert_int_equal(meet(ctx, cert, key, NULL).status, TLS_OK);
	X509_free(cert);
	EVP_PKEY_free(key);
	tls_ctx_free(ctx);
}

/* The same key and identity, and yet another certificate. */
static void
test_bad_ones_stay_bad(void **state)
{
	struct tls_ctx *ctx = node_new();
	EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
	const struct badcert kinds[] = {{.key = key},
	    {.key = key, .has_bad_binding = true},
	    {.key = key, .signer = other}};
	X509 *certs[COUNT(kinds)];

	for (size_t i = 0; i < COUNT(kinds); i++)
		certs[i] = badcert_make(&kinds[i], &key);
	for (size_t i = 0; i < 2 * COUNT(kinds); i++)
		assert_int_equal(
		    meet(ctx, certs[i % COUNT(kinds)], key, NULL).status,
		    i % COUNT(kinds) == 0 ? TLS_OK : TLS_ERROR);
	for (size_t i = 0; i < COUNT(kinds); i++)
		X509_free(certs[i]);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	tls_ctx_free(ctx);
}

/* Explicit parameters and compressed points: whoever decodes this computes
 * square roots in a field that the sender chose. */
static EVP_PKEY *
costly_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-224");

	EVP_PKEY_set_utf8_string_param(
	    key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit");
	EVP_PKEY_set_utf8_string_param(
	    key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed");
	return key;
}

/* A peer that sends `cert` and `others` more of it. OpenSSL must see a key
 * that it can use when it is told of it, and sends it as it is then. */
static struct met
meet_costly(struct tls_ctx *ctx, int others)
{
	EVP_PKEY *key, *costly = costly_key();
	X509 *cert = badcert_make(&(struct badcert){0}, &key);
	struct sendbuf out = {0};
	struct tls *tls = tls_new(ctx, true, NULL, &out);
	SSL *peer = peer_new(cert, key);
	struct met met = {0};

	SSL_set_security_level(peer, 0);
	for (int i = 0; i < others; i++)
		assert_int_equal(SSL_add1_chain_cert(peer, cert), 1);
	X509_set_pubkey(cert, costly);
	X509_sign(cert, key, EVP_sha256());
	n_decoded = 0;
	shake_hands(tls, &out, peer, &met);
	snprintf(met.error, sizeof(met.error), "%s", tls_error(tls));
	SSL_free(peer);
	tls_free(tls);
	sendbuf_clear(&out);
	X509_free(cert);
	EVP_PKEY_free(key);
	EVP_PKEY_free(costly);
	ERR_clear_error();
	return met;
}

static void
test_costly_ones_are_not_decoded(void **state)
{
	struct tls_ctx *ctx = node_new();
	EVP_PKEY *key;
	X509 *cert = badcert_make(&(struct badcert){0}, &key);
	struct met met;

	n_decoded = 0; /* the count counts */
	assert_int_equal(meet(ctx, cert, key, NULL).status, TLS_OK);
	assert_int_equal(n_decoded, 2);
	met = meet_costly(ctx, 0);
	assert_int_equal(met.status, TLS_ERROR);
	assert_int_equal(n_decoded, 1); /* ours, by the peer */
	assert_string_equal(
	    met.error, "certificate: a key that is not accepted");
	met = meet_costly(ctx, 10);
	assert_int_equal(met.status, TLS_ERROR);
	assert_int_equal(n_decoded, 1); /* ours, by the peer */
	assert_string_equal(met.error, "certificate: more than one");
	X509_free(cert);
	EVP_PKEY_free(key);
	tls_ctx_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_comes_back),
	    cmocka_unit_test(test_dates_are_judged_each_time),
	    cmocka_unit_test(test_bad_ones_stay_bad),
	    cmocka_unit_test(test_costly_ones_are_not_decoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
