/* SPDX-License-Identifier: ISC */
/* The part of a pass of the scrub that survives a restart: a row in meta. */
#ifndef DMSTORE_SCRUB_PASS_H
#define DMSTORE_SCRUB_PASS_H

#include "dm-store/store.h"

/* A walk over the winners. */
struct scrub_cursor {
	bool has_key;
	uint8_t key[16]; /* the last one */
};

struct scrub_pass {
	bool is_running;
	struct scrub_cursor at;
	uint64_t files, bytes, damaged; /* so far */
	uint64_t last_ns;		/* Unix time of the last end, 0: none */
};

/* Into the open batch. */
void scrub_pass_save(struct store *, const struct scrub_pass *);

/* False, and an empty one, if there is none. */
bool scrub_pass_load(struct store *, struct scrub_pass *);

#endif
