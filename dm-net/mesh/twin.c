/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/twin.h"

/* Notices two nodes that have the same identity key, and says so once. */
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "dm-net/mesh/mesh_address.h"
#include "dm-net/mesh/peer_conn.h"
#include "dm-net/mesh/peer_conns.h"

#define TWIN_NS (60 * NS_PER_S)
#define TWIN_TIMES 3

static bool
is_same_host(
    const struct sockaddr_storage *one, const struct sockaddr_storage *other)
{
	const struct sockaddr_in *a = (const void *)one;
	const struct sockaddr_in *b = (const void *)other;
	const struct sockaddr_in6 *a6 = (const void *)one;
	const struct sockaddr_in6 *b6 = (const void *)other;

	if (one->ss_family != other->ss_family)
		return false;
	if (one->ss_family == AF_INET)
		return a->sin_addr.s_addr == b->sin_addr.s_addr;
	return memcmp(&a6->sin6_addr, &b6->sin6_addr, 16) == 0;
}

/* Another connection that the same peer made from elsewhere; NULL: none. */
static const struct peer_conn *
find_elsewhere(const struct peer_conn *c, const struct peer_id *peer)
{
	const struct peer_conn *other;
	const struct peer_id *id;

	LIST_FOREACH(other, &c->mesh->conns, next) {
		id = p2p_conn_peer_id(other->p2p);
		if (other != c && other->is_reported && id != NULL &&
		    p2p_conn_role(other->p2p) == P2P_LISTENER &&
		    peer_id_equal(id, peer) &&
		    !is_same_host(&c->remote, &other->remote))
			return other;
	}
	return NULL;
}

/*
 * Two nodes with one identity throw each other out, as their peers take the
 * newer connection for the one that is alive. One change of address is a
 * restart; many changes within a minute are two nodes.
 */
void
twin_look(const struct peer_conn *c, const struct peer_id *peer)
{
	const struct peer_conn *other = p2p_conn_role(c->p2p) == P2P_LISTENER
					    ? find_elsewhere(c, peer)
					    : NULL;
	char here[ADDRESS_TEXT_SIZE], there[ADDRESS_TEXT_SIZE];
	char name[PEER_ID_TEXT_SIZE];
	uint64_t now_ns = clock_mono_ns();
	struct mesh *m = c->mesh;

	if (other == NULL)
		return;
	if (!peer_id_equal(&m->twin.peer, peer) ||
	    now_ns - m->twin.since_ns > TWIN_NS) {
		m->twin.peer = *peer;
		m->twin.since_ns = now_ns;
		m->twin.times = 0;
	}
	if (++m->twin.times != TWIN_TIMES)
		return;
	peer_id_format(peer, name);
	log_warn("peer=%s connects by turns from address=%s and address=%s: "
		 "two nodes may have the same identity key: run \"dmctl id "
		 "--rotate\" on one of them and restart it",
	    name, peer_conn_address(c, here), peer_conn_address(other, there));
}
