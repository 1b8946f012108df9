/* SPDX-License-Identifier: ISC */
/*
 * Who may open how many libp2p connections before we know them: half-open
 * ones in all and per source, and a token bucket per source. Pure: the owner
 * has the sockets and the clock.
 *
 * What exceeds the rate is parked (accepted, unread) until its source has a
 * token, so that many peers behind one address are slowed, not locked out;
 * what exceeds the parking is refused.
 */
#ifndef DM_NET_MESH_ADMISSION_H
#define DM_NET_MESH_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dm-net/sync/netsource.h"

#define ADMISSION_HALF_OPEN_MAX 128
#define ADMISSION_HALF_OPEN_SOURCE_MAX 16
#define ADMISSION_PARKED_MAX 128
#define ADMISSION_PARKED_SOURCE_MAX 8
#define ADMISSION_RATE_PER_S 50
#define ADMISSION_BURST 256
#define ADMISSION_SOURCES_MAX 4096

struct admission;

enum admission_answer {
	ADMISSION_ADMIT, /* counted as half-open until _settled() */
	ADMISSION_PARK,	 /* counted as parked until _unpark() or _left() */
	ADMISSION_REFUSE,
};

struct admission *admission_new(void);
void admission_free(struct admission *);

/* has_room: what its source owes leaves room for a handshake; if not it is
 * parked. */
enum admission_answer admission_arrive(struct admission *,
    const struct netsource *, bool has_room, uint64_t now_ns);

/* A parked one asks again: true turns it from parked into half-open. */
bool admission_unpark(
    struct admission *, const struct netsource *, uint64_t now_ns);

/* A parked one was closed. */
void admission_left(struct admission *, const struct netsource *);

/* A half-open one became established, or was closed. */
void admission_settled(struct admission *, const struct netsource *);

/* How many were refused since the start. */
uint64_t admission_refused(const struct admission *);

#endif
