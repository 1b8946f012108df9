/* SPDX-License-Identifier: ISC */
#include "dm-store/hashing.h"

#include <sys/types.h>
#include <unistd.h>

#include "common/log.h"
#include "dm-store/disk.h"

void
hashing_init(struct hashing *h)
{
	h->fd = -1;
	h->got = 0;
	h->md = EVP_MD_CTX_new();
	if (h->md == NULL)
		fatal("out of memory");
}

void
hashing_clear(struct hashing *h)
{
	hashing_stop(h);
	EVP_MD_CTX_free(h->md);
}

void
hashing_begin(struct hashing *h, int fd)
{
	h->fd = fd;
	h->got = 0;
	if (EVP_DigestInit_ex(h->md, EVP_sha256(), NULL) != 1)
		fatal("sha256 is not available");
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
	if (EVP_DigestUpdate(h->md, buf, (size_t)n) != 1)
		fatal("sha256 failed");
	h->got += (uint64_t)n;
	return (size_t)n;
}

void
hashing_end(struct hashing *h, uint8_t sha256[static 32])
{
	hashing_stop(h);
	if (EVP_DigestFinal_ex(h->md, sha256, NULL) != 1)
		fatal("sha256 failed");
}
