/* SPDX-License-Identifier: ISC */
#include "common/sha256.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "common/log.h"

struct sha256 {
	EVP_MD_CTX *md;
};

const uint8_t sha256_empty[32] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c,
    0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8,
    0x55};

static void
check(int result)
{
	if (result != 1)
		fatal("sha256 failed");
}

void
sha256_hash(const void *data, size_t len, uint8_t out[static 32])
{
	check(EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL));
}

struct sha256 *
sha256_new(void)
{
	struct sha256 *h = xcalloc(1, sizeof(*h));

	h->md = EVP_MD_CTX_new();
	if (h->md == NULL)
		fatal("out of memory");
	sha256_begin(h);
	return h;
}

void
sha256_free(struct sha256 *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->md);
	free(h);
}

void
sha256_begin(struct sha256 *h)
{
	check(EVP_DigestInit_ex(h->md, EVP_sha256(), NULL));
}

void
sha256_add(struct sha256 *h, const void *data, size_t len)
{
	check(EVP_DigestUpdate(h->md, data, len));
}

void
sha256_end(struct sha256 *h, uint8_t out[static 32])
{
	check(EVP_DigestFinal_ex(h->md, out, NULL));
}
