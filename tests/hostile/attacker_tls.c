/* SPDX-License-Identifier: ISC */
#include "tests/hostile/attacker.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#define LIBP2P_OID "1.3.6.1.4.1.53594.1.1"

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
void
attacker_tls(struct attacker *a, enum flaw flaw, const char *alpn)
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
	for (int i = flaw == FLAW_TWO		   ? 1
		     : flaw == FLAW_EXPLICIT_CHAIN ? 10
						   : 0;
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
	       !attacker_is_over(a))
		attacker_result(a, ret);
	X509_free(cert);
	EVP_PKEY_free(key);
	SSL_CTX_free(c);
}

void
attacker_to_tls(struct attacker *a)
{
	char answer[32];
	size_t have = 0;

	attacker_put_text(a, TLS);
	while (have < sizeof(answer) && !attacker_is_over(a))
		have += attacker_take(a, answer + have, sizeof(answer) - have);
}

void
attacker_to_muxer(struct attacker *a)
{
	attacker_to_tls(a);
	attacker_tls(a, FLAW_NONE, "\x06libp2p");
}

void
attacker_to_yamux(struct attacker *a)
{
	attacker_to_tls(a);
	attacker_tls(a, FLAW_NONE, "\x0c/yamux/1.0.0");
}
