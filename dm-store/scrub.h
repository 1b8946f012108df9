/* SPDX-License-Identifier: ISC */
/*
 * Compares the index with the disk. Right after the start, and in slices, every
 * winner's row, record and file are looked up; once a day, and slowly, every
 * file is read and hashed, then old/ (scrub_old.h), a pass that goes on where
 * the last run left it. A damaged file goes to quarantine; it and a missing one
 * are wanted again. It also reads the files that a peer complains about or that
 * are in suspects.h, and all files at once for `dmctl fsck`.
 */
#ifndef DMSTORE_SCRUB_H
#define DMSTORE_SCRUB_H

#include "dm-store/store.h"

struct scrub *scrub_new(struct store *);
void scrub_free(struct scrub *);

/* Begins the first look; once the configuration is in force. */
void scrub_start(struct store *);

/* A peer says that this version as served by us fails its hash. */
void scrub_suspect(struct store *, const uint8_t key[static 16],
    const uint8_t version[static 32]);

/*
 * A pass over all files from the first, as fast as the disk reads, for a
 * client: rows of progress, then the result. BUSY if there is one already.
 */
void scrub_check(struct store *, struct control_client *);

/* How far the pass is, into the open batch; before the end. */
void scrub_settle(struct store *);

struct scrub_facts {
	bool is_running;
	uint64_t done_files, total_files; /* of the pass that is running */
	uint64_t last_ns; /* Unix time of the last end, 0: none */
};
void scrub_facts(const struct store *, struct scrub_facts *);

#endif
