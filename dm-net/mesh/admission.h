/* SPDX-License-Identifier: ISC */
/*
 * Who may open how many libp2p connections before we know them: half-open
 * ones in all and per source, and a token bucket per source. A source is an
 * IPv4 address or an IPv6 /64. Pure: the owner has the sockets and the clock.
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

#define ADMISSION_HALF_OPEN_MAX 128
#define ADMISSION_HALF_OPEN_SOURCE_MAX 16
#define ADMISSION_PARKED_MAX 128
#define ADMISSION_PARKED_SOURCE_MAX 8
#define ADMISSION_RATE_PER_S 50
#define ADMISSION_BURST 256
#define ADMISSION_SOURCES_MAX 4096

struct admission;

/* The first 8 bytes of what is counted: family and prefix. */
struct admission_source {
	uint8_t bytes[9];
};

enum admission_answer {
	ADMISSION_ADMIT, /* counted as half-open until _settled() */
	ADMISSION_PARK,	 /* counted as parked until _unpark() or _left() */
	ADMISSION_REFUSE,
};

struct admission *admission_new(void);
void admission_free(struct admission *);

/* address: 4 or 16 bytes. An IPv4-mapped IPv6 address counts as IPv4. */
void admission_source(
    struct admission_source *, const uint8_t *address, size_t len);

enum admission_answer admission_arrive(
    struct admission *, const struct admission_source *, uint64_t now_ns);

/* A parked one asks again: true turns it from parked into half-open. */
bool admission_unpark(
    struct admission *, const struct admission_source *, uint64_t now_ns);

/* A parked one was closed. */
void admission_left(struct admission *, const struct admission_source *);

/* A half-open one became established, or was closed. */
void admission_settled(struct admission *, const struct admission_source *);

/* How many were refused since the start. */
uint64_t admission_refused(const struct admission *);

#endif
