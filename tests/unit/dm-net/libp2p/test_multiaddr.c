/* SPDX-License-Identifier: ISC */
#include "tests/unit/dm-net/libp2p/vectors.h"

#include <arpa/inet.h>
#include <netinet/in.h>

/* Text and binary, made by go-libp2p. */
static const struct {
	const char *text, *hex;
} pairs[] = {
    {"/ip4/127.0.0.1/tcp/4001", ADDR4},
    {"/ip6/::1/tcp/4001", ADDR6},
    {"/ip6zone/eth0/ip6/fe80::1/tcp/4001",
	"2a046574683029fe800000000000000000000000000001060fa1"},
    {"/dns/example.com/tcp/443", "350b6578616d706c652e636f6d0601bb"},
    {"/dns4/example.com/tcp/443", "360b6578616d706c652e636f6d0601bb"},
    {"/dns6/example.com/tcp/443", "370b6578616d706c652e636f6d0601bb"},
    {"/dnsaddr/example.com", "380b6578616d706c652e636f6d"},
    {"/ip4/192.0.2.1/udp/4001/quic-v1", "04c000020191020fa1cd03"},
    {"/ip4/127.0.0.1/tcp/4001/p2p/" ID_TEXT, ADDR4 "a50326" ID},
    /* Codes that go-multiaddr numbers, put together by hand. */
    {"/ip4/127.0.0.1/tcp/4001/p2p/" ID_TEXT "/p2p-circuit",
	ADDR4 "a50326" ID "a202"},
    {"/dns4/example.com/tcp/443/tls/ws",
	"360b6578616d706c652e636f6d0601bbc003dd03"},
    {"/ip4/127.0.0.1/tcp/4001/wss", ADDR4 "de03"},
    {"/ip4/127.0.0.1/tcp/4001/noise", ADDR4 "c603"},
    {"/ip4/192.0.2.1/udp/4001/quic", "04c000020191020fa1cc03"},
};

static void
text_and_binary_agree(void **state)
{
	char text[MULTIADDR_TEXT_SIZE];
	struct multiaddr_raw raw, from_text;

	for (size_t i = 0; i < COUNT(pairs); i++) {
		struct bytes b = hex(pairs[i].hex);

		from_text = vector_addr(pairs[i].text);
		assert_int_equal(from_text.len, b.len);
		assert_memory_equal(from_text.bytes, b.at, b.len);
		assert_int_equal(
		    multiaddr_from_bytes(&raw, b.at, b.len), MULTIADDR_OK);
		assert_true(multiaddr_equal(&raw, &from_text));
		assert_int_equal(
		    multiaddr_to_text(&raw, text), strlen(pairs[i].text));
		assert_string_equal(text, pairs[i].text);
		/* Cut anywhere, it is refused or ends between two parts. */
		for (size_t n = 0; n < b.len; n++) {
			if (multiaddr_from_bytes(&raw, b.at, n) != MULTIADDR_OK)
				continue;
			multiaddr_to_text(&raw, text);
			assert_memory_equal(text, pairs[i].text, strlen(text));
			assert_int_equal(pairs[i].text[strlen(text)], '/');
		}
	}
}

static void
reads_other_spellings(void **state)
{
	struct multiaddr_raw want =
	    vector_addr("/ip4/127.0.0.1/tcp/4001/p2p/" ID_TEXT);
	struct multiaddr_raw old =
	    vector_addr("/ip4/127.0.0.1/tcp/4001/ipfs/" ID_TEXT);
	struct multiaddr_raw cid =
	    vector_addr("/ip4/127.0.0.1/tcp/4001/p2p/" ID_CID);
	struct multiaddr_raw six = vector_addr("/ip6/0:0:0::1/tcp/4001");
	struct multiaddr_raw short_six = vector_addr("/ip6/::1/tcp/4001");

	assert_true(multiaddr_equal(&want, &old));
	assert_true(multiaddr_equal(&want, &cid));
	assert_true(multiaddr_equal(&six, &short_six));
}

static const struct {
	const char *text;
	enum multiaddr_error error;
} bad_texts[] = {
    {"", MULTIADDR_EMPTY},
    {"/", MULTIADDR_SYNTAX},
    {"ip4/127.0.0.1/tcp/4001", MULTIADDR_SYNTAX},
    {"127.0.0.1:4001", MULTIADDR_SYNTAX},
    {"/ip4", MULTIADDR_SYNTAX},
    {"/ip4/", MULTIADDR_SYNTAX},
    {"/ip4/127.0.0.1/", MULTIADDR_SYNTAX},
    {"/ip4/127.0.0.1//tcp/1", MULTIADDR_SYNTAX},
    {"/ip4/127.0.0.1/tcp", MULTIADDR_SYNTAX},
    {"/ip6zone/eth0", MULTIADDR_SYNTAX},
    {"/ip6zone/eth0/ip4/127.0.0.1/tcp/1", MULTIADDR_SYNTAX},
    {"/ip6zone/eth0/ip6zone/eth0/ip6/::1/tcp/1", MULTIADDR_SYNTAX},
    {"/webtransport", MULTIADDR_PROTOCOL},
    {"/unix/tmp", MULTIADDR_PROTOCOL},
    {"/IP4/127.0.0.1/tcp/1", MULTIADDR_PROTOCOL},
    {"/ip4/127.0.0.256/tcp/1", MULTIADDR_VALUE},
    {"/ip4/127.1/tcp/1", MULTIADDR_VALUE},
    {"/ip4/127.0.0.01/tcp/1", MULTIADDR_VALUE},
    {"/ip4/::1/tcp/1", MULTIADDR_VALUE},
    {"/ip6/127.0.0.1/tcp/1", MULTIADDR_VALUE},
    {"/ip6/fe80::1%eth0/tcp/1", MULTIADDR_VALUE},
    {"/ip4/127.0.0.1/tcp/65536", MULTIADDR_VALUE},
    {"/ip4/127.0.0.1/tcp/99999999999", MULTIADDR_VALUE},
    {"/ip4/127.0.0.1/tcp/-1", MULTIADDR_VALUE},
    {"/ip4/127.0.0.1/tcp/+1", MULTIADDR_VALUE},
    {"/ip4/127.0.0.1/tcp/01", MULTIADDR_VALUE},
    {"/ip4/127.0.0.1/tcp/1 ", MULTIADDR_VALUE},
    {"/ip4/127.0.0.1/tcp/http", MULTIADDR_VALUE},
    {"/dns/a b/tcp/1", MULTIADDR_VALUE},
    {"/dns/a..b/tcp/1", MULTIADDR_VALUE},
    {"/dns/.a/tcp/1", MULTIADDR_VALUE},
    {"/dns/-a/tcp/1", MULTIADDR_VALUE},
    {"/dns/a\nb/tcp/1", MULTIADDR_VALUE},
    {"/dns/\xc3\xa4/tcp/1", MULTIADDR_VALUE},
    {"/dns/0123456789012345678901234567890123456789012345678901234567890123"
     "/tcp/1",
	MULTIADDR_VALUE},
    {"/ip6zone/0123456789012345/ip6/::1/tcp/1", MULTIADDR_VALUE},
    {"/ip6zone/a b/ip6/::1/tcp/1", MULTIADDR_VALUE},
    {"/ip4/127.0.0.1/tcp/1/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjh"
     "x5N",
	MULTIADDR_VALUE},
    {"/ip4/1.1.1.1/ip4/1.1.1.1/ip4/1.1.1.1/ip4/1.1.1.1/ip4/1.1.1.1/ip4/1.1"
     ".1.1/ip4/1.1.1.1/ip4/1.1.1.1/ip4/1.1.1.1",
	MULTIADDR_TOO_LONG},
};

static void
refuses_other_texts(void **state)
{
	struct multiaddr_raw raw = {.len = 9};
	char nul[] = "/ip4/127.0.0.1\0/tcp/1";

	for (size_t i = 0; i < COUNT(bad_texts); i++) {
		enum multiaddr_error error = multiaddr_from_text(
		    &raw, bad_texts[i].text, strlen(bad_texts[i].text));

		if (error != bad_texts[i].error)
			print_message("%s\n", bad_texts[i].text);
		assert_int_equal(error, bad_texts[i].error);
		assert_true(strlen(multiaddr_error_text(error)) > 0);
	}
	assert_int_equal(
	    multiaddr_from_text(&raw, nul, sizeof(nul) - 1), MULTIADDR_VALUE);
	assert_int_equal(raw.len, 9);
}

static void
refuses_other_binaries(void **state)
{
	static const struct {
		const char *hex;
		enum multiaddr_error error;
	} bad[] = {
	    {"", MULTIADDR_EMPTY},
	    {"04", MULTIADDR_TRUNCATED},
	    {"047f0000", MULTIADDR_TRUNCATED},
	    {"047f00000106", MULTIADDR_TRUNCATED},
	    {"047f000001060f", MULTIADDR_TRUNCATED},
	    {"047f000001a5", MULTIADDR_TRUNCATED},
	    {"84007f000001060fa1", MULTIADDR_SYNTAX},
	    {"350061", MULTIADDR_VALUE},
	    {"35ff61", MULTIADDR_TRUNCATED},
	    {"35ffffffffffffffff7f61", MULTIADDR_TRUNCATED},
	    {"3501000601bb", MULTIADDR_VALUE},
	    {"35032e2e2f", MULTIADDR_VALUE},
	    {"2a0461622f6329fe800000000000000000000000000001060fa1",
		MULTIADDR_VALUE},
	    {"01a57f", MULTIADDR_PROTOCOL},
	    {"07", MULTIADDR_PROTOCOL},
	    {"ffffffffffffffff7f", MULTIADDR_PROTOCOL},
	    {ADDR4 "a503221220" KEY, MULTIADDR_VALUE},
	};
	struct multiaddr_raw raw = {.len = 9};
	uint8_t large[MULTIADDR_BYTES_MAX + 1] = {4};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct bytes b = hex(bad[i].hex);

		if (multiaddr_from_bytes(&raw, b.at, b.len) != bad[i].error)
			print_message("%s\n", bad[i].hex);
		assert_int_equal(
		    multiaddr_from_bytes(&raw, b.at, b.len), bad[i].error);
	}
	assert_int_equal(multiaddr_from_bytes(&raw, large, sizeof(large)),
	    MULTIADDR_TOO_LONG);
	assert_int_equal(raw.len, 9);
}

/* The address whose text is the longest still fits, and comes back. */
static void
longest_text_fits(void **state)
{
	uint8_t ip6[17];
	uint8_t bytes[MULTIADDR_BYTES_MAX];
	char text[MULTIADDR_TEXT_SIZE];
	struct multiaddr_raw raw, back;
	size_t len = 0;

	memset(ip6, 0xff, sizeof(ip6));
	ip6[0] = 41;
	for (int i = 0; i < 7; i++, len += sizeof(ip6))
		memcpy(bytes + len, ip6, sizeof(ip6));
	bytes[len++] = 56; /* dnsaddr, 134 bytes: a length of two bytes */
	bytes[len++] = 0x80 | (134 & 0x7f);
	bytes[len++] = 134 >> 7;
	assert_int_equal(sizeof(bytes) - len, 134);
	for (size_t i = 0; len < sizeof(bytes); i++, len++)
		bytes[len] = i % 64 == 63 ? '.' : 'x';
	assert_int_equal(
	    multiaddr_from_bytes(&raw, bytes, sizeof(bytes)), MULTIADDR_OK);
	assert_true(multiaddr_to_text(&raw, text) > 450);
	back = vector_addr(text);
	assert_true(multiaddr_equal(&raw, &back));
}

static void
takes_the_tcp_form_apart_and_builds_it(void **state)
{
	static const char *const texts[] = {"/ip4/192.0.2.7/tcp/7946",
	    "/ip6/2001:db8::1/tcp/7946",
	    "/ip6zone/eth0/ip6/fe80::1/tcp/7946/p2p/" ID_TEXT,
	    "/dns/node.example.com/tcp/7946/p2p/" ID_TEXT, "/dns4/node/tcp/1",
	    "/dns6/a.b_c-d/tcp/65535"};
	struct multiaddr addr;
	struct multiaddr_raw raw, back;
	struct peer_id id = vector_id();

	for (size_t i = 0; i < COUNT(texts); i++) {
		raw = vector_addr(texts[i]);
		assert_int_equal(multiaddr_parse(&addr, &raw), MULTIADDR_OK);
		assert_int_equal(multiaddr_build(&back, &addr), MULTIADDR_OK);
		assert_true(multiaddr_equal(&raw, &back));
	}
	assert_int_equal(
	    multiaddr_parse_text(&addr, texts[2], strlen(texts[2])),
	    MULTIADDR_OK);
	assert_int_equal(addr.host, MULTIADDR_IP6);
	assert_string_equal(addr.zone, "eth0");
	assert_int_equal(addr.port, 7946);
	assert_int_equal(addr.ip[0], 0xfe);
	assert_true(addr.has_peer_id);
	assert_true(peer_id_equal(&addr.peer_id, &id));
	assert_int_equal(
	    multiaddr_parse_text(&addr, texts[4], strlen(texts[4])),
	    MULTIADDR_OK);
	assert_int_equal(addr.host, MULTIADDR_DNS4);
	assert_string_equal(addr.name, "node");
	assert_false(addr.has_peer_id);
}

static void
other_forms_are_not_tcp(void **state)
{
	static const char *const texts[] = {"/ip4/127.0.0.1", "/tcp/4001",
	    "/p2p/" ID_TEXT, "/dnsaddr/example.com",
	    "/dnsaddr/example.com/tcp/1", "/ip4/192.0.2.1/udp/4001/quic-v1",
	    "/ip4/192.0.2.1/tcp/1/ws", "/ip4/192.0.2.1/tcp/1/tcp/1",
	    "/ip4/192.0.2.1/tcp/1/p2p/" ID_TEXT "/p2p-circuit",
	    "/ip6zone/eth0/ip6/fe80::1"};
	struct multiaddr addr;

	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(
		    multiaddr_parse_text(&addr, texts[i], strlen(texts[i])),
		    MULTIADDR_NOT_TCP);
}

static void
building_checks_names(void **state)
{
	struct multiaddr addr = {.host = MULTIADDR_DNS, .port = 1};
	struct multiaddr_raw raw;

	assert_int_equal(multiaddr_build(&raw, &addr), MULTIADDR_VALUE);
	strcpy(addr.name, "a/tcp");
	assert_int_equal(multiaddr_build(&raw, &addr), MULTIADDR_VALUE);
	memset(addr.name, 'a', sizeof(addr.name));
	assert_int_not_equal(multiaddr_build(&raw, &addr), MULTIADDR_OK);
}

static void
says_what_may_be_dialed(void **state)
{
	static const struct {
		const char *text;
		bool dialable;
	} rows[] = {
	    {"/ip4/127.0.0.1/tcp/1", true},
	    {"/ip4/10.0.0.1/tcp/1", true},
	    {"/ip4/10.0.0.1/tcp/0", false},
	    {"/ip4/0.0.0.0/tcp/1", false},
	    {"/ip4/224.0.0.1/tcp/1", false},
	    {"/ip4/255.255.255.255/tcp/1", false},
	    {"/ip6/::1/tcp/1", true},
	    {"/ip6/::/tcp/1", false},
	    {"/ip6/ff02::1/tcp/1", false},
	    {"/ip6/fe80::1/tcp/1", false},
	    {"/ip6zone/eth0/ip6/fe80::1/tcp/1", true},
	    {"/ip6/::ffff:0.0.0.0/tcp/1", false},
	    {"/ip6/::ffff:10.0.0.1/tcp/1", true},
	    {"/dns/a/tcp/1", true},
	    {"/dns/a/tcp/0", false},
	};
	struct multiaddr addr;

	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(multiaddr_parse_text(
				     &addr, rows[i].text, strlen(rows[i].text)),
		    MULTIADDR_OK);
		assert_int_equal(
		    multiaddr_is_dialable(&addr), rows[i].dialable);
	}
}

static void
goes_to_socket_addresses_and_back(void **state)
{
	static const struct {
		const char *text, *zone, *back;
		socklen_t len;
	} rows[] = {
	    {"/ip4/192.0.2.1/tcp/4001", "eth0", "/ip4/192.0.2.1/tcp/4001",
		sizeof(struct sockaddr_in)},
	    {"/ip6/2001:db8::1/tcp/4001", "eth0", "/ip6/2001:db8::1/tcp/4001",
		sizeof(struct sockaddr_in6)},
	    {"/ip6zone/eth0/ip6/fe80::1/tcp/4001", "eth0",
		"/ip6zone/eth0/ip6/fe80::1/tcp/4001",
		sizeof(struct sockaddr_in6)},
	    {"/ip6/::ffff:192.0.2.1/tcp/4001", NULL, "/ip4/192.0.2.1/tcp/4001",
		sizeof(struct sockaddr_in6)},
	    {"/dns/a/tcp/1", NULL, NULL, 0},
	};
	struct sockaddr_storage ss;
	struct multiaddr addr;
	struct multiaddr_raw raw, want;
	struct sockaddr_in6 sin6;

	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(multiaddr_parse_text(
				     &addr, rows[i].text, strlen(rows[i].text)),
		    MULTIADDR_OK);
		assert_int_equal(
		    multiaddr_to_sockaddr(&addr, &ss, 3), rows[i].len);
		if (rows[i].len == 0)
			continue;
		if (addr.host == MULTIADDR_IP6) {
			memcpy(&sin6, &ss, sizeof(sin6));
			assert_int_equal(
			    sin6.sin6_scope_id, addr.zone[0] ? 3 : 0);
			assert_int_equal(ntohs(sin6.sin6_port), 4001);
		}
		assert_true(multiaddr_from_sockaddr(
		    &addr, (struct sockaddr *)&ss, rows[i].zone));
		assert_int_equal(multiaddr_build(&raw, &addr), MULTIADDR_OK);
		want = vector_addr(rows[i].back);
		assert_true(multiaddr_equal(&raw, &want));
	}
	ss.ss_family = AF_UNIX;
	assert_false(
	    multiaddr_from_sockaddr(&addr, (struct sockaddr *)&ss, NULL));
}

static void
strips_the_peer(void **state)
{
	struct multiaddr_raw raw, want;
	struct bytes with = hex(ADDR4 "a50326" ID), only = hex("a50326" ID);
	struct bytes relay = hex(ADDR4 "a50326" ID "a202a50326" ID);
	struct peer_id mine = vector_id(), other = other_id();

	want = vector_addr("/ip4/127.0.0.1/tcp/4001");
	raw = vector_addr("/ip4/127.0.0.1/tcp/4001/p2p/" ID_TEXT);
	multiaddr_strip_peer(&raw);
	assert_true(multiaddr_equal(&raw, &want));
	multiaddr_strip_peer(&raw);
	assert_true(multiaddr_equal(&raw, &want));

	assert_int_equal(
	    multiaddr_from_peer(&raw, with.at, with.len, &mine), MULTIADDR_OK);
	assert_true(multiaddr_equal(&raw, &want));
	assert_int_equal(multiaddr_from_peer(&raw, with.at, with.len, &other),
	    MULTIADDR_VALUE);
	assert_int_equal(multiaddr_from_peer(&raw, relay.at, relay.len, &mine),
	    MULTIADDR_OK);
	assert_int_equal(raw.len, relay.len - only.len);
	assert_int_equal(
	    multiaddr_from_peer(&raw, only.at, only.len, &mine), MULTIADDR_OK);
	assert_int_equal(raw.len, only.len);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_and_binary_agree),
	    cmocka_unit_test(reads_other_spellings),
	    cmocka_unit_test(refuses_other_texts),
	    cmocka_unit_test(refuses_other_binaries),
	    cmocka_unit_test(longest_text_fits),
	    cmocka_unit_test(takes_the_tcp_form_apart_and_builds_it),
	    cmocka_unit_test(other_forms_are_not_tcp),
	    cmocka_unit_test(building_checks_names),
	    cmocka_unit_test(says_what_may_be_dialed),
	    cmocka_unit_test(goes_to_socket_addresses_and_back),
	    cmocka_unit_test(strips_the_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
