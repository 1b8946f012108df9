/* SPDX-License-Identifier: ISC */
#include "common/keys/key_pair.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "common/log.h"

void
key_from_seed(struct key_pair *pair, const uint8_t seed[static 32])
{
	EVP_PKEY *pkey =
	    EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
	size_t len = 32;

	if (pkey == NULL ||
	    EVP_PKEY_get_raw_public_key(pkey, pair->public_key, &len) != 1)
		fatal("ed25519 failed");
	memmove(pair->seed, seed, 32);
	EVP_PKEY_free(pkey);
}

void
key_generate(struct key_pair *pair)
{
	uint8_t seed[32];

	if (RAND_priv_bytes(seed, sizeof(seed)) != 1)
		fatal("no random numbers");
	key_from_seed(pair, seed);
	OPENSSL_cleanse(seed, sizeof(seed));
}

void
key_clear(struct key_pair *pair)
{
	OPENSSL_cleanse(pair, sizeof(*pair));
}

void
key_sign(const struct key_pair *pair, const uint8_t *data, size_t len,
    uint8_t signature[static 64])
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_ED25519, NULL, pair->seed, 32);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = 64;

	if (pkey == NULL || ctx == NULL ||
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) != 1 ||
	    EVP_DigestSign(ctx, signature, &n, data, len) != 1 || n != 64)
		fatal("ed25519 failed");
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
}
