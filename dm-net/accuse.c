/* SPDX-License-Identifier: ISC */
/*
 * The lines of the log that name who misbehaves, or is not allowed, in a form
 * that programs rely on (dm-net(8), SECURITY): each source a few times a
 * minute, then how often it was.
 */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "dm-net/blame.h"
#include "dm-net/mesh_internal.h"

void
accuse_init(struct mesh *m)
{
	m->misbehaving = blame_new();
	m->uninvited = blame_new();
}

void
accuse_free(struct mesh *m)
{
	blame_free(m->misbehaving);
	blame_free(m->uninvited);
}

/*
 * Whom a line may name. A connection that came in was made from its address,
 * by whoever that is. An address that was dialled was chosen by somebody else:
 * a peer record, which any peer may pass on, leads to whichever server its
 * signer names. Even when the peer there proves its id, the address may be that
 * of a relay. So the peer is blamed, by its id, and never the address; and
 * without an id nobody is.
 */
struct accused {
	char address[LINK_ADDRESS_MAX]; /* "-": dialled */
	char peer[PEER_ID_TEXT_SIZE];	/* "-": not proved */
	char dialled[sizeof(" dialed=") + LINK_ADDRESS_MAX]; /* "": came in */
};

/* False: nobody is to be named, or not now. */
static bool
accuse(struct blame *blame, const struct link *l, const struct peer_id *peer,
    struct accused *out)
{
	struct admission_source address;
	struct blame_source source;
	bool is_dialled = p2p_conn_role(l->conn) == P2P_DIALER;

	if (is_dialled && peer == NULL)
		return false;
	link_address(l, out->address);
	out->dialled[0] = '\0';
	if (is_dialled) {
		snprintf(out->dialled, sizeof(out->dialled), " dialed=%s",
		    out->address);
		strcpy(out->address, "-");
		blame_peer(&source, peer);
	} else {
		mesh_address_source(&address, &l->remote);
		blame_address(&source, &address);
	}
	strcpy(out->peer, "-");
	if (peer != NULL)
		peer_id_format(peer, out->peer);
	return blame_tell(blame, &source, clock_mono_ns());
}

void
accuse_misbehaving(const struct link *l, const char *reason, const char *text)
{
	struct accused who;

	if (!accuse(l->mesh->misbehaving, l, p2p_conn_peer_id(l->conn), &who))
		return;
	log_warn("misbehaving peer address=%s peer=%s%s reason=\"%s%s%s\"",
	    who.address, who.peer, who.dialled, reason,
	    reason[0] == '\0' ? "" : ": ", text);
}

void
accuse_uninvited(const struct link *l, const struct peer_id *peer)
{
	struct accused who;

	if (!accuse(l->mesh->uninvited, l, peer, &who))
		return;
	log_warn("refused peer address=%s peer=%s%s reason=\"not in "
		 "allowed_peers\"",
	    who.address, who.peer, who.dialled);
}

static void
tell_rest(struct blame *blame, const char *what)
{
	char text[BLAME_TEXT_MAX];
	struct blame_rest rest;

	while (blame_rest(blame, clock_mono_ns(), &rest))
		log_warn("%s: %llu more from %s in the last minute", what,
		    (unsigned long long)rest.count, blame_whom(&rest, text));
}

void
accuse_tick(struct mesh *m)
{
	tell_rest(m->misbehaving, "misbehaving peers");
	tell_rest(m->uninvited, "refused peers");
}

uint64_t
mesh_hostile(const struct mesh *m)
{
	return blame_total(m->misbehaving);
}
