/* SPDX-License-Identifier: ISC */
/* A core whose peers are played by the test. No peer has a signed record. */
#ifndef TESTS_LONE_CORE_H
#define TESTS_LONE_CORE_H

#include <string.h>

#include "dm-net/sync/sync.h"

#define SEC UINT64_C(1000000000)
#define WALL (UINT64_C(1800000000) * SEC)

static inline bool
no_record(const uint8_t *bytes, size_t len, struct sync_record *out)
{
	return false;
}

/* The peers' ids are ordered as their numbers are. */
static inline struct peer_id
lone_id(uint8_t n)
{
	struct peer_id id = {.bytes = {0x00, 0x24, 0x08, 0x01, 0x12, 0x20, n}};

	return id;
}

/* Of that number, with all below a/ configured; its index has begun to come. */
static inline struct sync *
lone_core(uint8_t n)
{
	struct sync_settings set = {.self = lone_id(n),
	    .seed = {n},
	    .agent = "t",
	    .start = n,
	    .peers_max = 4,
	    .record_open = no_record};
	struct sync_config config = {.interval_ns = 30 * SEC,
	    .clock_skew_ns = 300 * SEC,
	    .file_size_max = 1 << 20};
	struct sync *s = sync_new(&set);

	sync_tick(s, SEC, WALL);
	sync_config_begin(s, &config);
	sync_config_name(s, "a/*");
	sync_config_commit(s, 1);
	sync_index_begin(s);
	return s;
}

#endif
