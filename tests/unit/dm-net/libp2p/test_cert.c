/* SPDX-License-Identifier: ISC */
#include "tests/unit/dm-net/libp2p/badcert.h"

#include "dm-net/libp2p/cert.h"

#define NOW 1800000000 /* 2027 */

/* Made and checked by go-libp2p for the identity of vectors.h. */
static const char vector_cert[] =
    "308201863082012ba003020102020101300a06082a8648ce3d040302300c310a300806"
    "035504051301313020170d3230303130313030303030305a180f3231323030313031"
    "3030303030305a300c310a30080603550405130131305930130607"
    "2a8648ce3d020106082a8648ce3d03010703420004515c3d6eb9e396b904d3feca7f54"
    "fdcd0cc1e997bf375dca515ad0a6c3b4035f4536be3a50f318fbf9a5475902a2215"
    "02bef0d57e08c53b2cc0a56f17d9f9354a37c307a3078060a2b0601040183a25a0101"
    "046a306804240801122003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1d"
    "dc8664125531b8044046fddb10e82918d7e59412acf6a25771d57c9b32f99bc2f79d"
    "117285e98af7de859faa60f4053e3467ebc8b327909fe4dcabcaea1cbe88c39fde84df"
    "b0ebf602300a06082a8648ce3d0403020349003046022100e363a47678ca704f34d5a0"
    "921cd8af9764b3848163c4494ce945b4e495bbccff022100844c1bf09b71966e4c2e5d"
    "03021e137e631825481e422a4efbd6990a943a0c0a";

static X509 *
parse(const struct bytes *b)
{
	const uint8_t *p = b->at;

	return d2i_X509(NULL, &p, (long)b->len);
}

static void
test_vector(void **state)
{
	struct bytes b = hex(vector_cert);
	X509 *cert = parse(&b);
	struct peer_id id, want = vector_id(), other = other_id();

	assert_non_null(cert);
	assert_int_equal(cert_check(cert, NOW, NULL, &id), CERT_OK);
	assert_true(peer_id_equal(&id, &want));
	assert_int_equal(cert_check(cert, NOW, &want, &id), CERT_OK);
	assert_int_equal(cert_check(cert, NOW, &other, &id), CERT_PEER);
	X509_free(cert);
}

/* Not one bit of it may be changed without notice. */
static void
test_every_bit_counts(void **state)
{
	struct bytes b = hex(vector_cert);
	struct peer_id id, want = vector_id();

	for (size_t i = 0; i < 8 * b.len; i++) {
		X509 *cert;

		b.at[i / 8] ^= (uint8_t)(1 << i % 8);
		cert = parse(&b);
		if (cert != NULL)
			assert_int_not_equal(
			    cert_check(cert, NOW, &want, &id), CERT_OK);
		X509_free(cert);
		b.at[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

static void
test_ours(void **state)
{
	struct p2p_tls_key *key = p2p_tls_key_new();
	struct bytes identity = hex(KEY);
	struct peer_id id, want = vector_id();
	uint8_t spki[P2P_SPKI_LEN], signature[64];
	uint8_t *der = NULL;
	X509 *cert;

	p2p_tls_key_spki(key, spki);
	badcert_sign(SEED, spki, sizeof(spki), signature);
	cert = cert_make(key, identity.at, signature);
	assert_non_null(cert);
	assert_int_equal(cert_check(cert, NOW, &want, &id), CERT_OK);
	/* Whatever our clock, or theirs, says. */
	assert_int_equal(cert_check(cert, 200000000, &want, &id), CERT_OK);
	assert_int_equal(cert_check(cert, 67000000000, &want, &id), CERT_OK);
	/* js looks at the first extension only; one is all there is. */
	assert_int_equal(X509_get_ext_count(cert), 1);
	assert_true(i2d_X509(cert, &der) < 500);
	OPENSSL_free(der);
	X509_free(cert);
	signature[5] ^= 1;
	assert_null(cert_make(key, identity.at, signature));
	p2p_tls_key_free(key);
}

static void
check(const struct badcert *bad, enum cert_error want)
{
	EVP_PKEY *key;
	X509 *cert = badcert_make(bad, &key);
	struct peer_id id;

	assert_int_equal(cert_check(cert, NOW, NULL, &id), want);
	assert_true(strlen(cert_error_text(want)) > 13);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void
test_kinds_of_key(void **state)
{
	check(&(struct badcert){0}, CERT_OK);
	check(&(struct badcert){.key = EVP_EC_gen("P-384"), .md = EVP_sha384()},
	    CERT_OK);
	check(
	    &(struct badcert){.key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")},
	    CERT_OK);
	check(&(struct badcert){.key = EVP_EC_gen("P-521")}, CERT_KEY);
	check(&(struct badcert){.key = EVP_EC_gen("secp256k1")}, CERT_KEY);
	check(&(struct badcert){.key = EVP_RSA_gen(2048)}, CERT_ALGORITHM);
	check(&(struct badcert){.md = EVP_sha1()}, CERT_ALGORITHM);
	check(&(struct badcert){.md = EVP_sha512()}, CERT_ALGORITHM);
}

static void
test_extensions(void **state)
{
	check(&(struct badcert){.is_critical = true}, CERT_OK);
	check(&(struct badcert){.foreign = 1}, CERT_OK);
	check(&(struct badcert){.foreign = 2}, CERT_CRITICAL);
	check(&(struct badcert){.extensions = -1}, CERT_NO_EXTENSION);
	check(&(struct badcert){.extensions = 1}, CERT_EXTENSION);
	check(&(struct badcert){.has_long_value = true}, CERT_EXTENSION);
	check(&(struct badcert){.has_bad_binding = true}, CERT_BINDING);
	check(&(struct badcert){.has_small_key = true}, CERT_IDENTITY);
}

static void
test_signer(void **state)
{
	EVP_PKEY *other = EVP_EC_gen("P-256");

	check(&(struct badcert){.signer = other}, CERT_SIGNATURE);
	EVP_PKEY_free(other);
}

static void
test_dates(void **state)
{
	struct badcert expired = {.not_after = "20260101000000Z"};
	struct badcert early = {.not_before = "20990101000000Z"};
	struct peer_id id;
	EVP_PKEY *key;
	X509 *cert;

	check(&expired, CERT_DATE);
	check(&early, CERT_DATE);
	/* While our own clock is wrong, nobody's dates are judged. */
	cert = badcert_make(&expired, &key);
	assert_int_equal(cert_check(cert, 0, NULL, &id), CERT_OK);
	X509_free(cert);
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vector),
	    cmocka_unit_test(test_every_bit_counts),
	    cmocka_unit_test(test_ours),
	    cmocka_unit_test(test_kinds_of_key),
	    cmocka_unit_test(test_extensions),
	    cmocka_unit_test(test_signer),
	    cmocka_unit_test(test_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
