/* SPDX-License-Identifier: ISC */
/* The text form of multiaddr.h. */
#include "dm-net/libp2p/multiaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "dm-net/libp2p/multiaddr_part.h"

static bool
port_from_text(
    const char *text, size_t text_len, uint8_t out[MULTIADDR_PORT_BYTES])
{
	unsigned int port = 0;

	if (text_len == 0 || text_len > 5 || (text[0] == '0' && text_len > 1))
		return false;
	for (size_t i = 0; i < text_len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		port = port * 10 + (unsigned int)(text[i] - '0');
	}
	if (port > UINT16_MAX)
		return false;
	out[0] = (uint8_t)(port >> 8);
	out[1] = (uint8_t)port;
	return true;
}

static bool
ip_from_text(int family, const char *text, size_t text_len, uint8_t *out)
{
	char buf[INET6_ADDRSTRLEN];

	if (text_len >= sizeof(buf) || memchr(text, '\0', text_len) != NULL)
		return false;
	memcpy(buf, text, text_len);
	buf[text_len] = '\0';
	return inet_pton(family, buf, out) == 1;
}

/*
 * Turns one value into binary in `out`; returns its length or -1. Names and
 * zones are only copied: multiaddr_check() judges them.
 */
static int
value_from_text(enum multiaddr_kind kind, const char *text, size_t text_len,
    uint8_t out[static MULTIADDR_BYTES_MAX])
{
	struct peer_id id;

	switch (kind) {
	case KIND_NONE:
		return 0;
	case KIND_IP4:
		return ip_from_text(AF_INET, text, text_len, out)
			   ? MULTIADDR_IP4_BYTES
			   : -1;
	case KIND_IP6:
		return ip_from_text(AF_INET6, text, text_len, out)
			   ? MULTIADDR_IP6_BYTES
			   : -1;
	case KIND_PORT:
		return port_from_text(text, text_len, out)
			   ? MULTIADDR_PORT_BYTES
			   : -1;
	case KIND_ZONE:
	case KIND_NAME:
		if (text_len > MULTIADDR_NAME_MAX)
			return -1;
		memcpy(out, text, text_len);
		return (int)text_len;
	case KIND_PEER:
		if (!peer_id_parse(&id, text, text_len))
			return -1;
		memcpy(out, id.bytes, PEER_ID_BYTES);
		return PEER_ID_BYTES;
	}
	return -1;
}

/*
 * The text between the slash at `*at` and the next one (or the end), where
 * `*at` moves to. False if there is no slash or nothing after it.
 */
static bool
next_word(const char *text, size_t text_len, size_t *at, const char **word,
    size_t *word_len)
{
	size_t start = *at + 1, end;

	if (*at >= text_len || text[*at] != '/')
		return false;
	for (end = start; end < text_len && text[end] != '/'; end++)
		;
	*word = text + start;
	*word_len = end - start;
	*at = end;
	return end > start;
}

enum multiaddr_error
multiaddr_from_text(
    struct multiaddr_raw *raw, const char *text, size_t text_len)
{
	struct multiaddr_raw made = {.len = 0};
	uint8_t value[MULTIADDR_BYTES_MAX];
	const struct multiaddr_protocol *protocol;
	enum multiaddr_error error;
	const char *word;
	size_t at = 0, word_len;
	int value_len;

	if (text_len == 0)
		return MULTIADDR_EMPTY;
	if (text_len > MULTIADDR_TEXT_MAX)
		return MULTIADDR_TOO_LONG;
	while (at < text_len) {
		if (!next_word(text, text_len, &at, &word, &word_len))
			return MULTIADDR_SYNTAX;
		protocol = multiaddr_find_name(word, word_len);
		if (protocol == NULL)
			return MULTIADDR_PROTOCOL;
		if (protocol->kind != KIND_NONE &&
		    !next_word(text, text_len, &at, &word, &word_len))
			return MULTIADDR_SYNTAX;
		value_len =
		    value_from_text(protocol->kind, word, word_len, value);
		if (value_len < 0)
			return MULTIADDR_VALUE;
		if (!multiaddr_append(
			&made, protocol, value, (size_t)value_len))
			return MULTIADDR_TOO_LONG;
	}
	error = multiaddr_check(made.bytes, made.len);
	if (error == MULTIADDR_OK)
		*raw = made;
	return error;
}

/* Writes a value, judged before, with a slash before it and a NUL after it. */
static void
value_to_text(const struct multiaddr_part *part, char *out, size_t out_size)
{
	char text[MULTIADDR_NAME_MAX + 1] = "";
	struct peer_id id;

	switch (part->protocol->kind) {
	case KIND_NONE:
		out[0] = '\0';
		return;
	case KIND_IP4:
		inet_ntop(AF_INET, part->value, text, sizeof(text));
		break;
	case KIND_IP6:
		inet_ntop(AF_INET6, part->value, text, sizeof(text));
		break;
	case KIND_PORT:
		snprintf(text, sizeof(text), "%d",
		    part->value[0] << 8 | part->value[1]);
		break;
	case KIND_ZONE:
	case KIND_NAME:
		memcpy(text, part->value, part->value_len);
		text[part->value_len] = '\0';
		break;
	case KIND_PEER:
		memcpy(id.bytes, part->value, sizeof(id.bytes));
		peer_id_format(&id, text);
		break;
	}
	snprintf(out, out_size, "/%s", text);
}

size_t
multiaddr_to_text(
    const struct multiaddr_raw *raw, char text[static MULTIADDR_TEXT_SIZE])
{
	char value[MULTIADDR_NAME_MAX + 2];
	struct multiaddr_part part;
	size_t at = 0, len = 0;
	int n;

	text[0] = '\0';
	while (at < raw->len) {
		if (multiaddr_read_part(raw->bytes, raw->len, &at, &part) !=
		    MULTIADDR_OK)
			break;
		value_to_text(&part, value, sizeof(value));
		n = snprintf(text + len, MULTIADDR_TEXT_SIZE - len, "/%s%s",
		    part.protocol->name, value);
		if (n < 0 || (size_t)n >= MULTIADDR_TEXT_SIZE - len) {
			text[len] = '\0';
			break;
		}
		len += (size_t)n;
	}
	return len;
}
