/* SPDX-License-Identifier: ISC */
#include "dm-net/sync/netsource.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* https://github.com/multiformats/multicodec */
#define CODE_IP4 4
#define CODE_IP6 41
#define CODE_IP6ZONE 42

struct netsource
netsource_of_address(const uint8_t *address, size_t len)
{
	static const uint8_t mapped[12] = {
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	struct netsource out = {{0}};

	if (len == 16 && memcmp(address, mapped, sizeof(mapped)) == 0) {
		address += sizeof(mapped);
		len = 4;
	}
	if (len != 4 && len != 16)
		return out;
	out.bytes[0] = (uint8_t)len;
	memcpy(out.bytes + 1, address, len == 4 ? 4 : 8);
	return out;
}

struct netsource
netsource_of_multiaddr(const uint8_t *bytes, size_t len)
{
	/* a zone is shorter than a length of two bytes could say */
	if (len >= 2 && bytes[0] == CODE_IP6ZONE && bytes[1] < 0x80 &&
	    len >= 2 + (size_t)bytes[1]) {
		len -= 2 + (size_t)bytes[1];
		bytes += 2 + (size_t)bytes[1];
	}
	if (len >= 1 + 4 && bytes[0] == CODE_IP4)
		return netsource_of_address(bytes + 1, 4);
	if (len >= 1 + 16 && bytes[0] == CODE_IP6)
		return netsource_of_address(bytes + 1, 16);
	return netsource_of_address(NULL, 0);
}

struct netsource
netsource_network(const struct netsource *s, unsigned bits)
{
	struct netsource out = *s;

	for (unsigned i = 0; i < sizeof(out.bytes) - 1; i++) {
		unsigned left = bits > 8 * i ? bits - 8 * i : 0;

		if (left < 8)
			out.bytes[1 + i] &= (uint8_t)(0xff00u >> left);
	}
	return out;
}

const char *
netsource_text(const struct netsource *s, unsigned bits,
    char out[static NETSOURCE_TEXT_SIZE])
{
	int family = s->bytes[0] == 4 ? AF_INET : AF_INET6;
	uint8_t ip[16] = {0};
	char length[5] = "";

	memcpy(ip, s->bytes + 1, sizeof(s->bytes) - 1);
	strcpy(out, "-");
	if (s->bytes[0] == 0)
		return out;
	inet_ntop(family, ip, out, NETSOURCE_TEXT_SIZE - sizeof(length));
	if (family == AF_INET6 || bits < 32)
		snprintf(length, sizeof(length), "/%u", bits % 100);
	return strcat(out, length);
}
