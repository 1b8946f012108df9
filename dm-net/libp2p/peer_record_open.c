/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/peer_record_open.h"

#include <stdbool.h>
#include <string.h>

#include "dm-net/libp2p/libp2p.pb-c.h"
#include "dm-net/libp2p/pb.h"

/* An address that is too long is skipped; the envelope bounds them all. */
static const struct pb_rule rules[] = {
    {1, PB_BYTES, 1, PEER_ID_BYTES},
    {2, PB_VARINT, 1, 0},
    {3, PB_BYTES, PEER_RECORD_ADDRS_READ_MAX, ENVELOPE_PAYLOAD_MAX},
};

static const struct pb_rule address_rules[] = {
    {1, PB_BYTES, 1, ENVELOPE_PAYLOAD_MAX},
};

const char *
peer_record_error_text(enum peer_record_error error)
{
	switch (error) {
	case PEER_RECORD_OK:
		return "fine";
	case PEER_RECORD_ENVELOPE:
		return "not a signed envelope with a peer record in it";
	case PEER_RECORD_SIGNATURE:
		return "the signature of the peer record does not verify";
	case PEER_RECORD_MALFORMED:
		return "malformed peer record";
	case PEER_RECORD_PEER:
		return "a peer record about another peer than its signer";
	}
	return "unknown error";
}

/* Checks the payload and the messages nested in it. */
static bool
is_within_limits(const uint8_t *payload, size_t payload_len)
{
	struct pb_field field;
	size_t at = 0;

	if (!pb_check(
		payload, payload_len, rules, sizeof(rules) / sizeof(rules[0])))
		return false;
	while (pb_next(payload, payload_len, &at, &field) == PB_FIELD) {
		if (field.number == 3 &&
		    !pb_check(field.bytes, field.len, address_rules, 1))
			return false;
	}
	return true;
}

static void
take_addrs(struct peer_record *record, const Libp2p__PeerRecord *msg)
{
	for (size_t i = 0;
	     i < msg->n_addresses && record->addr_count < PEER_RECORD_ADDRS_MAX;
	     i++) {
		const ProtobufCBinaryData *addr = &msg->addresses[i]->multiaddr;

		if (multiaddr_from_peer(&record->addrs[record->addr_count],
			addr->data, addr->len, &record->id) == MULTIADDR_OK)
			record->addr_count++;
	}
}

static enum peer_record_error
take(struct peer_record *record, const struct envelope *env)
{
	Libp2p__PeerRecord *msg;
	enum peer_record_error error = PEER_RECORD_OK;

	if (!is_within_limits(env->payload, env->payload_len))
		return PEER_RECORD_MALFORMED;
	msg = libp2p__peer_record__unpack(NULL, env->payload_len, env->payload);
	if (msg == NULL)
		return PEER_RECORD_MALFORMED;
	record->id = env->signer;
	record->seq = msg->seq;
	record->addr_count = 0;
	if (!msg->has_peer_id || !msg->has_seq)
		error = PEER_RECORD_MALFORMED;
	else if (msg->peer_id.len != PEER_ID_BYTES ||
		 memcmp(msg->peer_id.data, env->signer.bytes, PEER_ID_BYTES) !=
		     0)
		error = PEER_RECORD_PEER;
	else
		take_addrs(record, msg);
	libp2p__peer_record__free_unpacked(msg, NULL);
	return error;
}

enum peer_record_error
peer_record_open(
    struct peer_record *record, const uint8_t *bytes, size_t bytes_len)
{
	struct envelope env;
	enum peer_record_error error;

	switch (envelope_open(
	    &env, bytes, bytes_len, PEER_RECORD_DOMAIN, peer_record_type())) {
	case ENVELOPE_OK:
		break;
	case ENVELOPE_SIGNATURE:
		return PEER_RECORD_SIGNATURE;
	case ENVELOPE_TOO_LONG:
	case ENVELOPE_MALFORMED:
	case ENVELOPE_KEY:
	case ENVELOPE_TYPE:
		return PEER_RECORD_ENVELOPE;
	}
	error = take(record, &env);
	envelope_clear(&env);
	return error;
}
