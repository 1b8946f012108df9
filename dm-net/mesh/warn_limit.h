/* SPDX-License-Identifier: ISC */
/*
 * How often the log names who misbehaves. A source that begins gets its line
 * at once and a few more within the minute; what exceeds that is counted and
 * told in one line when the minute is over. Pure: peer_warnings.c writes the
 * lines and has the clock.
 *
 * A source is what a connection that came in came from (as admission.h has
 * it), or the peer that proved its id on a connection that was dialled. The
 * address of the latter is not a source: others chose it.
 *
 * The table of sources is bounded. While all of it is in use, what strangers
 * do is counted together.
 */
#ifndef DM_NET_MESH_WARN_LIMIT_H
#define DM_NET_MESH_WARN_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "dm-net/mesh/admission.h"
#include "dm-net/libp2p/peer_id.h"

#define WARN_LIMIT_SOURCES_MAX 256
#define WARN_LIMIT_LINES_SOURCE 5 /* a minute, the first one included */
#define WARN_LIMIT_LINES 100 /* a minute, besides the first of each source */
#define WARN_LIMIT_MINUTE_NS (60 * NS_PER_S)

struct warn_limit;

struct warn_limit *warn_limit_new(void);
void warn_limit_free(struct warn_limit *);

/* Compared as bytes: filled by the two functions below, and by nothing else. */
struct warn_limit_source {
	bool is_peer;
	struct netsource address; /* of a connection that came in */
	struct peer_id peer;	  /* proved */
};

void warn_limit_address(struct warn_limit_source *, const struct netsource *);
void warn_limit_peer(struct warn_limit_source *, const struct peer_id *);

/* Somebody misbehaved: is it to be told now? Else it is counted. */
bool warn_limit_tell(
    struct warn_limit *, const struct warn_limit_source *, uint64_t now_ns);

/* The warnings that were not logged. */
struct warn_limit_rest {
	bool is_others; /* of all that had no room in the table */
	struct warn_limit_source source;
	uint64_t count;
};

/* The next one whose minute is over; false: none. */
bool warn_limit_rest(
    struct warn_limit *, uint64_t now_ns, struct warn_limit_rest *);

/* The source as text: "192.0.2.1", "2001:db8:1:2::/64", "peer=12D3...",
 * "others". */
#define WARN_LIMIT_TEXT_MAX (sizeof("peer=") + PEER_ID_TEXT_SIZE)
const char *warn_limit_whom(
    const struct warn_limit_rest *, char out[static WARN_LIMIT_TEXT_MAX]);

/* Told or not, since the start. */
uint64_t warn_limit_total(const struct warn_limit *);

#endif
