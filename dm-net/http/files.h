/* SPDX-License-Identifier: ISC */
/*
 * The files that are held open for HTTP clients: descriptors that dm-store
 * handed over, with their entries and response heads made ready, found by name.
 * At most HTTP_FILES_MAX, those being sent and those asked for included; the
 * one unused for the longest time makes room. A file that dm-store says has
 * changed is forgotten, but stays open until it has been sent to those who
 * asked before.
 */
#ifndef DM_NET_HTTP_FILES_H
#define DM_NET_HTTP_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/entry.h"
#include "dm-net/http/head.h"

struct http_files;

struct http_file {
	struct http_files *files;
	TAILQ_ENTRY(http_file) all; /* the longest unused first */
	LIST_ENTRY(http_file) bucket;
	unsigned users;
	bool is_listed; /* may be found */
	struct entry entry;
	uint8_t key[16];
	int fd;
	uint64_t expires_ns;   /* 0: never */
	char etag[68];	       /* with its quotes */
	struct http_head head; /* of a plain 200 */
};

struct http_files *http_files_new(unsigned files_max);
void http_files_free(struct http_files *); /* nobody uses any */

/* The file of a name that has not expired, to be released; NULL if none. */
struct http_file *http_files_find(
    struct http_files *, const char *name, uint64_t now_ns);

/* Makes sure that one more may be added, later; false: all are in use. */
bool http_files_reserve(struct http_files *);
void http_files_unreserve(struct http_files *);

/* Half of them are being sent or asked for. */
bool http_files_is_crowded(const struct http_files *);

/* Uses up a reservation. Takes fd. To be released. */
struct http_file *http_files_add(
    struct http_files *, const struct entry *, int fd, uint64_t now_ns);

void http_file_release(struct http_file *);

void http_files_forget_name(struct http_files *, const char *name);
void http_files_forget_key(struct http_files *, const uint8_t key[static 16]);
void http_files_forget_all(struct http_files *);

unsigned http_files_open(const struct http_files *);

/*
 * The fields that describe a version, without its Content-Length.
 * Last-Modified is never after now.
 */
void http_file_fields(
    struct http_head *, const struct entry *, uint64_t now_ns);

#endif
