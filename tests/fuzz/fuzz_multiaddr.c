/* SPDX-License-Identifier: ISC */
/*
 * A multiaddress, as text or (first byte odd) as binary: what is accepted
 * must be the same after a turn through every other form.
 */
#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/multiaddr.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
check(const struct multiaddr_raw *raw)
{
	char text[MULTIADDR_TEXT_SIZE];
	struct multiaddr_raw back;
	struct sockaddr_storage ss;
	struct multiaddr addr, from;
	size_t len;

	len = multiaddr_to_text(raw, text);
	must(len > 0 && len == strlen(text));
	must(multiaddr_from_text(&back, text, len) == MULTIADDR_OK);
	must(multiaddr_equal(raw, &back));
	must(multiaddr_from_bytes(&back, raw->bytes, raw->len) == MULTIADDR_OK);
	multiaddr_strip_peer(&back);
	must(back.len > 0 && back.len <= raw->len);
	if (multiaddr_parse(&addr, raw) != MULTIADDR_OK)
		return;
	must(multiaddr_build(&back, &addr) == MULTIADDR_OK);
	must(multiaddr_equal(raw, &back));
	(void)multiaddr_is_dialable(&addr);
	if (multiaddr_to_sockaddr(&addr, &ss, 1) > 0)
		must(multiaddr_from_sockaddr(
		    &from, (struct sockaddr *)&ss, addr.zone));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct multiaddr_raw raw;
	enum multiaddr_error error;

	if (len == 0)
		return 0;
	if (data[0] & 1)
		error = multiaddr_from_bytes(&raw, data + 1, len - 1);
	else
		error =
		    multiaddr_from_text(&raw, (const char *)data + 1, len - 1);
	if (error == MULTIADDR_OK)
		check(&raw);
	return 0;
}
