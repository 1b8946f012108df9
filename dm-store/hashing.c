/* SPDX-License-Identifier: ISC */
#include "dm-store/hashing.h"

#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sha256.h"
#include "dm-store/disk.h"

#define CHUNK ((size_t)256 << 10)

void
hashing_init(struct hashing *h)
{
	h->fd = -1;
	h->got = 0;
	h->hash = sha256_new();
}

void
hashing_clear(struct hashing *h)
{
	hashing_stop(h);
	sha256_free(h->hash);
}

void
hashing_begin(struct hashing *h, int fd)
{
	h->fd = fd;
	h->got = 0;
	sha256_begin(h->hash);
}

void
hashing_stop(struct hashing *h)
{
	if (h->fd != -1)
		close(h->fd);
	h->fd = -1;
}

size_t
hashing_step(struct hashing *h, uint8_t *buf, size_t len)
{
	ssize_t n = disk_read(h->fd, buf, len, h->got);

	if (n <= 0)
		return 0;
	sha256_add(h->hash, buf, (size_t)n);
	h->got += (uint64_t)n;
	return (size_t)n;
}

void
hashing_end(struct hashing *h, uint8_t sha256[static 32])
{
	hashing_stop(h);
	sha256_end(h->hash, sha256);
}

bool
hashing_whole(int fd, uint64_t size, uint8_t sha256[static 32])
{
	struct sha256 *h = sha256_new();
	uint8_t *buf = xmalloc(CHUNK);
	uint64_t got = 0;
	ssize_t n;

	while ((n = disk_read(fd, buf, CHUNK, got)) > 0 && got <= size) {
		sha256_add(h, buf, (size_t)n);
		got += (uint64_t)n;
	}
	sha256_end(h, sha256);
	sha256_free(h);
	free(buf);
	return n == 0 && got == size;
}
