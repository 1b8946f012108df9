/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/mesh_address.h"

/* Addresses of peers in the forms that the parts of the mesh need. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "dm-net/mesh/peer_conn.h"

void
mesh_address_copy(struct sync_addr *to, const struct multiaddr_raw *from)
{
	to->len = from->len;
	memcpy(to->bytes, from->bytes, from->len);
}

const char *
mesh_address_format(
    const struct sockaddr_storage *ss, char out[static ADDRESS_TEXT_SIZE])
{
	char host[INET6_ADDRSTRLEN] = "?";
	const struct sockaddr_in *in = (const void *)ss;
	const struct sockaddr_in6 *in6 = (const void *)ss;

	if (ss->ss_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(
		    out, ADDRESS_TEXT_SIZE, "%s:%u", host, ntohs(in->sin_port));
	} else {
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(out, ADDRESS_TEXT_SIZE, "[%s]:%u", host,
		    ntohs(in6->sin6_port));
	}
	return out;
}

struct netsource
mesh_address_source(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in *in = (const void *)ss;
	const struct sockaddr_in6 *in6 = (const void *)ss;

	if (ss->ss_family == AF_INET)
		return netsource_of_address((const uint8_t *)&in->sin_addr, 4);
	return netsource_of_address(in6->sin6_addr.s6_addr, 16);
}
