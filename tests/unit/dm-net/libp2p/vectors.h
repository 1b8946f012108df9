/* SPDX-License-Identifier: ISC */
/*
 * Test vectors made and checked by go-libp2p for the seed 00 01 02 .. 1f, and
 * the few things that every test of the codecs needs.
 */
#ifndef TESTS_LIBP2P_VECTORS_H
#define TESTS_LIBP2P_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dm-net/libp2p/multiaddr.h"
#include "dm-net/libp2p/peer_id.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define SEED "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define KEY_PROTO "08011220" KEY
#define ID "0024" KEY_PROTO
#define ID_TEXT "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"
#define ID_CID \
	"bafzaajaiaejcaa5ba677htqqxyoxbxiy45f4bglh4tldbg5fbvpr3xegmqjfkmny"

/* Another sound key, of other_id(). */
#define OTHER_KEY \
	"0203040000000000000000000000000000000000000000000000000000000000"
#define OTHER_ID "002408011220" OTHER_KEY

#define ADDR4 "047f000001060fa1"
#define ADDR6 "2900000000000000000000000000000001060fa1"
/* seq 1; /ip4/127.0.0.1/tcp/4001, /ip6/::1/tcp/4001 */
#define RECORD \
	"0a26" ID "10011a0a0a08" ADDR4 "1a160a14" ADDR6
#define RECORD_SIGNED \
	"126c69627032702d706565722d7265636f72640203014e" RECORD
#define RECORD_SIGNATURE \
	"ac6f72f8e954922bcb291e49e2f18ef78c51d86f6e8cb3c748c7a15a89492b66" \
	"153b11c4110255ebabd25b2754e32e3b654f25cbf2f8f320297602ab813a3a06"
#define ENVELOPE \
	"0a24" KEY_PROTO "120203011a4e" RECORD "2a40" RECORD_SIGNATURE

/* Observed /ip4/127.0.0.1/tcp/50000, "ipfs/0.1.0", "dmd/0", the envelope. */
#define IDENTIFY \
	"d9020a24" KEY_PROTO "1208" ADDR4 "1214" ADDR6 \
	"1a0e2f697066732f69642f312e302e30" \
	"1a132f697066732f69642f707573682f312e302e30" \
	"1a102f697066732f70696e672f312e302e30" \
	"2208047f00000106c3502a0a697066732f302e312e303205646d642f30" \
	"42bc01" ENVELOPE

struct bytes {
	size_t len;
	uint8_t at[1024];
};

static inline struct bytes
hex(const char *text)
{
	struct bytes b = { .len = strlen(text) / 2 };
	unsigned int byte;

	assert_true(b.len <= sizeof(b.at));
	for (size_t i = 0; i < b.len; i++) {
		assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
		b.at[i] = (uint8_t)byte;
	}
	return b;
}

static inline struct peer_id
vector_id(void)
{
	struct bytes b = hex(KEY);
	struct peer_id id;

	assert_true(peer_id_from_key(&id, b.at));
	return id;
}

static inline struct peer_id
other_id(void)
{
	struct bytes b = hex(OTHER_KEY);
	struct peer_id id;

	assert_true(peer_id_from_key(&id, b.at));
	return id;
}

static inline struct multiaddr_raw
vector_addr(const char *text)
{
	struct multiaddr_raw raw;

	assert_int_equal(
	    multiaddr_from_text(&raw, text, strlen(text)), MULTIADDR_OK);
	return raw;
}

#endif
