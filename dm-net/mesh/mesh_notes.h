/* SPDX-License-Identifier: ISC */
/*
 * Texts for people about peers: why one cannot be reached, who comes and who
 * goes.
 */
#ifndef DM_NET_MESH_MESH_NOTES_H
#define DM_NET_MESH_MESH_NOTES_H

#include "dm-net/mesh/mesh_internal.h"

/* Keeps why the peer could not be reached; the oldest notes make room. */
void mesh_note(struct mesh *, const struct peer_id *, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void mesh_note_clear(struct mesh *, const struct peer_id *);
/* "" if there is none. */
const char *mesh_note_find(const struct mesh *, const struct peer_id *);
/* A line of the log, at info, on who comes and goes; too many at once are cut
 * short and counted. */
void mesh_tell(struct mesh *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
