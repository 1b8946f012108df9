/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/identify.h"

#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/libp2p.pb-c.h"
#include "dm-net/libp2p/mem.h"
#include "dm-net/libp2p/pb.h"
#include "dm-net/libp2p/varint.h"

/* A field meant to be there once may come again: the last one counts. */
#define REPEATS_MAX 4
#define FIELD_RECORD 8

/*
 * Only counts are bounded tightly: what is too long to keep is skipped, and
 * all of it together is within IDENTIFY_BYTES_MAX.
 */
static const struct pb_rule rules[] = {
    {1, PB_BYTES, REPEATS_MAX, IDENTIFY_BYTES_MAX},
    {2, PB_BYTES, IDENTIFY_ADDRS_READ_MAX, IDENTIFY_BYTES_MAX},
    {3, PB_BYTES, IDENTIFY_PROTOCOLS_READ_MAX, IDENTIFY_BYTES_MAX},
    {4, PB_BYTES, REPEATS_MAX, IDENTIFY_BYTES_MAX},
    {5, PB_BYTES, REPEATS_MAX, IDENTIFY_BYTES_MAX},
    {6, PB_BYTES, REPEATS_MAX, IDENTIFY_BYTES_MAX},
    {FIELD_RECORD, PB_BYTES, REPEATS_MAX, IDENTIFY_BYTES_MAX},
};

const char *
identify_error_text(enum identify_error error)
{
	switch (error) {
	case IDENTIFY_OK:
		return "fine";
	case IDENTIFY_TOO_LONG:
		return "the identify messages are too long or too many";
	case IDENTIFY_EMPTY:
		return "the peer sent no identify message";
	case IDENTIFY_TRUNCATED:
		return "the identify message ends too early";
	case IDENTIFY_MALFORMED:
		return "malformed identify message";
	case IDENTIFY_NO_KEY:
		return "the identify message has no public key";
	case IDENTIFY_KEY:
		return "the key in the identify message is not the peer's";
	}
	return "unknown error";
}

static void
write_self(struct pb_writer *w, const struct identify_self *self)
{
	static const char protocol_version[] = "ipfs/0.1.0";

	pb_write_bytes(w, 1, peer_id_key_proto(self->id), PEER_KEY_PROTO_BYTES);
	for (size_t i = 0; i < self->listen_addr_count; i++)
		pb_write_bytes(w, 2, self->listen_addrs[i].bytes,
		    self->listen_addrs[i].len);
	for (size_t i = 0; i < self->protocol_count; i++)
		pb_write_bytes(
		    w, 3, self->protocols[i], strlen(self->protocols[i]));
	if (self->observed != NULL)
		pb_write_bytes(
		    w, 4, self->observed->bytes, self->observed->len);
	pb_write_bytes(w, 5, protocol_version, strlen(protocol_version));
	pb_write_bytes(w, 6, self->agent_version, strlen(self->agent_version));
	if (self->record.len > 0)
		pb_write_bytes(
		    w, FIELD_RECORD, self->record.bytes, self->record.len);
}

size_t
identify_encode(uint8_t *out, size_t out_size, const struct identify_self *self)
{
	uint8_t message[IDENTIFY_ENCODED_MAX];
	struct pb_writer w, framed;

	if (self->protocol_count > IDENTIFY_PROTOCOLS_MAX ||
	    self->listen_addr_count > IDENTIFY_ADDRS_MAX)
		return 0;
	pb_write_init(&w, message, sizeof(message));
	write_self(&w, self);
	if (w.is_full)
		return 0;
	pb_write_init(&framed, out, out_size);
	pb_write_varint(&framed, w.len);
	pb_write_raw(&framed, message, w.len);
	return framed.is_full ? 0 : framed.len;
}

/* Copies a text that is plain ASCII and not too long; else false. */
static bool
take_text(
    char out[static IDENTIFY_TEXT_MAX + 1], const ProtobufCBinaryData *text)
{
	if (text->len == 0 || text->len > IDENTIFY_TEXT_MAX)
		return false;
	for (size_t i = 0; i < text->len; i++) {
		if (text->data[i] < ' ' || text->data[i] > '~')
			return false;
	}
	memcpy(out, text->data, text->len);
	out[text->len] = '\0';
	return true;
}

static void
take_protocol(struct identify *out, const ProtobufCBinaryData *text)
{
	char protocol[IDENTIFY_TEXT_MAX + 1];

	if (out->protocol_count == IDENTIFY_PROTOCOLS_MAX ||
	    !take_text(protocol, text) || identify_has_protocol(out, protocol))
		return;
	memcpy(
	    out->protocols[out->protocol_count++], protocol, sizeof(protocol));
}

static void
take_addr(struct identify *out, const ProtobufCBinaryData *addr,
    const struct peer_id *peer)
{
	struct multiaddr_raw *raw;

	if (out->addr_count == IDENTIFY_ADDRS_MAX)
		return;
	raw = &out->addrs[out->addr_count];
	if (multiaddr_from_peer(raw, addr->data, addr->len, peer) !=
	    MULTIADDR_OK)
		return;
	for (size_t i = 0; i < out->addr_count; i++) {
		if (multiaddr_equal(&out->addrs[i], raw))
			return;
	}
	out->addr_count++;
}

/* Merges one decoded message into `out`. */
static enum identify_error
take_message(struct identify *out, const Libp2p__Identify *msg,
    const struct peer_id *peer)
{
	struct peer_id id;

	if (msg->has_public_key) {
		if (!peer_id_from_key_proto(
			&id, msg->public_key.data, msg->public_key.len) ||
		    !peer_id_equal(&id, peer))
			return IDENTIFY_KEY;
		out->has_key = true;
	}
	for (size_t i = 0; i < msg->n_listen_addrs; i++)
		take_addr(out, &msg->listen_addrs[i], peer);
	for (size_t i = 0; i < msg->n_protocols; i++)
		take_protocol(out, &msg->protocols[i]);
	if (msg->has_observed_addr &&
	    multiaddr_from_bytes(&out->observed, msg->observed_addr.data,
		msg->observed_addr.len) == MULTIADDR_OK) {
		multiaddr_strip_peer(&out->observed);
		out->has_observed = true;
	}
	if (msg->has_protocol_version)
		take_text(out->protocol_version, &msg->protocol_version);
	if (msg->has_agent_version)
		take_text(out->agent_version, &msg->agent_version);
	return IDENTIFY_OK;
}

/* Decodes one message; leaves a signed record, unopened, in out->record. */
static enum identify_error
read_message(struct identify *out, const uint8_t *bytes, size_t len,
    const struct peer_id *peer)
{
	Libp2p__Identify *msg;
	enum identify_error error;
	struct pb_field field;
	size_t at = 0;

	if (!pb_check(bytes, len, rules, sizeof(rules) / sizeof(rules[0])))
		return IDENTIFY_MALFORMED;
	msg = libp2p__identify__unpack(NULL, len, bytes);
	if (msg == NULL)
		return IDENTIFY_MALFORMED;
	error = take_message(out, msg, peer);
	libp2p__identify__free_unpacked(msg, NULL);
	while (pb_next(bytes, len, &at, &field) == PB_FIELD) {
		if (field.number == FIELD_RECORD) {
			out->record.bytes = field.bytes;
			out->record.len = field.len;
		}
	}
	return error;
}

/* Opens out->record and takes its addresses, or drops it. */
static void
open_record(struct identify *out, const struct peer_id *peer)
{
	struct peer_record *record;

	if (out->record.len == 0)
		return;
	record = mem_new(sizeof(*record));
	if (peer_record_open(record, out->record.bytes, out->record.len) ==
		PEER_RECORD_OK &&
	    peer_id_equal(&record->id, peer)) {
		out->has_record = true;
		out->record_seq = record->seq;
		out->addr_count = record->addr_count;
		memcpy(out->addrs, record->addrs, sizeof(out->addrs));
	} else {
		out->record = (struct envelope_bytes){NULL, 0};
	}
	free(record);
}

/* Reads all messages; signed records are only found, not opened. */
static enum identify_error
read_messages(struct identify *out, const uint8_t *bytes, size_t bytes_len,
    const struct peer_id *peer)
{
	enum identify_error error = IDENTIFY_EMPTY;
	size_t at = 0, message_count = 0, used;
	uint64_t len;

	while (at < bytes_len) {
		if (message_count++ == IDENTIFY_MESSAGES_MAX)
			return IDENTIFY_TOO_LONG;
		switch (
		    varint_decode(bytes + at, bytes_len - at, &len, &used)) {
		case VARINT_OK:
			break;
		case VARINT_INCOMPLETE:
			return IDENTIFY_TRUNCATED;
		case VARINT_INVALID:
			return IDENTIFY_MALFORMED;
		}
		at += used;
		if (len > IDENTIFY_BYTES_MAX)
			return IDENTIFY_TOO_LONG;
		if (len > bytes_len - at)
			return IDENTIFY_TRUNCATED;
		error = read_message(out, bytes + at, (size_t)len, peer);
		if (error != IDENTIFY_OK)
			return error;
		at += (size_t)len;
	}
	return error;
}

enum identify_error
identify_decode(struct identify *out, const uint8_t *bytes, size_t bytes_len,
    const struct peer_id *peer, bool is_push)
{
	enum identify_error error;

	memset(out, 0, sizeof(*out));
	if (bytes_len > IDENTIFY_STREAM_MAX)
		return IDENTIFY_TOO_LONG;
	error = read_messages(out, bytes, bytes_len, peer);
	if (error != IDENTIFY_OK)
		return error;
	if (!out->has_key && !is_push)
		return IDENTIFY_NO_KEY;
	open_record(out, peer);
	return IDENTIFY_OK;
}

bool
identify_has_protocol(const struct identify *id, const char *protocol)
{
	for (size_t i = 0; i < id->protocol_count; i++) {
		if (strcmp(id->protocols[i], protocol) == 0)
			return true;
	}
	return false;
}
