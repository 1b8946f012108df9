/* SPDX-License-Identifier: ISC */
#include "tests/unit/dm-net/libp2p/vectors.h"

#include <openssl/evp.h>

#include "dm-net/libp2p/pb.h"
#include "dm-net/libp2p/peer_record.h"
#include "dm-net/libp2p/peer_record_open.h"

/* Signs with the key of the vectors. */
static void
sign(const uint8_t *message, size_t message_len,
    uint8_t signature[ENVELOPE_SIGNATURE_BYTES])
{
	struct bytes seed = hex(SEED);
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_ED25519, NULL, seed.at, seed.len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = ENVELOPE_SIGNATURE_BYTES;

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
	assert_int_equal(
	    EVP_DigestSign(ctx, signature, &len, message, message_len), 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
}

/* Signs a payload, whatever it is, and opens what comes of it. */
static enum peer_record_error
open_payload(struct peer_record *record, struct envelope_bytes payload)
{
	uint8_t message[ENVELOPE_SIGNED_MAX], envelope[ENVELOPE_BYTES_MAX];
	uint8_t signature[ENVELOPE_SIGNATURE_BYTES];
	struct peer_id id = vector_id();
	size_t len;

	len = peer_record_signed(message, sizeof(message), payload);
	assert_int_not_equal(len, 0);
	sign(message, len, signature);
	len = peer_record_seal(
	    envelope, sizeof(envelope), &id, payload, signature);
	assert_int_not_equal(len, 0);
	return peer_record_open(record, envelope, len);
}

static enum peer_record_error
open_hex(struct peer_record *record, const char *text)
{
	struct bytes b = hex(text);

	return open_payload(record, (struct envelope_bytes){b.at, b.len});
}

static void
makes_the_bytes_of_the_vector(void **state)
{
	struct bytes payload = hex(RECORD), message = hex(RECORD_SIGNED);
	struct bytes want = hex(ENVELOPE), signature = hex(RECORD_SIGNATURE);
	struct envelope_bytes made = {payload.at, payload.len};
	struct multiaddr_raw addrs[] = {vector_addr("/ip4/127.0.0.1/tcp/4001"),
	    vector_addr("/ip6/::1/tcp/4001")};
	struct peer_id id = vector_id();
	uint8_t out[PEER_RECORD_ENVELOPE_MAX];
	uint8_t signature_made[ENVELOPE_SIGNATURE_BYTES];

	assert_int_equal(
	    peer_record_payload(out, sizeof(out), &id, 1, addrs, 2),
	    payload.len);
	assert_memory_equal(out, payload.at, payload.len);
	assert_int_equal(
	    peer_record_signed(out, sizeof(out), made), message.len);
	assert_memory_equal(out, message.at, message.len);
	sign(out, message.len, signature_made);
	assert_memory_equal(signature_made, signature.at, signature.len);
	assert_int_equal(
	    peer_record_seal(out, sizeof(out), &id, made, signature.at),
	    want.len);
	assert_memory_equal(out, want.at, want.len);
	/* One byte too few in each. */
	assert_int_equal(
	    peer_record_payload(out, payload.len - 1, &id, 1, addrs, 2), 0);
	assert_int_equal(peer_record_signed(out, message.len - 1, made), 0);
	assert_int_equal(
	    peer_record_seal(out, want.len - 1, &id, made, signature.at), 0);
}

static void
opens_the_vector(void **state)
{
	struct bytes b = hex(ENVELOPE);
	struct peer_id id = vector_id();
	struct peer_record record;
	struct multiaddr_raw want = vector_addr("/ip6/::1/tcp/4001");

	assert_int_equal(
	    peer_record_open(&record, b.at, b.len), PEER_RECORD_OK);
	assert_true(peer_id_equal(&record.id, &id));
	assert_int_equal(record.seq, 1);
	assert_int_equal(record.addr_count, 2);
	assert_true(multiaddr_equal(&record.addrs[1], &want));
}

/* Each bit of the envelope counts. */
static void
every_changed_byte_is_noticed(void **state)
{
	struct bytes b = hex(ENVELOPE);
	struct peer_record record;

	for (size_t i = 0; i < b.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			b.at[i] ^= (uint8_t)(1 << bit);
			assert_int_not_equal(
			    peer_record_open(&record, b.at, b.len),
			    PEER_RECORD_OK);
			b.at[i] ^= (uint8_t)(1 << bit);
		}
	}
	for (size_t n = 0; n < b.len; n++)
		assert_int_not_equal(
		    peer_record_open(&record, b.at, n), PEER_RECORD_OK);
}

static void
says_what_is_wrong(void **state)
{
	struct bytes b = hex(ENVELOPE);
	struct bytes rsa = hex("0a0408001200120203011a0010012a00");
	struct bytes other_type =
	    hex("0a24" KEY_PROTO "120203021a4e" RECORD "2a40" RECORD_SIGNATURE);
	static uint8_t large[ENVELOPE_BYTES_MAX + 1];
	struct peer_record record;

	b.at[b.len - 1] ^= 1;
	assert_int_equal(
	    peer_record_open(&record, b.at, b.len), PEER_RECORD_SIGNATURE);
	assert_int_equal(
	    peer_record_open(&record, rsa.at, rsa.len), PEER_RECORD_ENVELOPE);
	assert_int_equal(
	    peer_record_open(&record, other_type.at, other_type.len),
	    PEER_RECORD_ENVELOPE);
	assert_int_equal(
	    peer_record_open(&record, NULL, 0), PEER_RECORD_ENVELOPE);
	assert_int_equal(peer_record_open(&record, large, sizeof(large)),
	    PEER_RECORD_ENVELOPE);
	/* Signed as it should be, but not a record of the signer. */
	assert_int_equal(
	    open_hex(&record, "0a26" OTHER_ID "1001"), PEER_RECORD_PEER);
	assert_int_equal(open_hex(&record, ""), PEER_RECORD_MALFORMED);
	assert_int_equal(open_hex(&record, "1001"), PEER_RECORD_MALFORMED);
	assert_int_equal(open_hex(&record, "0a26" ID), PEER_RECORD_MALFORMED);
	assert_int_equal(
	    open_hex(&record, "0a26" ID "10011a020a05"), PEER_RECORD_MALFORMED);
	assert_int_equal(
	    open_hex(&record, "0a26" ID "1001ff"), PEER_RECORD_MALFORMED);
	for (int e = PEER_RECORD_OK; e <= PEER_RECORD_PEER; e++)
		assert_true(strlen(peer_record_error_text(
				(enum peer_record_error)e)) > 0);
}

/* What we cannot read, or what names another peer, is left out. */
static void
skips_bad_addresses(void **state)
{
	struct multiaddr_raw want = vector_addr("/ip4/127.0.0.1/tcp/4001");
	struct peer_record record;

	assert_int_equal(open_hex(&record, "0a26" ID "1001"
					   "1a040a02ffff" /* unknown protocol */
					   "1a00"	  /* no address */
					   "1a330a31" ADDR4 "a50326" OTHER_ID
					   "1a330a31" ADDR4 "a50326" ID),
	    PEER_RECORD_OK);
	assert_int_equal(record.addr_count, 1);
	assert_true(multiaddr_equal(&record.addrs[0], &want));
}

/* `count` addresses, all different; with a sequence of `seq`. */
static size_t
many(uint8_t *out, size_t out_size, size_t count)
{
	struct peer_id id = vector_id();
	struct pb_writer w;

	pb_write_init(&w, out, out_size);
	pb_write_bytes(&w, 1, id.bytes, sizeof(id.bytes));
	pb_write_uint(&w, 2, INT64_MAX);
	for (size_t i = 0; i < count; i++) {
		uint8_t addr[] = {4, 127, 0, 0, (uint8_t)i, 6, 1, 1};

		pb_write_head(&w, 3, pb_bytes_size(sizeof(addr)));
		pb_write_bytes(&w, 1, addr, sizeof(addr));
	}
	assert_false(w.is_full);
	return w.len;
}

static void
keeps_a_bounded_number_of_addresses(void **state)
{
	uint8_t payload[ENVELOPE_PAYLOAD_MAX];
	struct envelope_bytes p = {payload, 0};
	struct peer_record record;

	p.len = many(payload, sizeof(payload), PEER_RECORD_ADDRS_READ_MAX);
	assert_int_equal(open_payload(&record, p), PEER_RECORD_OK);
	assert_int_equal(record.addr_count, PEER_RECORD_ADDRS_MAX);
	assert_int_equal(record.seq, INT64_MAX);
	p.len = many(payload, sizeof(payload), PEER_RECORD_ADDRS_READ_MAX + 1);
	assert_int_equal(open_payload(&record, p), PEER_RECORD_MALFORMED);
}

/* The sizes in the header are enough for the largest record. */
static void
largest_record_fits(void **state)
{
	static struct multiaddr_raw addrs[PEER_RECORD_ADDRS_MAX + 1];
	uint8_t payload[PEER_RECORD_PAYLOAD_MAX];
	struct envelope_bytes p = {payload, 0};
	struct peer_id id = vector_id();
	struct peer_record record;

	for (size_t i = 0; i < COUNT(addrs); i++) {
		addrs[i].len = MULTIADDR_BYTES_MAX;
		addrs[i].bytes[0] = 53;
		addrs[i].bytes[1] = 0xfa;
		addrs[i].bytes[2] = 0x01;
		memset(addrs[i].bytes + 3, 'a', 250);
		for (size_t at = 10; at < 250; at += 50)
			addrs[i].bytes[at] = '.';
		memcpy(addrs[i].bytes + 253, "\x06\x01\x01", 3);
	}
	p.len = peer_record_payload(payload, sizeof(payload), &id, INT64_MAX,
	    addrs, PEER_RECORD_ADDRS_MAX / 2);
	assert_int_not_equal(p.len, 0);
	assert_int_equal(open_payload(&record, p), PEER_RECORD_OK);
	assert_int_equal(record.addr_count, PEER_RECORD_ADDRS_MAX / 2);
	assert_int_equal(peer_record_payload(payload, sizeof(payload), &id, 1,
			     addrs, PEER_RECORD_ADDRS_MAX / 2 + 1),
	    0);
	for (size_t i = 0; i < COUNT(addrs); i++)
		assert_int_equal(multiaddr_from_text(&addrs[i],
				     "/ip6/2001:db8::1/tcp/65535", 26),
		    MULTIADDR_OK);
	p.len = peer_record_payload(payload, sizeof(payload), &id, INT64_MAX,
	    addrs, PEER_RECORD_ADDRS_MAX);
	assert_int_not_equal(p.len, 0);
	assert_int_equal(open_payload(&record, p), PEER_RECORD_OK);
	assert_int_equal(record.addr_count, PEER_RECORD_ADDRS_MAX);
	assert_int_equal(peer_record_payload(payload, sizeof(payload), &id, 1,
			     addrs, PEER_RECORD_ADDRS_MAX + 1),
	    0);
	assert_int_equal(peer_record_payload(payload, sizeof(payload), &id,
			     (uint64_t)INT64_MAX + 1, addrs, 1),
	    0);
}

/* A signature for one purpose is no signature for another. */
static void
envelope_is_for_one_domain(void **state)
{
	struct bytes b = hex(ENVELOPE);
	struct envelope env;

	assert_int_equal(envelope_open(&env, b.at, b.len, "libp2p-other",
			     peer_record_type()),
	    ENVELOPE_SIGNATURE);
	assert_int_equal(envelope_open(&env, b.at, b.len, PEER_RECORD_DOMAIN,
			     peer_record_type()),
	    ENVELOPE_OK);
	assert_int_equal(env.payload_len, 0x4e);
	envelope_clear(&env);
	assert_null(env.payload);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(makes_the_bytes_of_the_vector),
	    cmocka_unit_test(opens_the_vector),
	    cmocka_unit_test(every_changed_byte_is_noticed),
	    cmocka_unit_test(says_what_is_wrong),
	    cmocka_unit_test(skips_bad_addresses),
	    cmocka_unit_test(keeps_a_bounded_number_of_addresses),
	    cmocka_unit_test(largest_record_fits),
	    cmocka_unit_test(envelope_is_for_one_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
