/* SPDX-License-Identifier: ISC */
#include "tests/unit/dm-net/libp2p/vectors.h"

static void
all_forms_name_the_same_peer(void **state)
{
	struct bytes key = hex(KEY), proto = hex(KEY_PROTO), bytes = hex(ID);
	struct peer_id want = vector_id(), id;
	char text[PEER_ID_TEXT_SIZE];

	assert_memory_equal(want.bytes, bytes.at, bytes.len);
	assert_memory_equal(peer_id_key(&want), key.at, key.len);
	assert_memory_equal(peer_id_key_proto(&want), proto.at, proto.len);
	peer_id_format(&want, text);
	assert_string_equal(text, ID_TEXT);

	assert_true(peer_id_from_key_proto(&id, proto.at, proto.len));
	assert_true(peer_id_equal(&id, &want));
	assert_true(peer_id_from_bytes(&id, bytes.at, bytes.len));
	assert_true(peer_id_equal(&id, &want));
	assert_true(peer_id_parse(&id, ID_TEXT, strlen(ID_TEXT)));
	assert_true(peer_id_equal(&id, &want));
	assert_true(peer_id_parse(&id, ID_CID, strlen(ID_CID)));
	assert_true(peer_id_equal(&id, &want));
}

static void
refuses_other_texts(void **state)
{
	static const char *const bad[] = {
	    "",
	    "1",
	    "b",
	    /* another type of id: RSA, the hash of its key */
	    "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
	    "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeS",
	    "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSBB",
	    "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfe0B",
	    " 12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB",
	    /* CIDv1: another codec, a digit too few, a bad digit */
	    "bafyaajaiaejcaa5ba677htqqxyoxbxiy45f4bglh4tldbg5fbvpr3xegmqjfk"
	    "mny",
	    "bafzaajaiaejcaa5ba677htqqxyoxbxiy45f4bglh4tldbg5fbvpr3xegmqjfk"
	    "mn",
	    "bafzaajaiaejcaa5ba677htqqxyoxbxiy45f4bglh4tldbg5fbvpr3xegmqjfk"
	    "mn1",
	};
	struct peer_id id;

	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(peer_id_parse(&id, bad[i], strlen(bad[i])));
}

/* No key but the 36-byte ed25519 form is even looked into. */
static void
refuses_other_keys(void **state)
{
	static const char *const bad[] = {
	    "08001220" KEY,    /* RSA */
	    "08021220" KEY,    /* secp256k1 */
	    "08011221" KEY,    /* a length that lies */
	    "1220" KEY "0801", /* the other order */
	    "0881001220" KEY,  /* a varint with more bytes than needed */
	    "08011220" KEY "00",
	    "",
	};
	struct bytes proto = hex(KEY_PROTO);
	struct peer_id id;

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct bytes b = hex(bad[i]);

		assert_false(peer_id_from_key_proto(&id, b.at, b.len));
	}
	for (size_t n = 0; n < proto.len; n++)
		assert_false(peer_id_from_key_proto(&id, proto.at, n));
}

/* For these one signature is good for every message. */
static void
refuses_weak_keys(void **state)
{
	/* clang-format off */
	static const char *const bad[] = {
		"0100000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000080",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000080",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
		/* not canonical: p, p + 1, 2^255 - 1 */
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	};
	/* clang-format on */
	struct bytes fine = hex(
	    "ebffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
	uint8_t bytes[PEER_ID_BYTES];
	struct peer_id id = vector_id();

	memcpy(bytes, id.bytes, sizeof(bytes));
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct bytes b = hex(bad[i]);

		assert_false(peer_id_from_key(&id, b.at));
		memcpy(bytes + 6, b.at, b.len);
		assert_false(peer_id_from_bytes(&id, bytes, sizeof(bytes)));
	}
	assert_true(peer_id_from_key(&id, fine.at));
}

static void
orders_by_bytes(void **state)
{
	struct peer_id a = other_id(), b = vector_id();

	assert_true(peer_id_compare(&a, &b) < 0);
	assert_true(peer_id_compare(&b, &a) > 0);
	assert_int_equal(peer_id_compare(&a, &a), 0);
	assert_false(peer_id_equal(&a, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_forms_name_the_same_peer),
	    cmocka_unit_test(refuses_other_texts),
	    cmocka_unit_test(refuses_other_keys),
	    cmocka_unit_test(refuses_weak_keys),
	    cmocka_unit_test(orders_by_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
