/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/peer_conns.h"

/* Finds a connection by its number, and names its peer and its address.
 * peer_conn.c moves its bytes. */
#include "dm-net/mesh/mesh_address.h"
#include "dm-net/mesh/peer_conn.h"

struct peer_conn *
peer_conn_find(struct mesh *m, uint64_t id)
{
	struct peer_conn *c;

	LIST_FOREACH(c, &m->conns_by_id[id % PEER_CONN_BUCKETS], same_bucket)
		if (c->id == id)
			return c;
	return NULL;
}

const char *
peer_conn_address(const struct peer_conn *c, char out[static ADDRESS_TEXT_SIZE])
{
	return mesh_address_format(&c->remote, out);
}

void
peer_conn_id_text(const struct peer_conn *c, char out[static PEER_ID_TEXT_SIZE])
{
	const struct peer_id *peer =
	    c != NULL && c->p2p != NULL ? p2p_conn_peer_id(c->p2p) : NULL;

	out[0] = '\0';
	if (peer != NULL)
		peer_id_format(peer, out);
}
