/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/peer_warnings.h"

/*
 * The lines of the log that name who misbehaves, or is not allowed, in a form
 * that programs rely on (dm-net(8), SECURITY): each source a few times a
 * minute, then how often it was.
 */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "dm-net/mesh/warn_limit.h"
#include "dm-net/mesh/mesh_address.h"
#include "dm-net/mesh/peer_conn.h"
#include "dm-net/mesh/peer_conns.h"

void
peer_warnings_init(struct mesh *m)
{
	m->misbehaving = warn_limit_new();
	m->uninvited = warn_limit_new();
}

void
peer_warnings_free(struct mesh *m)
{
	warn_limit_free(m->misbehaving);
	warn_limit_free(m->uninvited);
}

/*
 * The peer and the address that a line may name. An incoming connection was
 * made from its address. An address that was dialled was chosen by somebody
 * else: a peer record, which any peer may pass on, leads to whichever server
 * its signer names. Even when the peer there proves its id, the address may be
 * that of a relay. So the peer is blamed, by its id, and never the address; and
 * without an id nobody is.
 */
struct accused {
	char address[ADDRESS_TEXT_SIZE]; /* "-": dialled */
	char peer[PEER_ID_TEXT_SIZE];	 /* "-": not proved */
	char dialled[sizeof(" dialed=") + ADDRESS_TEXT_SIZE]; /* "": came in */
};

/* False: nobody is to be named, or not now. */
static bool
accuse(struct warn_limit *limit, const struct peer_conn *c,
    const struct peer_id *peer, struct accused *out)
{
	struct netsource address;
	struct warn_limit_source source;
	bool is_dialled = p2p_conn_role(c->p2p) == P2P_DIALER;

	if (is_dialled && peer == NULL)
		return false;
	peer_conn_address(c, out->address);
	out->dialled[0] = '\0';
	if (is_dialled) {
		snprintf(out->dialled, sizeof(out->dialled), " dialed=%s",
		    out->address);
		strcpy(out->address, "-");
		warn_limit_peer(&source, peer);
	} else {
		address = mesh_address_source(&c->remote);
		warn_limit_address(&source, &address);
	}
	strcpy(out->peer, "-");
	if (peer != NULL)
		peer_id_format(peer, out->peer);
	return warn_limit_tell(limit, &source, clock_mono_ns());
}

void
peer_warnings_misbehaving(
    const struct peer_conn *c, const char *reason, const char *text)
{
	struct accused who;

	if (!accuse(c->mesh->misbehaving, c, p2p_conn_peer_id(c->p2p), &who))
		return;
	log_warn("misbehaving peer address=%s peer=%s%s reason=\"%s%s%s\"",
	    who.address, who.peer, who.dialled, reason,
	    reason[0] == '\0' ? "" : ": ", text);
}

void
peer_warnings_uninvited(const struct peer_conn *c, const struct peer_id *peer)
{
	struct accused who;

	if (!accuse(c->mesh->uninvited, c, peer, &who))
		return;
	log_warn("refused peer address=%s peer=%s%s reason=\"not in "
		 "allowed_peers\"",
	    who.address, who.peer, who.dialled);
}

static void
tell_rest(struct warn_limit *limit, const char *what)
{
	char text[WARN_LIMIT_TEXT_MAX];
	struct warn_limit_rest rest;

	while (warn_limit_rest(limit, clock_mono_ns(), &rest))
		log_warn("%s: %llu more from %s in the last minute", what,
		    (unsigned long long)rest.count,
		    warn_limit_whom(&rest, text));
}

/* Who is being limited, once a minute while that goes on. */
static void
tell_debtor(struct mesh *m)
{
	char text[LEDGER_WORST_TEXT_SIZE];
	uint64_t now_ns = clock_mono_ns();
	struct ledger_worst worst;

	if ((m->told_debtor_ns != 0 &&
		now_ns - m->told_debtor_ns < WARN_LIMIT_MINUTE_NS) ||
	    !ledger_worst(m->ledger, now_ns, &worst))
		return;
	m->told_debtor_ns = now_ns;
	log_warn("limited source %s: it gets a tenth of a core; if nobody "
		 "there is to reach this node, close the port to it",
	    ledger_worst_text(&worst, text));
}

void
peer_warnings_tick(struct mesh *m)
{
	tell_rest(m->misbehaving, "misbehaving peers");
	tell_rest(m->uninvited, "refused peers");
	tell_debtor(m);
}

uint64_t
mesh_hostile(const struct mesh *m)
{
	return warn_limit_total(m->misbehaving);
}
