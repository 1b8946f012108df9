/* SPDX-License-Identifier: ISC */
/* Finds a link by its number, and names its peer and its address. link.c moves
 * its bytes. */
#include "dm-net/mesh_internal.h"

struct link *
link_find(struct mesh *m, uint64_t id)
{
	struct link *l;

	LIST_FOREACH(l, &m->links_by_id[id % LINK_BUCKETS], same_bucket)
		if (l->id == id)
			return l;
	return NULL;
}

const char *
link_address(const struct link *l, char out[static LINK_ADDRESS_MAX])
{
	return mesh_address_format(&l->remote, out);
}

void
link_peer(const struct link *l, char out[static PEER_ID_TEXT_SIZE])
{
	const struct peer_id *peer =
	    l != NULL && l->conn != NULL ? p2p_conn_peer_id(l->conn) : NULL;

	out[0] = '\0';
	if (peer != NULL)
		peer_id_format(peer, out);
}
