/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/cert_shape.h"

#include <openssl/core_names.h>

#include "tests/unit/dm-net/libp2p/badcert.h"

#define MESSAGE_MAX 16384

struct message {
	uint8_t at[MESSAGE_MAX];
	size_t len;
};

static void
put_number(struct message *m, size_t at, size_t n)
{
	m->at[at] = (uint8_t)(n >> 16);
	m->at[at + 1] = (uint8_t)(n >> 8);
	m->at[at + 2] = (uint8_t)n;
}

/* The message with this certificate `times` times. */
static void
message_make(struct message *m, const uint8_t *der, size_t len, int times)
{
	static const uint8_t head[8] = {11};

	memcpy(m->at, head, sizeof(head));
	m->len = sizeof(head);
	for (int i = 0; i < times; i++) {
		put_number(m, m->len, len);
		memcpy(m->at + m->len + 3, der, len);
		m->at[m->len + 3 + len] = 0; /* no extensions */
		m->at[m->len + 4 + len] = 0;
		m->len += 5 + len;
	}
	put_number(m, 1, m->len - 4);
	put_number(m, 5, m->len - 8);
}

static void
message_of(struct message *m, EVP_PKEY *key, int times)
{
	EVP_PKEY *signer = EVP_EC_gen("P-256");
	X509 *cert = badcert_make(
	    &(struct badcert){.key = key, .signer = signer}, &key);
	uint8_t *der = NULL;
	int len = i2d_X509(cert, &der);

	message_make(m, der, (size_t)len, times);
	OPENSSL_free(der);
	X509_free(cert);
	EVP_PKEY_free(signer);
}

/* In memory of its own size, so that ASan sees its end. */
static enum cert_error
look(const uint8_t *at, size_t len, struct cert_shape *shape)
{
	uint8_t *copy = malloc(len + (len == 0));
	enum cert_error error;

	memcpy(copy, at, len);
	error = cert_shape_look(copy, len, shape);
	free(copy);
	return error;
}

static void
assert_key(EVP_PKEY *key, enum cert_error want, size_t spki_len)
{
	struct cert_shape shape = {0};
	struct message m;

	assert_non_null(key);
	message_of(&m, key, 1);
	assert_int_equal(look(m.at, m.len, &shape), want);
	assert_int_equal(shape.spki_len, spki_len);
	EVP_PKEY_free(key);
}

static void
test_three_forms(void **state)
{
	assert_key(EVP_EC_gen("P-256"), CERT_OK, 91);
	assert_key(EVP_EC_gen("P-384"), CERT_OK, 120);
	assert_key(
	    EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), CERT_OK, 44);
}

/* A key of a curve whose parameters, or point, have another form. */
static EVP_PKEY *
odd_key(const char *curve, const char *encoding, const char *form)
{
	EVP_PKEY *key = EVP_EC_gen(curve);

	if (encoding != NULL)
		assert_int_equal(EVP_PKEY_set_utf8_string_param(
				     key, OSSL_PKEY_PARAM_EC_ENCODING, encoding),
		    1);
	if (form != NULL)
		assert_int_equal(EVP_PKEY_set_utf8_string_param(key,
				     OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
				     form),
		    1);
	return key;
}

static void
test_other_keys(void **state)
{
	assert_key(odd_key("P-256", "explicit", NULL), CERT_KEY, 0);
	assert_key(odd_key("P-224", "explicit", "compressed"), CERT_KEY, 0);
	assert_key(odd_key("P-256", NULL, "compressed"), CERT_KEY, 0);
	assert_key(odd_key("P-384", NULL, "hybrid"), CERT_KEY, 0);
	assert_key(EVP_EC_gen("P-521"), CERT_KEY, 0);
	assert_key(EVP_EC_gen("secp256k1"), CERT_KEY, 0);
	assert_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), CERT_KEY, 0);
	assert_key(EVP_RSA_gen(1024), CERT_KEY, 0);
}

static void
test_one_certificate(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct cert_shape shape;
	struct message m;

	message_of(&m, key, 0);
	assert_int_equal(look(m.at, m.len, &shape), CERT_NONE);
	message_of(&m, key, 2);
	assert_int_equal(look(m.at, m.len, &shape), CERT_CHAIN);
	message_of(&m, key, 19);
	assert_int_equal(look(m.at, m.len, &shape), CERT_CHAIN);
	EVP_PKEY_free(key);
}

static void
test_length(void **state)
{
	static uint8_t der[CERT_BYTES_MAX + 1] = {0x30, 0x82, 0x07, 0xfd};
	struct cert_shape shape;
	struct message m;

	message_make(&m, der, sizeof(der), 1);
	assert_int_equal(look(m.at, m.len, &shape), CERT_LONG);
	message_make(&m, der, sizeof(der) - 1, 1);
	assert_int_equal(look(m.at, m.len, &shape), CERT_FORM);
}

/* Each bit of the lengths around the certificate counts, and of the key's
 * head. */
static void
test_cut_and_changed(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct cert_shape shape = {0}, other;
	struct message m;

	message_of(&m, key, 1);
	assert_int_equal(cert_shape_look(m.at, m.len, &shape), CERT_OK);
	for (size_t len = 0; len < m.len; len++)
		assert_int_equal(look(m.at, len, &other), CERT_FORM);
	for (size_t i = 0; i < 8 * 27; i++) {
		uint8_t *byte = m.at + (shape.spki - m.at) + i / 8;

		*byte ^= (uint8_t)(1 << i % 8);
		assert_int_equal(look(m.at, m.len, &other), CERT_KEY);
		*byte ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < 8 * 16; i++) { /* up to the inner tag */
		m.at[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_not_equal(look(m.at, m.len, &other), CERT_OK);
		m.at[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_three_forms),
	    cmocka_unit_test(test_other_keys),
	    cmocka_unit_test(test_one_certificate),
	    cmocka_unit_test(test_length),
	    cmocka_unit_test(test_cut_and_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
