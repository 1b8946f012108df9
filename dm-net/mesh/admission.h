/* SPDX-License-Identifier: ISC */
/*
 * Limits the libp2p connections of peers that are not known yet. The places of
 * half-open ones are few, in all and for each source, and so is the rate. Pure:
 * the owner has the sockets and the clock.
 *
 * Nobody keeps others out by having come first. When a table is full, or a
 * source has all that it may, a newcomer takes the place of the worst holder:
 * of the source, or the network above it, that holds most for its size; there,
 * of the one whose fair time is over first. A handshake takes a round trip or
 * two, so that time is short, and shorter for who says nothing. Only for a
 * newcomer that would hold less than the worst holder is it cut short.
 *
 * A connection that exceeds the rate, or finds nobody who can go yet, is parked
 * (accepted, unread). Of the parked those that have said nothing make room.
 *
 * Sources from which a good peer is known, since we have dialled it there or
 * the configuration names it, have some places of their own besides.
 */
#ifndef DM_NET_MESH_ADMISSION_H
#define DM_NET_MESH_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "dm-net/sync/netsource.h"

#define ADMISSION_HALF_OPEN_MAX 128
#define ADMISSION_HALF_OPEN_SOURCE_MAX 16
#define ADMISSION_PARKED_MAX 128
#define ADMISSION_PARKED_SOURCE_MAX 8
/* The fair time of a half-open one. */
#define ADMISSION_FAIR_NS (3 * NS_PER_S)
#define ADMISSION_FAIR_SILENT_NS NS_PER_S
#define ADMISSION_RATE_PER_S 50
#define ADMISSION_BURST 256
/* For sources that are known, on top. */
#define ADMISSION_KNOWN_MAX 32
#define ADMISSION_KNOWN_SOURCE_MAX 4
#define ADMISSION_KNOWN_RATE_PER_S 5
#define ADMISSION_KNOWN_BURST 20
#define ADMISSION_KNOWN_SOURCES_MAX 1024

struct admission;
struct admission_holder;

enum admission_table {
	ADMISSION_NO_TABLE,
	ADMISSION_HALF_OPEN,
	ADMISSION_KNOWN, /* half-open, in a place of the known ones */
	ADMISSION_PARKED,
	ADMISSION_TABLES
};

/*
 * What a connection holds; a part of it, zeroed at first. The owner sets drop:
 * it is called when the place has been given to another, which the connection
 * does not survive; not before the function that was called is done.
 */
struct admission_place {
	void (*drop)(struct admission_place *);

	/* admission.c's own */
	TAILQ_ENTRY(admission_place) next;
	struct admission_holder *holder;
	struct netsource source;
	enum admission_table table;
	uint64_t since_ns;
	bool has_spoken;
};

enum admission_answer {
	ADMISSION_ADMIT, /* half-open until admission_leave() */
	ADMISSION_PARK,	 /* parked until admission_unpark(), or _leave() */
	ADMISSION_REFUSE,
};

struct admission *admission_new(void);
void admission_free(struct admission *);

/* A good peer is there. The last 1024 or so are remembered. */
void admission_know(struct admission *, const struct netsource *);
bool admission_is_known(struct admission *, const struct netsource *);

/* has_room: what its source owes leaves room for a handshake; if not it is
 * parked, if it is not known. */
enum admission_answer admission_arrive(struct admission *,
    struct admission_place *, const struct netsource *, bool has_room,
    uint64_t now_ns);

/* A parked one asks again: true turns it from parked into half-open. Others
 * are dropped for it only if it has spoken. */
bool admission_unpark(struct admission *, struct admission_place *,
    bool has_room, uint64_t now_ns);

/* The first bytes have come. */
void admission_spoke(struct admission_place *);

/* A half-open one became established, or either was closed. What holds no
 * place is fine. */
void admission_leave(struct admission *, struct admission_place *);

/* Moves what is parked into another place of its owner's. */
void admission_move(struct admission *, struct admission_place *to,
    struct admission_place *from);

struct admission_stats {
	uint64_t refused;
	uint64_t dropped_of_source; /* the newcomer's, which had all it may */
	uint64_t dropped_of_all;    /* the table was full */
};

const struct admission_stats *admission_stats(const struct admission *);

#endif
