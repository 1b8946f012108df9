/* SPDX-License-Identifier: ISC */
/*
 * A file that is hashed piece by piece, as much in a turn of the loop as its
 * caller likes. It judges nothing.
 */
#ifndef DMSTORE_HASHING_H
#define DMSTORE_HASHING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/sha256.h"

struct hashing {
	int fd;	      /* the file, -1: none */
	uint64_t got; /* bytes read so far */
	struct sha256 *hash;
};

void hashing_init(struct hashing *);
void hashing_clear(struct hashing *);

/* Takes fd, at its beginning; none may be under way. */
void hashing_begin(struct hashing *, int fd);

/* Gives up what is under way, if anything is. */
void hashing_stop(struct hashing *);

/*
 * Reads at most len bytes into buf. Returns how many; fewer than len when the
 * file is at its end, or cannot be read further: what is there is all that can
 * be had.
 */
size_t hashing_step(struct hashing *, uint8_t *buf, size_t len);

/* Closes the file and gives its sha256. */
void hashing_end(struct hashing *, uint8_t sha256[static 32]);

/* Hashes the whole of fd at once. False on an error, or if the file has not
 * `size` bytes. */
bool hashing_whole(int fd, uint64_t size, uint8_t sha256[static 32]);

#endif
