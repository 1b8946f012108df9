/* SPDX-License-Identifier: ISC */
/*
 * How often the log names who misbehaves. A source that begins gets its line
 * at once and a few more within the minute; what exceeds that is counted and
 * told in one line when the minute is over. Pure: accuse.c writes the lines
 * and has the clock.
 *
 * A source is what a connection that came in came from (as admission.h has
 * it), or the peer that proved its id on a connection that was dialled. The
 * address of the latter is not a source: others chose it.
 *
 * The table of sources is bounded. While all of it is in use, what strangers
 * do is counted together.
 */
#ifndef DM_NET_BLAME_H
#define DM_NET_BLAME_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "dm-net/admission.h"
#include "dm-net/libp2p/peer_id.h"

#define BLAME_SOURCES_MAX 256
#define BLAME_LINES_SOURCE 5 /* a minute, the first one included */
#define BLAME_LINES 100	     /* a minute, besides the first of each source */
#define BLAME_MINUTE_NS (60 * NS_PER_S)

struct blame;

struct blame *blame_new(void);
void blame_free(struct blame *);

/* Compared as bytes: filled by the two functions below, and by nothing else. */
struct blame_source {
	bool is_peer;
	struct admission_source address; /* of a connection that came in */
	struct peer_id peer;		 /* proved */
};

void blame_address(struct blame_source *, const struct admission_source *);
void blame_peer(struct blame_source *, const struct peer_id *);

/* Somebody misbehaved: is it to be told now? Else it is counted. */
bool blame_tell(struct blame *, const struct blame_source *, uint64_t now_ns);

/* What was not told. */
struct blame_rest {
	bool is_others; /* of all that had no room in the table */
	struct blame_source source;
	uint64_t count;
};

/* The next one whose minute is over; false: none. */
bool blame_rest(struct blame *, uint64_t now_ns, struct blame_rest *);

/* Who that was: "192.0.2.1", "2001:db8:1:2::/64", "peer=12D3...",
 * "others". */
#define BLAME_TEXT_MAX (sizeof("peer=") + PEER_ID_TEXT_SIZE)
const char *blame_whom(
    const struct blame_rest *, char out[static BLAME_TEXT_MAX]);

/* Told or not, since the start. */
uint64_t blame_total(const struct blame *);

#endif
