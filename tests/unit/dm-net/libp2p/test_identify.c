/* SPDX-License-Identifier: ISC */
#include "tests/unit/dm-net/libp2p/vectors.h"

#include "dm-net/libp2p/identify.h"
#include "dm-net/libp2p/pb.h"

static struct identify got;

static enum identify_error
decode(const char *text, bool is_push)
{
	struct bytes b = hex(text);
	struct peer_id id = vector_id();

	return identify_decode(&got, b.at, b.len, &id, is_push);
}

static void
makes_the_bytes_of_the_vector(void **state)
{
	static const char *const protocols[] = {
	    IDENTIFY_PROTOCOL, IDENTIFY_PUSH_PROTOCOL, "/ipfs/ping/1.0.0"};
	struct bytes want = hex(IDENTIFY), envelope = hex(ENVELOPE);
	struct peer_id id = vector_id();
	struct multiaddr_raw addrs[] = {vector_addr("/ip4/127.0.0.1/tcp/4001"),
	    vector_addr("/ip6/::1/tcp/4001")};
	struct multiaddr_raw observed = vector_addr("/ip4/127.0.0.1/tcp/50000");
	struct identify_self self = {.id = &id,
	    .agent_version = "dmd/0",
	    .protocols = protocols,
	    .protocol_count = COUNT(protocols),
	    .listen_addrs = addrs,
	    .listen_addr_count = COUNT(addrs),
	    .observed = &observed,
	    .record = {envelope.at, envelope.len}};
	uint8_t out[IDENTIFY_ENCODED_MAX + 2];

	assert_int_equal(identify_encode(out, sizeof(out), &self), want.len);
	assert_memory_equal(out, want.at, want.len);
	assert_int_equal(identify_encode(out, want.len - 1, &self), 0);
}

static void
reads_the_vector(void **state)
{
	struct bytes b = hex(IDENTIFY), envelope = hex(ENVELOPE);
	struct peer_id id = vector_id();
	struct multiaddr_raw first = vector_addr("/ip4/127.0.0.1/tcp/4001");
	struct multiaddr_raw seen = vector_addr("/ip4/127.0.0.1/tcp/50000");

	assert_int_equal(
	    identify_decode(&got, b.at, b.len, &id, false), IDENTIFY_OK);
	assert_true(got.has_key);
	assert_string_equal(got.agent_version, "dmd/0");
	assert_string_equal(got.protocol_version, "ipfs/0.1.0");
	assert_int_equal(got.protocol_count, 3);
	assert_true(identify_has_protocol(&got, IDENTIFY_PUSH_PROTOCOL));
	assert_false(identify_has_protocol(&got, "/ipfs/ping/1.0"));
	assert_int_equal(got.addr_count, 2);
	assert_true(multiaddr_equal(&got.addrs[0], &first));
	assert_true(got.has_observed);
	assert_true(multiaddr_equal(&got.observed, &seen));
	assert_true(got.has_record);
	assert_int_equal(got.record_seq, 1);
	assert_int_equal(got.record.len, envelope.len);
	assert_ptr_equal(got.record.bytes, b.at + b.len - envelope.len);
	for (size_t n = 1; n < b.len; n++)
		assert_int_equal(identify_decode(&got, b.at, n, &id, false),
		    IDENTIFY_TRUNCATED);
}

/* go sends its signed record in a message of its own. */
static void
merges_messages(void **state)
{
	assert_int_equal(decode("300a24" KEY_PROTO "1208047f000001060fa2"
				/* the second message: the record only */
				"bf0142bc01" ENVELOPE,
			     false),
	    IDENTIFY_OK);
	assert_true(got.has_record);
	assert_int_equal(got.addr_count, 2);
	/* The key may come in any of them, and protocols add up. */
	assert_int_equal(decode("041a022f61"
				"081a022f611a022f62"
				"260a24" KEY_PROTO,
			     false),
	    IDENTIFY_OK);
	assert_int_equal(got.protocol_count, 2);
	assert_string_equal(got.protocols[1], "/b");
	assert_int_equal(decode("00000000000000000000", true), IDENTIFY_OK);
	assert_int_equal(
	    decode("0000000000000000000000", true), IDENTIFY_TOO_LONG);
}

static void
key_must_be_the_peers(void **state)
{
	assert_int_equal(
	    decode("260a2408011220" OTHER_KEY, false), IDENTIFY_KEY);
	assert_int_equal(
	    decode("260a2408011220" OTHER_KEY, true), IDENTIFY_KEY);
	assert_int_equal(
	    decode("260a2408001220" KEY, false), IDENTIFY_KEY); /* RSA */
	assert_int_equal(decode("020a00", false), IDENTIFY_KEY);
	assert_int_equal(decode("041a022f61", false), IDENTIFY_NO_KEY);
	assert_int_equal(decode("041a022f61", true), IDENTIFY_OK);
	assert_int_equal(decode("", false), IDENTIFY_EMPTY);
	assert_int_equal(decode("", true), IDENTIFY_EMPTY);
	for (int e = IDENTIFY_OK; e <= IDENTIFY_KEY; e++)
		assert_true(
		    strlen(identify_error_text((enum identify_error)e)) > 0);
}

/* js appends /p2p and our id to the address it sees. */
static void
strips_peer_ids(void **state)
{
	struct multiaddr_raw want = vector_addr("/ip4/127.0.0.1/tcp/4001");

	assert_int_equal(decode("59"
				"0a24" KEY_PROTO "2231" ADDR4 "a50326" ID,
			     false),
	    IDENTIFY_OK);
	assert_true(got.has_observed);
	assert_true(multiaddr_equal(&got.observed, &want));
	assert_int_equal(decode("59"
				"0a24" KEY_PROTO "1231" ADDR4 "a50326" ID,
			     false),
	    IDENTIFY_OK);
	assert_int_equal(got.addr_count, 1);
	assert_true(multiaddr_equal(&got.addrs[0], &want));
}

/* A record that does not hold, or of another peer, changes nothing. */
static void
ignores_bad_records(void **state)
{
	struct bytes b = hex("300a24" KEY_PROTO "1208" ADDR4);
	struct bytes record = hex("bf0142bc01" ENVELOPE);
	struct bytes push = hex("0a1208" ADDR4);
	struct peer_id id = vector_id(), other = other_id();

	memcpy(b.at + b.len, record.at, record.len);
	b.len += record.len;
	b.at[b.len - 1] ^= 1;
	assert_int_equal(
	    identify_decode(&got, b.at, b.len, &id, false), IDENTIFY_OK);
	assert_false(got.has_record);
	assert_null(got.record.bytes);
	assert_int_equal(got.addr_count, 1);

	memcpy(push.at + push.len, record.at, record.len);
	push.len += record.len;
	assert_int_equal(identify_decode(&got, push.at, push.len, &other, true),
	    IDENTIFY_OK);
	assert_false(got.has_record);
	assert_int_equal(got.addr_count, 1);
}

static void
skips_what_it_cannot_keep(void **state)
{
	struct multiaddr_raw want = vector_addr("/ip4/127.0.0.1/tcp/4001");

	assert_int_equal(
	    decode("54"
		   "0a24" KEY_PROTO "1202ffff" /* unknown address */
		   "1200"
		   "1208" ADDR4 "1208" ADDR4 /* twice */
		   "2202ffff"
		   "1a041b5b316d" /* an escape sequence */
		   "1a00"
		   "32020a61" /* a newline in the agent */
		   "2a02c3a4",
		false),
	    IDENTIFY_OK);
	assert_int_equal(got.addr_count, 1);
	assert_true(multiaddr_equal(&got.addrs[0], &want));
	assert_false(got.has_observed);
	assert_int_equal(got.protocol_count, 0);
	assert_string_equal(got.agent_version, "");
	assert_string_equal(got.protocol_version, "");
}

/* One push with `count` different protocols and addresses, in `out`. */
static size_t
many(uint8_t *out, size_t out_size, size_t protocol_count, size_t addr_count)
{
	static uint8_t message[IDENTIFY_BYTES_MAX];
	struct pb_writer w, framed;
	char protocol[16];

	pb_write_init(&w, message, sizeof(message));
	for (size_t i = 0; i < protocol_count; i++) {
		snprintf(protocol, sizeof(protocol), "/p/%zu", i);
		pb_write_bytes(&w, 3, protocol, strlen(protocol));
	}
	for (size_t i = 0; i < addr_count; i++) {
		uint8_t addr[] = {4, 127, 0, 0, (uint8_t)i, 6, 1, 1};

		pb_write_bytes(&w, 2, addr, sizeof(addr));
	}
	assert_false(w.is_full);
	pb_write_init(&framed, out, out_size);
	pb_write_varint(&framed, w.len);
	pb_write_raw(&framed, message, w.len);
	assert_false(framed.is_full);
	return framed.len;
}

static void
keeps_a_bounded_number(void **state)
{
	static uint8_t b[IDENTIFY_STREAM_MAX + 1];
	struct peer_id id = vector_id();
	size_t len;

	len = many(
	    b, sizeof(b), IDENTIFY_PROTOCOLS_READ_MAX, IDENTIFY_ADDRS_READ_MAX);
	assert_int_equal(identify_decode(&got, b, len, &id, true), IDENTIFY_OK);
	assert_int_equal(got.protocol_count, IDENTIFY_PROTOCOLS_MAX);
	assert_int_equal(got.addr_count, IDENTIFY_ADDRS_MAX);
	len = many(b, sizeof(b), IDENTIFY_PROTOCOLS_READ_MAX + 1, 0);
	assert_int_equal(
	    identify_decode(&got, b, len, &id, true), IDENTIFY_MALFORMED);
	len = many(b, sizeof(b), 0, IDENTIFY_ADDRS_READ_MAX + 1);
	assert_int_equal(
	    identify_decode(&got, b, len, &id, true), IDENTIFY_MALFORMED);
	memset(b, 0, sizeof(b));
	assert_int_equal(
	    identify_decode(&got, b, sizeof(b), &id, true), IDENTIFY_TOO_LONG);
	memcpy(b, "\x81\x40", 2); /* a length of 8193 */
	assert_int_equal(
	    identify_decode(&got, b, 100, &id, true), IDENTIFY_TOO_LONG);
	memcpy(b, "\x80\x00", 2);
	assert_int_equal(
	    identify_decode(&got, b, 100, &id, true), IDENTIFY_MALFORMED);
	memcpy(b, "\x02\x0b\x0c", 3); /* a group */
	assert_int_equal(
	    identify_decode(&got, b, 3, &id, true), IDENTIFY_MALFORMED);
}

/* What is too much to say is not said, rather than cut. */
static void
writes_no_long_message(void **state)
{
	static const char *protocols[IDENTIFY_PROTOCOLS_MAX + 1];
	static char protocol[IDENTIFY_TEXT_MAX + 1];
	struct peer_id id = vector_id();
	struct identify_self self = {.id = &id,
	    .agent_version = "dmd/0",
	    .protocols = protocols,
	    .protocol_count = IDENTIFY_PROTOCOLS_MAX};
	uint8_t out[IDENTIFY_ENCODED_MAX + 2];

	memset(protocol, 'p', sizeof(protocol) - 1);
	for (size_t i = 0; i < COUNT(protocols); i++)
		protocols[i] = protocol;
	assert_int_equal(identify_encode(out, sizeof(out), &self), 0);
	protocol[100] = '\0';
	assert_int_not_equal(identify_encode(out, sizeof(out), &self), 0);
	self.protocol_count++;
	assert_int_equal(identify_encode(out, sizeof(out), &self), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(makes_the_bytes_of_the_vector),
	    cmocka_unit_test(reads_the_vector),
	    cmocka_unit_test(merges_messages),
	    cmocka_unit_test(key_must_be_the_peers),
	    cmocka_unit_test(strips_peer_ids),
	    cmocka_unit_test(ignores_bad_records),
	    cmocka_unit_test(skips_what_it_cannot_keep),
	    cmocka_unit_test(keeps_a_bounded_number),
	    cmocka_unit_test(writes_no_long_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
