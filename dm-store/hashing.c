/* SPDX-License-Identifier: ISC */
#include "dm-store/hashing.h"

#include <sys/types.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sha256.h"
#include "dm-store/disk.h"

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
