/* SPDX-License-Identifier: ISC */
/*
 * The places for sending large files. They are few, so that each file is sent
 * fast; when all are taken, a newcomer is not simply refused: a transfer that
 * will not end soon gives up its place if its source or its peer has more than
 * the newcomer, or if it crawls. Pure: the owner moves the bytes, has the clock
 * and ends the transfer.
 */
#ifndef DM_NET_MESH_SEND_PLACES_H
#define DM_NET_MESH_SEND_PLACES_H

#include <stdint.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "dm-net/sync/netsource.h"

/* Nobody is judged before. */
#define SEND_PLACE_AGE_NS NS_PER_S
/* A transfer that ends that soon is left alone. */
#define SEND_PLACE_SOON_NS (2 * NS_PER_S)
/* One that crawls: bytes a second, over its whole time. */
#define SEND_PLACE_CRAWL_NS (5 * NS_PER_S)
#define SEND_PLACE_CRAWL_RATE (64u << 10)

/* A transfer under way; embedded in the owner's. */
struct send_place {
	LIST_ENTRY(send_place) next;
	struct netsource source;
	uint64_t conn;	   /* of the peer */
	uint64_t since_ns; /* when it began */
	uint64_t sent;	   /* bytes so far */
	uint64_t size;	   /* bytes in all */
};

LIST_HEAD(send_places, send_place);

/* The transfer that ends for a newcomer of that source and connection; NULL:
 * the newcomer waits. */
struct send_place *send_places_yield(const struct send_places *,
    const struct netsource *, uint64_t conn, uint64_t now_ns);

#endif
