/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/multiaddr.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "dm-net/libp2p/multiaddr_part.h"

const char *
multiaddr_error_text(enum multiaddr_error error)
{
	switch (error) {
	case MULTIADDR_OK:
		return "fine";
	case MULTIADDR_EMPTY:
		return "the address is empty";
	case MULTIADDR_TOO_LONG:
		return "the address is too long";
	case MULTIADDR_SYNTAX:
		return "not of the form /protocol/value/protocol/value";
	case MULTIADDR_PROTOCOL:
		return "it names an unknown protocol";
	case MULTIADDR_VALUE:
		return "an address, name, port or peer id in it is not valid";
	case MULTIADDR_TRUNCATED:
		return "the address ends too early";
	case MULTIADDR_NOT_TCP:
		return "not of the form /ip4|ip6|dns|dns4|dns6/HOST/tcp/PORT";
	}
	return "unknown error";
}

enum multiaddr_error
multiaddr_from_bytes(
    struct multiaddr_raw *raw, const uint8_t *bytes, size_t bytes_len)
{
	enum multiaddr_error error = multiaddr_check(bytes, bytes_len);

	if (error != MULTIADDR_OK)
		return error;
	memcpy(raw->bytes, bytes, bytes_len);
	raw->len = (uint16_t)bytes_len;
	return MULTIADDR_OK;
}

/* Puts the host part into `addr`; false if it is not a host. */
static bool
take_host(struct multiaddr *addr, const struct multiaddr_part *part)
{
	switch (part->protocol->code) {
	case CODE_IP4:
		addr->host = MULTIADDR_IP4;
		break;
	case CODE_IP6:
		addr->host = MULTIADDR_IP6;
		break;
	case CODE_DNS:
		addr->host = MULTIADDR_DNS;
		break;
	case CODE_DNS4:
		addr->host = MULTIADDR_DNS4;
		break;
	case CODE_DNS6:
		addr->host = MULTIADDR_DNS6;
		break;
	case CODE_TCP:
	case CODE_IP6ZONE:
	case CODE_DNSADDR:
	case CODE_UDP:
	case CODE_P2P_CIRCUIT:
	case CODE_P2P:
	case CODE_TLS:
	case CODE_NOISE:
	case CODE_QUIC:
	case CODE_QUIC_V1:
	case CODE_WS:
	case CODE_WSS:
		return false;
	}
	if (part->protocol->kind == KIND_NAME)
		memcpy(addr->name, part->value, part->value_len);
	else
		memcpy(addr->ip, part->value, part->value_len);
	return true;
}

/* Takes a sound address apart; returns the number of parts. */
static size_t
split(struct multiaddr_part parts[static MULTIADDR_PARTS_MAX],
    const struct multiaddr_raw *raw)
{
	size_t at = 0, count = 0;

	while (at < raw->len && count < MULTIADDR_PARTS_MAX &&
	       multiaddr_read_part(raw->bytes, raw->len, &at, &parts[count]) ==
		   MULTIADDR_OK)
		count++;
	return count;
}

enum multiaddr_error
multiaddr_parse(struct multiaddr *addr, const struct multiaddr_raw *raw)
{
	struct multiaddr_part parts[MULTIADDR_PARTS_MAX];
	struct multiaddr made = {.host = MULTIADDR_IP4};
	enum multiaddr_error error;
	size_t count, i = 0;

	error = multiaddr_check(raw->bytes, raw->len);
	if (error != MULTIADDR_OK)
		return error;
	count = split(parts, raw);
	if (i < count && parts[i].protocol->code == CODE_IP6ZONE) {
		memcpy(made.zone, parts[i].value, parts[i].value_len);
		i++;
	}
	if (i == count || !take_host(&made, &parts[i++]))
		return MULTIADDR_NOT_TCP;
	if (i == count || parts[i].protocol->code != CODE_TCP)
		return MULTIADDR_NOT_TCP;
	made.port = (uint16_t)(parts[i].value[0] << 8 | parts[i].value[1]);
	i++;
	if (i < count && parts[i].protocol->code == CODE_P2P) {
		made.has_peer_id = true;
		memcpy(made.peer_id.bytes, parts[i].value, PEER_ID_BYTES);
		i++;
	}
	if (i < count)
		return MULTIADDR_NOT_TCP;
	*addr = made;
	return MULTIADDR_OK;
}

enum multiaddr_error
multiaddr_parse_text(struct multiaddr *addr, const char *text, size_t text_len)
{
	struct multiaddr_raw raw;
	enum multiaddr_error error;

	error = multiaddr_from_text(&raw, text, text_len);
	return error == MULTIADDR_OK ? multiaddr_parse(addr, &raw) : error;
}

static bool
append_host(struct multiaddr_raw *raw, const struct multiaddr *addr)
{
	const uint8_t *name = (const uint8_t *)addr->name;
	size_t name_len = strnlen(addr->name, sizeof(addr->name));

	switch (addr->host) {
	case MULTIADDR_IP4:
		return multiaddr_append(raw, multiaddr_find_code(CODE_IP4),
		    addr->ip, MULTIADDR_IP4_BYTES);
	case MULTIADDR_IP6:
		return multiaddr_append(raw, multiaddr_find_code(CODE_IP6),
		    addr->ip, MULTIADDR_IP6_BYTES);
	case MULTIADDR_DNS:
		return multiaddr_append(
		    raw, multiaddr_find_code(CODE_DNS), name, name_len);
	case MULTIADDR_DNS4:
		return multiaddr_append(
		    raw, multiaddr_find_code(CODE_DNS4), name, name_len);
	case MULTIADDR_DNS6:
		return multiaddr_append(
		    raw, multiaddr_find_code(CODE_DNS6), name, name_len);
	}
	return false;
}

enum multiaddr_error
multiaddr_build(struct multiaddr_raw *raw, const struct multiaddr *addr)
{
	struct multiaddr_raw made = {.len = 0};
	uint8_t port[MULTIADDR_PORT_BYTES] = {
	    (uint8_t)(addr->port >> 8), (uint8_t)addr->port};
	enum multiaddr_error error;

	if (addr->host == MULTIADDR_IP6 && addr->zone[0] != '\0' &&
	    !multiaddr_append(&made, multiaddr_find_code(CODE_IP6ZONE),
		(const uint8_t *)addr->zone,
		strnlen(addr->zone, sizeof(addr->zone))))
		return MULTIADDR_TOO_LONG;
	if (!append_host(&made, addr) ||
	    !multiaddr_append(
		&made, multiaddr_find_code(CODE_TCP), port, sizeof(port)))
		return MULTIADDR_TOO_LONG;
	if (addr->has_peer_id &&
	    !multiaddr_append(&made, multiaddr_find_code(CODE_P2P),
		addr->peer_id.bytes, PEER_ID_BYTES))
		return MULTIADDR_TOO_LONG;
	error = multiaddr_check(made.bytes, made.len);
	if (error == MULTIADDR_OK)
		*raw = made;
	return error;
}

static const uint8_t mapped_prefix[12] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool
is_link_local(const uint8_t ip6[static MULTIADDR_IP6_BYTES])
{
	return ip6[0] == 0xfe && (ip6[1] & 0xc0) == 0x80;
}

bool
multiaddr_from_sockaddr(
    struct multiaddr *addr, const struct sockaddr *sa, const char *zone)
{
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	memset(addr, 0, sizeof(*addr));
	if (sa->sa_family == AF_INET) {
		memcpy(&sin, sa, sizeof(sin));
		addr->host = MULTIADDR_IP4;
		memcpy(addr->ip, &sin.sin_addr, MULTIADDR_IP4_BYTES);
		addr->port = ntohs(sin.sin_port);
		return true;
	}
	if (sa->sa_family != AF_INET6)
		return false;
	memcpy(&sin6, sa, sizeof(sin6));
	addr->port = ntohs(sin6.sin6_port);
	memcpy(addr->ip, &sin6.sin6_addr, MULTIADDR_IP6_BYTES);
	addr->host = MULTIADDR_IP6;
	if (memcmp(addr->ip, mapped_prefix, sizeof(mapped_prefix)) == 0) {
		addr->host = MULTIADDR_IP4;
		memmove(addr->ip, addr->ip + sizeof(mapped_prefix),
		    MULTIADDR_IP4_BYTES);
		memset(addr->ip + MULTIADDR_IP4_BYTES, 0,
		    MULTIADDR_IP6_BYTES - MULTIADDR_IP4_BYTES);
	} else if (zone != NULL && is_link_local(addr->ip)) {
		snprintf(addr->zone, sizeof(addr->zone), "%s", zone);
	}
	return true;
}

socklen_t
multiaddr_to_sockaddr(const struct multiaddr *addr, struct sockaddr_storage *ss,
    uint32_t scope_id)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6};

	memset(ss, 0, sizeof(*ss));
	switch (addr->host) {
	case MULTIADDR_IP4:
		sin.sin_port = htons(addr->port);
		memcpy(&sin.sin_addr, addr->ip, MULTIADDR_IP4_BYTES);
		memcpy(ss, &sin, sizeof(sin));
		return sizeof(sin);
	case MULTIADDR_IP6:
		sin6.sin6_port = htons(addr->port);
		memcpy(&sin6.sin6_addr, addr->ip, MULTIADDR_IP6_BYTES);
		if (addr->zone[0] != '\0')
			sin6.sin6_scope_id = scope_id;
		memcpy(ss, &sin6, sizeof(sin6));
		return sizeof(sin6);
	case MULTIADDR_DNS:
	case MULTIADDR_DNS4:
	case MULTIADDR_DNS6:
		break;
	}
	return 0;
}

static bool
is_dialable_ip4(const uint8_t ip[static MULTIADDR_IP4_BYTES])
{
	/* 0/8 is "this network"; 224/4 multicast, 240/4 has the broadcast. */
	return ip[0] != 0 && ip[0] < 224;
}

static bool
is_dialable_ip6(const struct multiaddr *addr)
{
	static const uint8_t unspecified[MULTIADDR_IP6_BYTES];

	if (memcmp(addr->ip, mapped_prefix, sizeof(mapped_prefix)) == 0)
		return is_dialable_ip4(addr->ip + sizeof(mapped_prefix));
	return memcmp(addr->ip, unspecified, sizeof(unspecified)) != 0 &&
	       addr->ip[0] != 0xff &&
	       !(is_link_local(addr->ip) && addr->zone[0] == '\0');
}

bool
multiaddr_is_dialable(const struct multiaddr *addr)
{
	if (addr->port == 0)
		return false;
	switch (addr->host) {
	case MULTIADDR_IP4:
		return is_dialable_ip4(addr->ip);
	case MULTIADDR_IP6:
		return is_dialable_ip6(addr);
	case MULTIADDR_DNS:
	case MULTIADDR_DNS4:
	case MULTIADDR_DNS6:
		return true;
	}
	return false;
}

/*
 * Where the last part starts if it is a /p2p/ID after other parts, with that
 * part in `part`; 0 if there is none. `raw` is well-formed.
 */
static size_t
find_last_peer(const struct multiaddr_raw *raw, struct multiaddr_part *part)
{
	size_t at = 0, last = 0;

	while (at < raw->len) {
		last = at;
		if (multiaddr_read_part(raw->bytes, raw->len, &at, part) !=
		    MULTIADDR_OK)
			return 0;
	}
	return last > 0 && part->protocol->code == CODE_P2P ? last : 0;
}

void
multiaddr_strip_peer(struct multiaddr_raw *raw)
{
	struct multiaddr_part part;
	size_t last = find_last_peer(raw, &part);

	if (last > 0)
		raw->len = (uint16_t)last;
}

enum multiaddr_error
multiaddr_from_peer(struct multiaddr_raw *raw, const uint8_t *bytes,
    size_t bytes_len, const struct peer_id *peer)
{
	struct multiaddr_raw made;
	enum multiaddr_error error;
	struct multiaddr_part part;
	size_t last;

	error = multiaddr_from_bytes(&made, bytes, bytes_len);
	if (error != MULTIADDR_OK)
		return error;
	last = find_last_peer(&made, &part);
	if (last > 0) {
		if (memcmp(part.value, peer->bytes, PEER_ID_BYTES) != 0)
			return MULTIADDR_VALUE;
		made.len = (uint16_t)last;
	}
	*raw = made;
	return MULTIADDR_OK;
}

bool
multiaddr_equal(const struct multiaddr_raw *a, const struct multiaddr_raw *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}
