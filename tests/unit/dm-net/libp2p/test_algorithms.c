/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/algorithms.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "tests/unit/dm-net/libp2p/badcert.h"

/* The certificate as TLS would decode it. */
static X509 *
decode(OSSL_LIB_CTX *context, X509 *cert)
{
	X509 *decoded = X509_new_ex(context, NULL);
	uint8_t *der = NULL;
	const uint8_t *p;
	int len = i2d_X509(cert, &der);

	p = der;
	assert_non_null(d2i_X509(&decoded, &p, len));
	OPENSSL_free(der);
	return decoded;
}

static bool
decodes(EVP_PKEY *of)
{
	struct algorithms algorithms;
	EVP_PKEY *key;
	X509 *cert = badcert_make(&(struct badcert){.key = of}, &key);
	X509 *decoded;
	bool has_key;

	algorithms_init(&algorithms);
	decoded = decode(algorithms.context, cert);
	has_key = X509_get0_pubkey(decoded) != NULL;
	if (has_key)
		assert_int_equal(
		    X509_verify(decoded, X509_get0_pubkey(decoded)), 1);
	X509_free(decoded);
	X509_free(cert);
	EVP_PKEY_free(key);
	algorithms_clear(&algorithms);
	ERR_clear_error();
	return has_key;
}

static void
test_keys_of_certificates(void **state)
{
	assert_true(decodes(EVP_EC_gen("P-256")));
	assert_true(decodes(EVP_EC_gen("P-384")));
	assert_true(decodes(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")));
	assert_false(decodes(EVP_RSA_gen(2048)));
}

static bool
has_digest(OSSL_LIB_CTX *context, const char *name)
{
	EVP_MD *md = EVP_MD_fetch(context, name, NULL);

	EVP_MD_free(md);
	ERR_clear_error();
	return md != NULL;
}

static void
test_nothing_else(void **state)
{
	struct algorithms algorithms;

	algorithms_init(&algorithms);
	assert_true(has_digest(algorithms.context, "SHA256"));
	assert_false(has_digest(algorithms.context, "SHA1"));
	assert_false(has_digest(algorithms.context, "MD5"));
	/* what the program does elsewhere is not limited */
	assert_true(has_digest(NULL, "MD5"));
	algorithms_clear(&algorithms);
	assert_true(has_digest(NULL, "MD5"));
}

static void
test_random_bytes(void **state)
{
	struct algorithms algorithms;
	uint8_t a[4096] = {0}, b[4096] = {0};

	algorithms_init(&algorithms);
	assert_int_equal(
	    RAND_bytes_ex(algorithms.context, a, sizeof(a), 0), 1);
	assert_int_equal(
	    RAND_priv_bytes_ex(algorithms.context, b, sizeof(b), 0), 1);
	assert_memory_not_equal(a, b, sizeof(a));
	for (size_t i = 0; i < sizeof(a) - 16; i++)
		assert_memory_not_equal(a + i, (uint8_t[16]){0}, 16);
	algorithms_clear(&algorithms);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keys_of_certificates),
	    cmocka_unit_test(test_nothing_else),
	    cmocka_unit_test(test_random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
