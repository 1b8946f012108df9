/* SPDX-License-Identifier: ISC */
#include "common/keys/key_check.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "common/log.h"

struct key_check {
	EVP_MD_CTX *ctx;
	uint8_t public_key[32]; /* the key that pkey was made from */
	EVP_PKEY *pkey;		/* NULL: no key so far */
};

struct key_check *
key_check_new(void)
{
	struct key_check *c = xcalloc(1, sizeof(*c));

	c->ctx = EVP_MD_CTX_new();
	if (c->ctx == NULL)
		fatal("out of memory (ed25519)");
	return c;
}

void
key_check_free(struct key_check *c)
{
	if (c == NULL)
		return;
	EVP_MD_CTX_free(c->ctx);
	EVP_PKEY_free(c->pkey);
	free(c);
}

static void
use_key(struct key_check *c, const uint8_t public_key[static 32])
{
	if (c->pkey != NULL && memcmp(c->public_key, public_key, 32) == 0)
		return;
	/* a context that was used keeps its first key, whatever it is told */
	EVP_MD_CTX_reset(c->ctx);
	EVP_PKEY_free(c->pkey);
	memcpy(c->public_key, public_key, 32);
	c->pkey =
	    EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, 32);
	if (c->pkey == NULL)
		fatal("ed25519 failed");
}

bool
key_check_signature(struct key_check *c, const uint8_t public_key[static 32],
    const uint8_t *data, size_t len, const uint8_t signature[static 64])
{
	bool good;

	use_key(c, public_key);
	if (EVP_DigestVerifyInit(c->ctx, NULL, NULL, NULL, c->pkey) != 1)
		fatal("ed25519 failed");
	good = EVP_DigestVerify(c->ctx, signature, 64, data, len) == 1;
	if (!good)
		ERR_clear_error();
	return good;
}

bool
key_verify(const uint8_t public_key[static 32], const uint8_t *data, size_t len,
    const uint8_t signature[static 64])
{
	struct key_check *c = key_check_new();
	bool good = key_check_signature(c, public_key, data, len, signature);

	key_check_free(c);
	return good;
}
