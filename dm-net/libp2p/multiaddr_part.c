/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/multiaddr_part.h"

#include <string.h>

#include "dm-net/libp2p/varint.h"

/* The first row of a code names it in text; later ones are only read. */
static const struct multiaddr_protocol protocols[] = {
    {"ip4", CODE_IP4, KIND_IP4},
    {"tcp", CODE_TCP, KIND_PORT},
    {"ip6", CODE_IP6, KIND_IP6},
    {"ip6zone", CODE_IP6ZONE, KIND_ZONE},
    {"dns", CODE_DNS, KIND_NAME},
    {"dns4", CODE_DNS4, KIND_NAME},
    {"dns6", CODE_DNS6, KIND_NAME},
    {"dnsaddr", CODE_DNSADDR, KIND_NAME},
    {"udp", CODE_UDP, KIND_PORT},
    {"p2p-circuit", CODE_P2P_CIRCUIT, KIND_NONE},
    {"p2p", CODE_P2P, KIND_PEER},
    {"ipfs", CODE_P2P, KIND_PEER},
    {"tls", CODE_TLS, KIND_NONE},
    {"noise", CODE_NOISE, KIND_NONE},
    {"quic", CODE_QUIC, KIND_NONE},
    {"quic-v1", CODE_QUIC_V1, KIND_NONE},
    {"ws", CODE_WS, KIND_NONE},
    {"wss", CODE_WSS, KIND_NONE},
};
#define PROTOCOL_COUNT (sizeof(protocols) / sizeof(protocols[0]))

const struct multiaddr_protocol *
multiaddr_find_code(uint64_t code)
{
	for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
		if (code == (uint64_t)protocols[i].code)
			return &protocols[i];
	}
	return NULL;
}

const struct multiaddr_protocol *
multiaddr_find_name(const char *name, size_t name_len)
{
	for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
		if (strlen(protocols[i].name) == name_len &&
		    memcmp(protocols[i].name, name, name_len) == 0)
			return &protocols[i];
	}
	return NULL;
}

/*
 * A name that may go to a resolver and into text unescaped: letters, digits,
 * '-', '_' and '.', labels of 1 to 63 that do not start with '-'.
 */
static bool
is_name(const uint8_t *name, size_t name_len)
{
	size_t label_len = 0;

	if (name_len == 0 || name_len > MULTIADDR_NAME_MAX)
		return false;
	for (size_t i = 0; i < name_len; i++) {
		uint8_t c = name[i];

		if (c == '.') {
			if (label_len == 0)
				return false;
			label_len = 0;
			continue;
		}
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '_' ||
			(c == '-' && label_len > 0)) ||
		    ++label_len > 63)
			return false;
	}
	return true;
}

/* An interface's name: visible ASCII, nothing that text could confuse. */
static bool
is_zone(const uint8_t *zone, size_t zone_len)
{
	if (zone_len == 0 || zone_len > MULTIADDR_ZONE_MAX)
		return false;
	for (size_t i = 0; i < zone_len; i++) {
		if (zone[i] <= ' ' || zone[i] > '~' || zone[i] == '/' ||
		    zone[i] == '%')
			return false;
	}
	return true;
}

static bool
is_value(enum multiaddr_kind kind, const uint8_t *value, size_t value_len)
{
	struct peer_id id;

	switch (kind) {
	case KIND_NONE:
		return value_len == 0;
	case KIND_IP4:
		return value_len == MULTIADDR_IP4_BYTES;
	case KIND_IP6:
		return value_len == MULTIADDR_IP6_BYTES;
	case KIND_PORT:
		return value_len == MULTIADDR_PORT_BYTES;
	case KIND_ZONE:
		return is_zone(value, value_len);
	case KIND_NAME:
		return is_name(value, value_len);
	case KIND_PEER:
		return peer_id_from_bytes(&id, value, value_len);
	}
	return false;
}

/* The size of a value of this kind, or 0 if its length is written before it. */
static size_t
fixed_size(enum multiaddr_kind kind)
{
	switch (kind) {
	case KIND_IP4:
		return MULTIADDR_IP4_BYTES;
	case KIND_IP6:
		return MULTIADDR_IP6_BYTES;
	case KIND_PORT:
		return MULTIADDR_PORT_BYTES;
	case KIND_NONE:
	case KIND_ZONE:
	case KIND_NAME:
	case KIND_PEER:
		return 0;
	}
	return 0;
}

static enum multiaddr_error
read_number(const uint8_t *bytes, size_t len, size_t *at, uint64_t *value)
{
	size_t used;

	switch (varint_decode(bytes + *at, len - *at, value, &used)) {
	case VARINT_OK:
		*at += used;
		return MULTIADDR_OK;
	case VARINT_INCOMPLETE:
		return MULTIADDR_TRUNCATED;
	case VARINT_INVALID:
		break;
	}
	return MULTIADDR_SYNTAX;
}

enum multiaddr_error
multiaddr_read_part(
    const uint8_t *bytes, size_t len, size_t *at, struct multiaddr_part *part)
{
	enum multiaddr_error error;
	uint64_t number;

	error = read_number(bytes, len, at, &number);
	if (error != MULTIADDR_OK)
		return error;
	part->protocol = multiaddr_find_code(number);
	if (part->protocol == NULL)
		return MULTIADDR_PROTOCOL;
	number = fixed_size(part->protocol->kind);
	if (number == 0 && part->protocol->kind != KIND_NONE) {
		error = read_number(bytes, len, at, &number);
		if (error != MULTIADDR_OK)
			return error;
	}
	if (number > len - *at)
		return MULTIADDR_TRUNCATED;
	part->value = bytes + *at;
	part->value_len = (size_t)number;
	*at += part->value_len;
	if (!is_value(part->protocol->kind, part->value, part->value_len))
		return MULTIADDR_VALUE;
	return MULTIADDR_OK;
}

enum multiaddr_error
multiaddr_check(const uint8_t *bytes, size_t len)
{
	enum multiaddr_error error;
	struct multiaddr_part part;
	size_t at = 0, part_count = 0;
	bool after_zone = false;

	if (len == 0)
		return MULTIADDR_EMPTY;
	if (len > MULTIADDR_BYTES_MAX)
		return MULTIADDR_TOO_LONG;
	while (at < len) {
		if (part_count++ == MULTIADDR_PARTS_MAX)
			return MULTIADDR_TOO_LONG;
		error = multiaddr_read_part(bytes, len, &at, &part);
		if (error != MULTIADDR_OK)
			return error;
		if (after_zone && part.protocol->code != CODE_IP6)
			return MULTIADDR_SYNTAX;
		after_zone = part.protocol->code == CODE_IP6ZONE;
	}
	return after_zone ? MULTIADDR_SYNTAX : MULTIADDR_OK;
}

bool
multiaddr_append(struct multiaddr_raw *raw,
    const struct multiaddr_protocol *protocol, const uint8_t *value,
    size_t value_len)
{
	uint8_t head[2 * VARINT_BYTES_MAX];
	size_t head_len;

	head_len = varint_encode(head, (uint64_t)protocol->code);
	if (protocol->kind != KIND_NONE && fixed_size(protocol->kind) == 0)
		head_len += varint_encode(head + head_len, value_len);
	if (head_len + value_len > MULTIADDR_BYTES_MAX - (size_t)raw->len)
		return false;
	memcpy(raw->bytes + raw->len, head, head_len);
	if (value_len > 0)
		memcpy(raw->bytes + raw->len + head_len, value, value_len);
	raw->len = (uint16_t)(raw->len + head_len + value_len);
	return true;
}
