/* SPDX-License-Identifier: ISC */
/*
 * The content of a file that is to be signed or sent: its size, its hash and a
 * descriptor to read it from. Where it is not a regular file (standard input,
 * a pipe), and where dmd must be sure that nobody changes it, it is copied: to
 * sealed memory for the control socket, else to a file without a name.
 */
#ifndef DMCTL_CONTENT_H
#define DMCTL_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct content {
	int fd; /* from its start to size */
	uint64_t size;
	uint8_t sha256[32];
};

/* The limit of a copy where no max_file_size is known. */
#define CONTENT_COPY_MAX (UINT64_C(1) << 30)

/*
 * path "-": standard input. A copy has at most copy_max bytes, since a pipe or
 * a device may never end. 0, or an exit code after a message.
 */
int content_open(
    struct content *, const char *path, bool is_sealed, uint64_t copy_max);

/* The same for the bytes of fd after its position; fd stays the caller's. */
int content_read(struct content *, int fd, const char *path, bool is_sealed,
    uint64_t copy_max);

void content_close(struct content *);

#endif
