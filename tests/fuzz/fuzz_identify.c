/* SPDX-License-Identifier: ISC */
/*
 * What a peer wrote on an identify stream (first byte odd: a push). What is
 * kept must be within its bounds and fit to be said again.
 */
#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/identify.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* The peer of the corpus: the public key of the seed 00 01 .. 1f. */
static const uint8_t key[PEER_KEY_BYTES] = {0x03, 0xa1, 0x07, 0xbf, 0xf3, 0xce,
    0x10, 0xbe, 0x1d, 0x70, 0xdd, 0x18, 0xe7, 0x4b, 0xc0, 0x99, 0x67, 0xe4,
    0xd6, 0x30, 0x9b, 0xa5, 0x0d, 0x5f, 0x1d, 0xdc, 0x86, 0x64, 0x12, 0x55,
    0x31, 0xb8};

static void
check(const struct identify *got, const struct peer_id *peer,
    const uint8_t *data, size_t len)
{
	static struct identify again;
	const char *protocols[IDENTIFY_PROTOCOLS_MAX];
	uint8_t out[IDENTIFY_ENCODED_MAX + 2];
	struct identify_self self = {.id = peer,
	    .agent_version = got->agent_version,
	    .protocols = protocols,
	    .protocol_count = got->protocol_count,
	    .listen_addrs = got->addrs,
	    .listen_addr_count = got->addr_count,
	    .observed = got->has_observed ? &got->observed : NULL};
	size_t out_len;

	if (got->protocol_count > IDENTIFY_PROTOCOLS_MAX ||
	    got->addr_count > IDENTIFY_ADDRS_MAX)
		abort();
	if (got->has_record &&
	    (got->record.bytes < data || got->record.len > len ||
		got->record.bytes + got->record.len > data + len))
		abort();
	for (size_t i = 0; i < got->protocol_count; i++)
		protocols[i] = got->protocols[i];
	out_len = identify_encode(out, sizeof(out), &self);
	if (out_len == 0)
		return; /* too much for one message of ours */
	if (identify_decode(&again, out, out_len, peer, false) != IDENTIFY_OK ||
	    again.protocol_count != got->protocol_count ||
	    again.has_observed != got->has_observed ||
	    strcmp(again.agent_version, got->agent_version) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct identify got;
	struct peer_id peer;

	if (len == 0 || !peer_id_from_key(&peer, key))
		return 0;
	if (identify_decode(&got, data + 1, len - 1, &peer, data[0] & 1) ==
	    IDENTIFY_OK)
		check(&got, &peer, data + 1, len - 1);
	return 0;
}
