/* SPDX-License-Identifier: ISC */
/*
 * Certificates, good and bad ones, made with OpenSSL apart from cert.c, for the
 * identity of vectors.h.
 */
#ifndef TESTS_LIBP2P_BADCERT_H
#define TESTS_LIBP2P_BADCERT_H

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "dm-net/libp2p/host.h"
#include "tests/unit/dm-net/libp2p/vectors.h"

/* What is to be wrong about it; all zero: nothing. */
struct badcert {
	EVP_PKEY *key;	  /* of the certificate; NULL: a fresh P-256 one */
	EVP_PKEY *signer; /* signs it; NULL: its own key */
	const EVP_MD *md; /* NULL: sha256; for ed25519 none is used */
	int extensions;	  /* how many of libp2p's: 1 + this */
	bool is_critical;
	bool has_bad_binding;
	bool has_small_key; /* an identity of small order */
	bool has_long_value;
	int foreign; /* another extension: 1, critical: 2 */
	const char *not_before, *not_after;
};

static inline EVP_PKEY *
badcert_identity(const char *seed)
{
	struct bytes b = hex(seed);

	return EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_ED25519, NULL, b.at, b.len);
}

static inline void
badcert_sign(const char *seed, const uint8_t *spki, size_t spki_len,
    uint8_t signature[static 64])
{
	uint8_t text[21 + 1024];
	EVP_PKEY *key = badcert_identity(seed);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = 64;

	memcpy(text, P2P_TLS_SIGN_PREFIX, 21);
	memcpy(text + 21, spki, spki_len);
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
	assert_int_equal(
	    EVP_DigestSign(ctx, signature, &len, text, 21 + spki_len), 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
}

static inline void
badcert_extend(X509 *cert, const char *oid_text, const uint8_t *p, size_t len,
    int critical)
{
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	ASN1_OBJECT *oid = OBJ_txt2obj(oid_text, 1);
	X509_EXTENSION *ext;

	ASN1_OCTET_STRING_set(octets, p, (int)len);
	ext = X509_EXTENSION_create_by_OBJ(NULL, oid, critical, octets);
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
	ASN1_OBJECT_free(oid);
	ASN1_OCTET_STRING_free(octets);
}

static inline void
badcert_bind(X509 *cert, const struct badcert *bad)
{
	struct bytes value = hex("30680424" KEY_PROTO "0440");
	uint8_t *spki = NULL;
	int spki_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);

	if (bad->has_small_key) {
		memset(value.at + 8, 0, 32);
		value.at[8] = 1;
	}
	badcert_sign(SEED, spki, (size_t)spki_len, value.at + value.len);
	value.len += 64;
	if (bad->has_bad_binding)
		value.at[value.len - 1] ^= 1;
	if (bad->has_long_value)
		value.at[value.len++] = 0;
	for (int i = 0; i < 1 + bad->extensions; i++)
		badcert_extend(cert, "1.3.6.1.4.1.53594.1.1", value.at,
		    value.len, bad->is_critical);
	OPENSSL_free(spki);
}

/* `*key` is its key, for the caller to free. */
static inline X509 *
badcert_make(const struct badcert *bad, EVP_PKEY **key)
{
	X509 *cert = X509_new();
	bool is_plain; /* ed25519 signs without a digest */

	*key = bad->key != NULL ? bad->key : EVP_EC_gen("P-256");
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 5);
	ASN1_TIME_set_string(X509_getm_notBefore(cert),
	    bad->not_before != NULL ? bad->not_before : "20200101000000Z");
	ASN1_TIME_set_string(X509_getm_notAfter(cert),
	    bad->not_after != NULL ? bad->not_after : "21200101000000Z");
	X509_set_pubkey(cert, *key);
	if (bad->foreign > 0)
		badcert_extend(cert, "1.2.3.4.5", (const uint8_t *)"\5\0", 2,
		    bad->foreign == 2);
	badcert_bind(cert, bad);
	is_plain =
	    EVP_PKEY_is_a(bad->signer != NULL ? bad->signer : *key, "ED25519");
	assert_int_not_equal(
	    X509_sign(cert, bad->signer != NULL ? bad->signer : *key,
		is_plain	  ? NULL
		: bad->md != NULL ? bad->md
				  : EVP_sha256()),
	    0);
	return cert;
}

#endif
