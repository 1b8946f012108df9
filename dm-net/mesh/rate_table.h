/* SPDX-License-Identifier: ISC */
/*
 * How often each source has come lately: a token bucket for each. The table has
 * a fixed size; a stranger takes the place of the source whose bucket is
 * fullest of the few that share its part of the table, so that nobody is
 * refused for want of room. Pure: the owner has the clock.
 */
#ifndef DM_NET_MESH_RATE_TABLE_H
#define DM_NET_MESH_RATE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/siphash.h"
#include "dm-net/sync/netsource.h"

#define RATE_TABLE_SOURCES 4096

struct rate_table;

/* So many at once, and then one each interval_ns. The secret is random. */
struct rate_table *rate_table_new(const uint8_t secret[SIPHASH_SECRET_BYTES],
    unsigned burst, uint64_t interval_ns);
void rate_table_free(struct rate_table *);

/* Takes a token of that source; false if it has none. */
bool rate_table_take(
    struct rate_table *, const struct netsource *, uint64_t now_ns);

#endif
