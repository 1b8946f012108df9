/* SPDX-License-Identifier: ISC */
/*
 * A peer that says what it is told to: speaks libp2p as any other, and sends
 * the given bytes, each with its length, as messages of the sync protocol.
 *
 *   rogue /ip4/ADDRESS/tcp/PORT/p2p/ID [=]HEX...
 *
 * ROGUE_SEED in the environment, 64 hexadecimal digits, is its identity; it is
 * another one each time otherwise. ROGUE_SOURCE is the IPv4 address that it
 * comes from.
 * What starts with = is sent without a length before it.
 * Prints "sent" when they are on their way and "closed REASON" when the other
 * side has had enough. Ends then, or when standard input ends. Run by
 * test_refused.py and test_faults.py.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dm-net/sync/sync.h"
#include "tests/interop/cloop.h"

struct script {
	uint8_t *bytes;
	size_t len, sent;
};

static size_t
on_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct script *script = p2p_stream_user(s);
	size_t n = script->len - script->sent;

	if (n > room)
		n = room;
	memcpy(out, script->bytes + script->sent, n);
	script->sent += n;
	if (n > 0 && script->sent == script->len) {
		puts("sent");
		fflush(stdout);
	}
	return n;
}

static size_t
on_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	return len;
}

static const struct p2p_stream_handlers out_handlers = {
    .on_writable = on_writable,
    .on_data = on_data,
};

static const struct p2p_stream_handlers in_handlers = {
    .on_data = on_data,
};

/* The length as an unsigned varint, then what the digits say. */
static void
add_message(struct script *script, const char *hex)
{
	bool is_bare = hex[0] == '=';
	size_t len = strlen(hex += is_bare) / 2, left = len;
	uint8_t *p;

	script->bytes = realloc(script->bytes, script->len + len + 10);
	if (script->bytes == NULL)
		err(2, NULL);
	p = script->bytes + script->len;
	for (; !is_bare && left >= 0x80; left >>= 7)
		*p++ = (uint8_t)(left | 0x80);
	if (!is_bare)
		*p++ = (uint8_t)left;
	for (size_t i = 0; i < len; i++)
		if (sscanf(hex + 2 * i, "%2hhx", p++) != 1)
			errx(2, "not hexadecimal: %s", hex);
	script->len = (size_t)(p - script->bytes);
}

int
main(int argc, char **argv)
{
	const char *source = getenv("ROGUE_SOURCE");
	static struct cloop loop;
	struct script script = {0};
	struct multiaddr addr;
	struct multiaddr_raw raw;
	struct link *link;

	if (argc < 3 ||
	    multiaddr_from_text(&raw, argv[1], strlen(argv[1])) !=
		MULTIADDR_OK ||
	    multiaddr_parse(&addr, &raw) != MULTIADDR_OK)
		errx(2, "usage: rogue multiaddr hex...");
	for (int i = 2; i < argc; i++)
		add_message(&script, argv[i]);
	cloop_init(&loop, getenv("ROGUE_SEED"));
	if (source != NULL && inet_pton(AF_INET, source, &loop.source) != 1)
		errx(2, "%s: not an address", source);
	p2p_host_serve(
	    loop.host, SYNC_PROTOCOL, P2P_CLASS_SYNC, 1, &in_handlers, NULL);
	link = cloop_dial(&loop, &addr);
	if (!cloop_run(&loop, &link->is_established, 60))
		errx(1, "not connected: %s", link->text);
	if (p2p_stream_open(link->conn, SYNC_PROTOCOL, P2P_CLASS_SYNC,
		&out_handlers, &script) == NULL)
		errx(1, "no stream");
	cloop_watch_stdin(&loop);
	while (!loop.is_over && !link->is_closed)
		cloop_wait(&loop);
	if (link->is_closed)
		printf("closed %s\n", p2p_reason_name(link->reason));
	cloop_clear(&loop);
	free(script.bytes);
	return 0;
}
