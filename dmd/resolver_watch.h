/* SPDX-License-Identifier: ISC */
/*
 * Notices that the files which the resolver may read are no longer those of its
 * start: a directory that came later, a link that leads elsewhere now. Owns
 * nothing.
 */
#ifndef DMD_RESOLVER_WATCH_H
#define DMD_RESOLVER_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/sandbox/resolver_paths.h"

/* The identity of a file, not its content. */
struct file_identity {
	bool is_there;
	uint64_t device, inode;
	int64_t born_s; /* 0 where the file system does not say */
	uint32_t born_ns;
};

struct resolver_watch {
	struct file_identity seen[RESOLVER_PATHS];
};

/* Remembers the files that are there. To be called before the resolver is
 * started. */
void resolver_watch_take(struct resolver_watch *);

/* The name of a file that is there now and was another one or missing; NULL:
 * all are as they were, or gone, which a new start would not mend. */
const char *resolver_watch_news(const struct resolver_watch *);

#endif
