/* SPDX-License-Identifier: ISC */
/*
 * The lines of the log that name who misbehaves, or is not allowed, in a form
 * that programs rely on (dm-net(8), SECURITY): each source a few times a
 * minute, then how often it was.
 */
#include <string.h>

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

static bool
is_to_be_told(struct blame *blame, const struct link *l)
{
	struct admission_source source;

	link_source(&source, &l->remote);
	return blame_tell(blame, &source, mesh_monotonic_ns());
}

/* The peer id if it is known, else "-". */
static const char *
name_of(const struct link *l, char out[static PEER_ID_TEXT_SIZE])
{
	link_peer(l, out);
	if (out[0] == '\0')
		strcpy(out, "-");
	return out;
}

void
accuse_misbehaving(const struct link *l, const char *reason, const char *text)
{
	char address[LINK_ADDRESS_MAX], peer[PEER_ID_TEXT_SIZE];

	if (!is_to_be_told(l->mesh->misbehaving, l))
		return;
	log_warn("misbehaving peer address=%s peer=%s reason=\"%s%s%s\"",
	    link_address(l, address), name_of(l, peer), reason,
	    reason[0] == '\0' ? "" : ": ", text);
}

void
accuse_uninvited(const struct link *l, const struct peer_id *peer)
{
	char address[LINK_ADDRESS_MAX], name[PEER_ID_TEXT_SIZE];

	if (!is_to_be_told(l->mesh->uninvited, l))
		return;
	peer_id_format(peer, name);
	log_warn("refused peer address=%s peer=%s reason=\"not in "
		 "allowed_peers\"",
	    link_address(l, address), name);
}

static void
tell_rest(struct blame *blame, const char *what)
{
	char text[BLAME_TEXT_MAX];
	struct blame_rest rest;

	while (blame_rest(blame, mesh_monotonic_ns(), &rest))
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
