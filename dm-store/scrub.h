/* SPDX-License-Identifier: ISC */
/*
 * Is what the index says what the disk has? Right after the start, and in
 * slices, every winner's row, record and file are looked up; later, once a day
 * and slowly, every file is read and hashed. What is missing or damaged is
 * wanted again. Also checks what a peer complains about.
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

#endif
