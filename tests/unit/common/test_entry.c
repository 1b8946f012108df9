/* SPDX-License-Identifier: ISC */
/* The signed text byte for byte, the order of versions, the encoded form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <string.h>

#include "common/entry.h"
#include "common/keys/keys.h"
#include "common/keys/sshsig.h"

static const char empty_hex[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static void
hex(const char *text, uint8_t *out)
{
	size_t len;
	uint8_t *bytes = OPENSSL_hexstr2buf(text, (long *)&len);

	assert_non_null(bytes);
	memcpy(out, bytes, len);
	OPENSSL_free(bytes);
}

static void
make(struct entry *e)
{
	memset(e, 0, sizeof(*e));
	strcpy(e->name, "config.json");
	e->signed_at_ns = UINT64_C(1775831000000000000);
	e->size = 1234;
	memset(e->sha256, 0xa5, 32);
	memset(e->signer, 1, 32);
	memset(e->signature, 2, 64);
}

static void
make_delete(struct entry *e)
{
	make(e);
	e->kind = ENTRY_DELETE;
	e->size = 0;
	hex(empty_hex, e->sha256);
}

static void
sign(struct entry *e, const struct key_pair *pair)
{
	char text[TEXT_LEN_MAX];
	uint8_t bytes[SSHSIG_SIGNED_MAX];
	size_t len;

	memcpy(e->signer, pair->public_key, 32);
	len = sshsig_signed_bytes(text, entry_text(e, text), bytes);
	key_sign(pair, bytes, len, e->signature);
}

static void
assert_text(const struct entry *e, const char *expected)
{
	char text[TEXT_LEN_MAX];
	size_t len = entry_text(e, text);

	assert_int_equal(len, strlen(expected));
	assert_memory_equal(text, expected, len);
}

static void
test_text(void **state)
{
	struct entry e;

	make(&e);
	assert_text(&e, "data-mesher 1\n"
			"kind: file\n"
			"network: -\n"
			"name: config.json\n"
			"signed-at: 1775831000.000000000\n"
			"valid-for: 0\n"
			"size: 1234\n"
			"sha256: a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"
			"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5\n");
	make_delete(&e);
	e.has_network = true;
	e.network[0] = 0xfb;
	e.signed_at_ns = 1;
	assert_text(&e,
	    "data-mesher 1\n"
	    "kind: delete\n"
	    "network: +wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	    "name: config.json\n"
	    "signed-at: 0.000000001\n"
	    "valid-for: 0\n"
	    "size: 0\n"
	    "sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934c"
	    "a495991b7852b855\n");
}

static void
fill_to_limits(struct entry *e)
{
	make(e);
	e->has_network = true;
	memset(e->network, 0xff, 32);
	memset(e->name, 'n', NAME_LEN_MAX);
	e->name[NAME_LEN_MAX] = '\0';
	e->signed_at_ns = SIGNED_AT_NS_MAX;
	e->valid_for_s = (UINT64_MAX - SIGNED_AT_NS_MAX) / 1000000000;
	e->size = UINT64_MAX;
}

static void
test_longest(void **state)
{
	char text[TEXT_LEN_MAX];
	uint8_t buf[ENTRY_SIZE_MAX];
	struct entry e, back;
	size_t len;

	fill_to_limits(&e);
	assert_true(entry_is_sane(&e));
	len = entry_text(&e, text);
	assert_true(memmem(text, len, "\nsigned-at: 4611686018.427387904\n",
			33) != NULL);
	len = entry_encode(&e, buf);
	assert_int_equal(entry_decode(&back, buf, len), len);
	assert_memory_equal(&e, &back, sizeof(e));
	e.valid_for_s++;
	assert_false(entry_is_sane(&e));
}

static void
test_sane(void **state)
{
	struct entry e;

	make(&e);
	assert_true(entry_is_sane(&e));
	e.signed_at_ns = 0;
	assert_false(entry_is_sane(&e));
	e.signed_at_ns = SIGNED_AT_NS_MAX + 1;
	assert_false(entry_is_sane(&e));
	make(&e);
	strcpy(e.name, "../etc/passwd");
	assert_false(entry_is_sane(&e));
	make(&e);
	e.valid_for_s = UINT64_MAX;
	assert_false(entry_is_sane(&e));
	make(&e);
	e.kind = (enum entry_kind)2;
	assert_false(entry_is_sane(&e));
	make_delete(&e);
	assert_true(entry_is_sane(&e));
	e.size = 1;
	assert_false(entry_is_sane(&e));
	make_delete(&e);
	e.valid_for_s = 1;
	assert_false(entry_is_sane(&e));
	make_delete(&e);
	e.sha256[31] ^= 1;
	assert_false(entry_is_sane(&e));
}

/* version = sha256(signer | text): from the definition, by other means. */
static void
test_version(void **state)
{
	uint8_t version[32], expected[32];
	char text[TEXT_LEN_MAX];
	struct entry e;
	size_t len;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	make(&e);
	len = entry_text(&e, text);
	EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	EVP_DigestUpdate(ctx, e.signer, 32);
	EVP_DigestUpdate(ctx, text, len);
	EVP_DigestFinal_ex(ctx, expected, NULL);
	EVP_MD_CTX_free(ctx);
	entry_version(&e, version);
	assert_memory_equal(version, expected, 32);
}

static void
assert_less(const struct entry *a, const struct entry *b)
{
	struct entry_rank ra, rb;

	entry_rank(a, &ra);
	entry_rank(b, &rb);
	assert_true(entry_compare(a, b) < 0);
	assert_true(entry_compare(b, a) > 0);
	assert_true(entry_rank_compare(&ra, &rb) < 0);
	assert_true(entry_rank_compare(&rb, &ra) > 0);
}

static void
test_order(void **state)
{
	uint8_t va[32], vb[32];
	struct entry a, b;

	make(&a);
	make(&b);
	/* the signature is no part of what a version is */
	memset(b.signature, 9, 64);
	assert_int_equal(entry_compare(&a, &b), 0);
	/* time before everything else */
	make_delete(&a);
	make(&b);
	b.signed_at_ns++;
	assert_less(&a, &b);
	/* then delete above file */
	make(&a);
	make_delete(&b);
	assert_less(&a, &b);
	/* then the hash */
	make(&a);
	make(&b);
	b.signer[0] ^= 1;
	entry_version(&a, va);
	entry_version(&b, vb);
	if (memcmp(va, vb, 32) < 0)
		assert_less(&a, &b);
	else
		assert_less(&b, &a);
}

static void
test_expiry(void **state)
{
	struct entry e;

	make(&e);
	assert_int_equal(entry_expires_ns(&e), 0);
	assert_false(entry_is_expired(&e, UINT64_MAX));
	e.valid_for_s = 60;
	assert_int_equal(entry_expires_ns(&e), UINT64_C(1775831060000000000));
	assert_false(entry_is_expired(&e, UINT64_C(1775831059999999999)));
	assert_true(entry_is_expired(&e, UINT64_C(1775831060000000000)));
}

static void
test_round_trip(void **state)
{
	uint8_t buf[ENTRY_SIZE_MAX + 1];
	struct entry e, back;
	size_t len;

	make(&e);
	len = entry_encode(&e, buf);
	/* array of 9, kind 0, nil, str 11 */
	assert_memory_equal(buf,
	    "\x99\x00\xc0\xab"
	    "config.json",
	    15);
	assert_int_equal(entry_decode(&back, buf, len), len);
	assert_memory_equal(&e, &back, sizeof(e));
	/* says where the next one starts */
	buf[len] = 0xff;
	assert_int_equal(entry_decode(&back, buf, len + 1), len);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(entry_decode(&back, buf, cut), 0);
}

static void
test_malformed(void **state)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct entry e, back;
	size_t len;

	make(&e);
	len = entry_encode(&e, buf);
	buf[0] = 0x98; /* eight elements */
	assert_int_equal(entry_decode(&back, buf, len), 0);
	buf[0] = 0x9a;
	assert_int_equal(entry_decode(&back, buf, len), 0);
	entry_encode(&e, buf);
	buf[1] = 2; /* no such kind */
	assert_int_equal(entry_decode(&back, buf, len), 0);
	buf[1] = 1; /* a delete with content */
	assert_int_equal(entry_decode(&back, buf, len), 0);
	entry_encode(&e, buf);
	buf[4] = '.'; /* a hidden file */
	assert_int_equal(entry_decode(&back, buf, len), 0);
	buf[4] = '\0';
	assert_int_equal(entry_decode(&back, buf, len), 0);
	entry_encode(&e, buf);
	buf[len - 66 + 1] = 63; /* a signature one byte short */
	assert_int_equal(entry_decode(&back, buf, len), 0);
}

static void
test_verify(void **state)
{
	struct key_pair pair;
	struct entry e, f;

	key_generate(&pair);
	make(&e);
	sign(&e, &pair);
	assert_true(entry_verify(&e));
	/* each field is covered */
	f = e, f.kind = ENTRY_DELETE;
	assert_false(entry_verify(&f));
	f = e, f.has_network = true;
	assert_false(entry_verify(&f));
	f = e, f.name[0] = 'C';
	assert_false(entry_verify(&f));
	f = e, f.signed_at_ns++;
	assert_false(entry_verify(&f));
	f = e, f.valid_for_s = 1;
	assert_false(entry_verify(&f));
	f = e, f.size++;
	assert_false(entry_verify(&f));
	f = e, f.sha256[0] ^= 1;
	assert_false(entry_verify(&f));
	f = e, f.signer[0] ^= 1;
	assert_false(entry_verify(&f));
	f = e, f.signature[63] ^= 1;
	assert_false(entry_verify(&f));
}

/* With this key R = the key, S = 0 is a signature of everything. */
static void
test_verify_weak(void **state)
{
	struct entry e;

	make(&e);
	memset(e.signer, 0, 32);
	memset(e.signature, 0, 64);
	e.signer[0] = e.signature[0] = 1;
	assert_false(entry_verify(&e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_longest),
	    cmocka_unit_test(test_sane),
	    cmocka_unit_test(test_version),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_expiry),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_malformed),
	    cmocka_unit_test(test_verify),
	    cmocka_unit_test(test_verify_weak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
