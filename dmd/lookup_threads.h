/* SPDX-License-Identifier: ISC */
/*
 * Name look-ups in threads, since getaddrinfo(3) blocks, for half a minute with
 * dead servers. Owns the threads and the two queues between them and the
 * resolver's loop. The threads never end by themselves.
 */
#ifndef DMD_LOOKUP_THREADS_H
#define DMD_LOOKUP_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOOKUP_THREADS 4
#define LOOKUPS_MAX 256 /* asked and not taken */
#define LOOKUP_HOST_MAX 253
#define LOOKUP_ADDRESSES_MAX 16
#define LOOKUP_ADDRESS_SIZE 17 /* 4 or 6, then 16 bytes */

struct lookup {
	uint64_t link;	 /* the caller's own number */
	uint32_t id;	 /* likewise */
	unsigned family; /* 0 both, 4, 6 */
	char host[LOOKUP_HOST_MAX + 1];
	char error[128]; /* "" when it worked */
	uint8_t addresses[LOOKUP_ADDRESSES_MAX * LOOKUP_ADDRESS_SIZE];
	size_t addresses_len; /* bytes */
};

struct lookup_threads;

/* Starts the threads; fatal() if that fails. */
struct lookup_threads *lookup_threads_new(void);

/* Readable when lookup_threads_take() has something. */
int lookup_threads_fd(const struct lookup_threads *);

/* Copies it (link, id, family, host). False when LOOKUPS_MAX are under way. */
bool lookup_threads_ask(struct lookup_threads *, const struct lookup *);

/* False when none is done. */
bool lookup_threads_take(struct lookup_threads *, struct lookup *out);

/* True for a text that may be a host name: letters, digits, '-', '.', '_'. */
bool lookup_threads_host_is_valid(const char *host);

#endif
